"""BM25 over captions equals the formula, and no caption finds itself."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.evaluation.lexical import K1, B, lexical_measures, lexical_ranks
from lsr.evaluation.measures import summarize

STOP = {"a", "the", "of", "on", "in", "with", "and"}


def words(text: str) -> list[str]:
    return [w for w in re.findall(r"\w\w+", text.lower()) if w not in STOP]


def bm25(documents: list[str], query: str) -> list[float]:
    """Lucene's BM25 by its formula, term by term."""
    texts = [words(one) for one in documents]
    mean = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for word in words(query):
            n = sum(word in one for one in texts)
            if n:
                idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
                tf = text.count(word)
                score += idf * tf / (tf + K1 * (1 - B + B * len(text) / mean))
        scores.append(score)
    return scores


def rank(scores: list[float], answers: list[int]) -> int:
    best = max(scores[i] for i in answers)
    if best <= 0:
        return 0
    return 1 + sum(s >= best * (1 - 1e-6) for i, s in enumerate(scores) if i not in answers)


def test_captions_are_searched_in_the_other_captions_of_their_images(queried):
    ranks = lexical_ranks(queried, "test")
    rows = queried.image_rows("test").tolist()
    captions = [queried.captions_of(row) for row in rows]
    expected = []
    for row in queried.caption_rows("test"):
        owner = rows.index(queried.caption_image_rows[row])
        text = queried.caption_texts[row]
        number = captions[owner].index(text)
        others = [" ".join(t for j, t in enumerate(c) if j != number) for c in captions]
        expected.append(rank(bm25(others, text), [owner]))
    assert len(set(expected)) > 3
    assert ranks.tolist() == expected
    assert lexical_measures(queried, "test") == summarize(np.array(expected))


def test_queries_of_a_set_are_searched_in_all_captions_and_any_answer_counts(queried):
    ranks = lexical_ranks(queried, "test", "some")
    rows = queried.image_rows("test").tolist()
    documents = [" ".join(queried.captions_of(row)) for row in rows]
    found = queried.query_set("some")
    kept, starts, relevant = found.among(queried.image_rows("test"))
    expected = [
        rank(bm25(documents, found.texts[row]), relevant[starts[i] : starts[i + 1]].tolist())
        for i, row in enumerate(kept)
    ]
    assert len(set(expected)) > 3
    assert ranks.tolist() == expected


def test_an_only_caption_finds_nothing_since_its_image_has_no_other(queried, monkeypatch):
    """Each image keeps one caption, which is left out where it searches."""
    first = {row: queried.captions_of(row)[:1] for row in range(len(queried.image_ids))}
    monkeypatch.setattr(type(queried), "captions_of", lambda self, row: first[row])
    monkeypatch.setattr(
        type(queried), "caption_rows", lambda self, split: np.arange(len(self.caption_ids))[24::2]
    )
    assert lexical_ranks(queried, "test").tolist() == [0] * 24


def test_an_image_that_searches_has_no_words(answer, queried, model):
    shared = ("evaluate", "--collection", queried.name, "--model", model.name)
    assert answer(*shared)["lexical"]
    text = answer(*shared, "--direction", "image-to-text")
    assert text["lexical"] is None


def test_a_split_without_captions_is_one_sentence(queried, capsys):
    assert main(["evaluate", "--collection", "queried", "--split", "dev"]) == 2
    with pytest.raises(Exception, match="no split `dev`|There is no split"):
        lexical_ranks(queried, "dev")
