"""A lexical baseline: BM25 over captions, what words alone find where every image has captions.

It reads no picture. An image's document is its captions joined; a caption that searches is searched
among the other captions, so that it never finds itself: queries that are the j-th caption of their
image search an index in which every image lacks its j-th caption. The queries of a query set are
searched among all captions.

Source: Robertson and Zaragoza 2009, in the form of Lucene, by the package bm25s (arXiv 2407.03618).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.measures import ranks_of_best, summarize
from lsr.evaluation.pairs import check_pairs

K1, B = 1.5, 0.75
_BLOCK = 256


def lexical_ranks(collection: Collection, split: str, queries: str = "") -> np.ndarray:
    """(q,) int64: the rank of each query's best right image by BM25, 0 where it is no hit.

    Ties count against the answer. Queries are in the order of the split's captions, or of the set.

    Args:
        queries: name of a query set that takes the place of the captions.

    Raises:
        CollectionError: the split has no captions, or the set no query here.
        UnknownNameError: no such split or query set.
    """
    check_pairs(collection, split, queries)
    image_rows = collection.image_rows(split)
    place = {int(row): i for i, row in enumerate(image_rows)}
    captions = [collection.captions_of(int(row)) for row in image_rows]
    if queries:
        found = collection.query_set(queries)
        kept, starts, relevant = found.among(image_rows)
        answers = [relevant[starts[i] : starts[i + 1]] for i in range(len(kept))]
        joined = [" ".join(texts) for texts in captions]
        return _ranks(joined, [found.texts[row] for row in kept], answers)
    rows = collection.caption_rows(split)
    owners = [place[int(row)] for row in collection.caption_image_rows[rows]]
    numbers = _numbers(owners)
    ranks = np.zeros(len(rows), np.int64)
    for number in range(int(numbers.max()) + 1):
        asking = np.flatnonzero(numbers == number)
        others = [" ".join(t for j, t in enumerate(texts) if j != number) for texts in captions]
        texts = [collection.caption_texts[rows[one]] for one in asking]
        ranks[asking] = _ranks(others, texts, [np.array([owners[one]]) for one in asking])
    return ranks


def lexical_measures(
    collection: Collection, split: str, queries: str = ""
) -> dict[str, float] | None:
    """Every one of RANK_MEASURES by BM25; None where no image of the split has a caption.

    Raises:
        CollectionError, UnknownNameError: as `lexical_ranks`.
    """
    if not len(collection.caption_rows(split)):
        return None
    return summarize(lexical_ranks(collection, split, queries))


def _numbers(owners: Sequence[int]) -> np.ndarray:
    """(m,) the how-manieth caption of its image each is, counted from 0."""
    seen: dict[int, int] = {}
    numbers = np.zeros(len(owners), np.int64)
    for i, owner in enumerate(owners):
        numbers[i] = seen.get(owner, 0)
        seen[owner] = int(numbers[i]) + 1
    return numbers


def _ranks(documents: list[str], texts: list[str], answers: Sequence[np.ndarray]) -> np.ndarray:
    """(q,) ranks of texts among documents.

    Args:
        answers: of each text, the places of its right documents.
    """
    if not any(one.strip() for one in documents):
        return np.zeros(len(texts), np.int64)
    index = _index(documents)
    ranks = np.zeros(len(texts), np.int64)
    for start in range(0, len(texts), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(texts)))
        scores = np.array([_scores(index, words) for words in _words(texts[block])])
        relevant = np.zeros(scores.shape, bool)
        for row, right in enumerate(answers[block]):
            relevant[row, right] = True
        ranks[block] = ranks_of_best(scores, relevant, sparse=True)
    return ranks


def _index(documents: list[str]) -> Any:
    import bm25s  # takes a moment, and only this baseline needs it

    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index(_words(documents), show_progress=False)
    return index


def _scores(index: Any, words: list[str]) -> np.ndarray:
    """(documents,) float32; 0 for words that no document says."""
    known = [word for word in words if word in index.vocab_dict]
    if not known:
        return np.zeros(index.scores["num_docs"], np.float32)
    found: np.ndarray = index.get_scores(known)
    return found


def _words(texts: list[str]) -> list[list[str]]:
    import bm25s

    words: list[list[str]] = bm25s.tokenize(texts, return_ids=False, show_progress=False)
    return words
