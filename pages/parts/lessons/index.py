"""Lesson 2: an inverted index of five pictures, searched, and counted against a dense scan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from lsr.evaluation.measures import summarize
from lsr.evaluation.task import Side
from lsr.failures.cases import ranks_in
from lsr.sweep.knobs import literal_only
from pages.parts import address, cards, pictures
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import Question, Scored, ask, estimate, off_by_factor, one_of
from pages.parts.lessons.sources import show_formula
from pages.parts.lessons.words import R_AT_1

_INDEX = live("index")
_SEEDS, _ALIKE = 4, 3
_PICTURES, _MOST, _TERMS = _SEEDS * _ALIKE, 5, 5
QUERY = "two lions in the desert"
_EQUAL = 0.02
_WORDS = "words"

TOUCHED = estimate(
    "2a",
    f"The index holds all scenes that can be searched, some dozen postings each. How many postings "
    f"does the query “{QUERY}” read?",
    (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000),
)
BETTER = Question(
    "2b",
    "Every picture has several captions. Queries are single words now, and some of them are in no "
    "caption. Which has a picture of what the word names in first place more often?",
    {
        "words": "BM25, which matches words of captions",
        "equal": "both about as often",
        "head": "the head, which sees only the picture",
    },
)


def touched(query: Side) -> int:
    """Postings that a query reads in the index of all scenes."""
    return int(bundled.searcher().memory.document_frequency[query.terms].sum())


def first_places() -> dict[str, dict[str, float]]:
    """R@1 on captions and on single words: of BM25, of the head, and of its dense vectors."""
    found = {}
    for queries in ("", _WORDS):
        lab = bundled.laboratory(queries=queries)
        lexical = lab.lexical or {}
        found[queries or "captions"] = {
            "BM25 of captions": lexical["R@1"],
            "the head, all its terms": summarize(ranks_in(lab.plain))["R@1"],
            "the head, the query's own words": summarize(ranks_in(literal_only(lab.plain)))["R@1"],
            "dense vectors": lab.teacher["R@1"],
        }
    return found


def better_called(lexical: float, head: float) -> str:
    """The answer to `BETTER` that two shares are."""
    if abs(lexical - head) < _EQUAL:
        return "equal"
    return "words" if lexical > head else "head"


def _chosen() -> list[int]:
    """Places of the pictures that the address names; what it says wrong is left out."""
    raw = address.read_text("five") or ""
    named = [int(one) for one in raw.split(".") if one.isascii() and one.isdigit() and len(one) < 3]
    return [one for one in dict.fromkeys(named) if one < _PICTURES][:_MOST]


def _offered() -> list[str]:
    """Ids of pictures that share terms: a few that are spread, each with the two most like it."""
    ready, found = bundled.searcher(), []
    for one in cards.gallery(bundled.collection(), _SEEDS):
        alike = [hit.image_id for hit in ready.similar(one.image_id, _PICTURES)]
        fresh = [other for other in alike if other not in found and other != one.image_id]
        found += [one.image_id, *fresh[: _ALIKE - 1]]
    return found


def _show_part(part: str, **more: Any) -> None:
    images, ready = bundled.collection(), bundled.searcher()
    ids = _offered()
    places = pictures.addresses(images, ids, key="lesson-index")
    key = f"index-{part}"
    _INDEX(
        key=key,
        data={
            "part": part,
            "pictures": [
                {
                    "id": one,
                    "picture": places.get(one, pictures.NOTHING),
                    "alt": cards.description(images, one),
                    "terms": [
                        (term.term, round(term.weight, 2))
                        for term in ready.inspect(one, _TERMS).terms
                    ],
                }
                for one in ids
            ],
            "chosen": _chosen(),
            "words": (address.read_text("words") or "")[:200].split(),
            "most": _MOST,
            "dense": images.dense_size,
            **more,
        },
        on_chosen_change=lambda: _write(key, "chosen", "five"),
        on_words_change=lambda: _write(key, "words", "words"),
    )


def _write(key: str, told: str, name: str) -> None:
    value = st.session_state[key].get(told)
    if isinstance(value, str):
        address.write(name, value or None)


def _show_building() -> None:
    st.markdown(
        introducing(
            "A book's index lists, for each word, the pages that have it. An **inverted index** "
            "does the same for pictures: for each **term**, a word of the vocabulary or a piece of "
            "one, a list of the pictures that activate it, with their **weights**. An entry of "
            "such a list is a **posting**. Build one.",
            "inverted index",
            "term",
            "weight",
            "posting",
        )
    )
    _show_part("build")


def _show_searching() -> None:
    if not _chosen():
        st.info("Choose pictures in the step before.", icon=":material/arrow_back:")
        return
    _show_part("search")
    show_formula(
        r"\mathrm{score}(q, d) = \sum_{t} q_t \, d_t",
        "score",
        says="In this step every word of the query weighs 1. A real query has weights of its own, "
        "and so does every posting. Terms that the query lacks are never looked at.",
    )


def _show_whole() -> None:
    ready = bundled.searcher()
    count, dense = len(ready.memory), bundled.collection().dense_size
    st.markdown(
        introducing(
            f"Now the same for all **{count:,}** scenes. Without an index, the dense vector of a "
            f"query is compared with every picture's, which reads {count:,} × {dense} = "
            f"**{count * dense:,}** numbers. With one, a query goes through the same head as a "
            "picture: it gets the terms that it says, and the head adds related ones, "
            "its **expansion**.",
            "dense vector",
            "projection head",
            "expansion",
        )
    )

    def scored() -> tuple[Scored, str]:
        found = touched(ready.query_vector(QUERY))
        return off_by_factor(TOUCHED, found), f"It reads **{found:,}** postings."

    ask(TOUCHED, scored, lambda: _show_lists(ready.query_vector(QUERY)))


def _show_lists(query: Side) -> None:
    ready = bundled.searcher()
    order = np.argsort(-query.matrix.data, kind="stable")
    terms, weights = query.terms[order], query.matrix.data[order]
    firsts = [ready.memory.search(terms[:k], weights[:k], 1) for k in range(1, len(terms) + 1)]
    postings = ready.memory.document_frequency[terms]
    said = query.said[order]
    least = np.arange(len(terms)) >= len(terms) / 2
    st.markdown(
        f"The query says {said.sum()} of its {len(terms)} terms, and the head added the others. "
        f"What it added holds **{postings[~said].sum() / postings.sum():.0%}** of the postings and "
        f"{weights[~said].sum() / weights.sum():.0%} of the weight. The lighter half of all terms "
        f"holds **{postings[least].sum() / postings.sum():.0%}** of the postings and "
        f"{weights[least].sum() / weights.sum():.0%} of the weight: leave it out, and a search "
        "becomes cheaper."
    )
    _show_part(
        "whole",
        terms=[
            {
                "term": ready.model.vocabulary.terms[term],
                "weight": float(weight),
                "postings": int(count),
                "literal": bool(literal),
            }
            for term, weight, count, literal in zip(terms, weights, postings, said, strict=True)
        ],
        firsts=[hits[0].image_id if hits else "" for hits in firsts],
        images=len(ready.memory),
    )


def _show_words() -> None:
    st.markdown(
        introducing(
            "Inverted indexes are older than neural networks. The classic way to fill one is "
            "**BM25**: count words of texts, and let rare words count more. It cannot look at a "
            "picture, so it needs **captions**. The head reads the picture and needs none.",
            "BM25",
            "caption",
        )
    )

    def scored() -> tuple[Scored, str]:
        found = first_places()[_WORDS]
        lexical, head = found["BM25 of captions"], found["the head, all its terms"]
        truth = (
            f"BM25 has it first in **{lexical:.0%}** of the queries, the head in **{head:.0%}**."
        )
        return one_of(better_called(lexical, head)), truth

    ask(BETTER, scored, _show_table)


def _show_table() -> None:
    found = first_places()
    st.dataframe(
        pd.DataFrame(
            {
                "R@1": list(found["captions"]),
                "captions": list(found["captions"].values()),
                "single words": list(found[_WORDS].values()),
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.3f")
            for name in ("captions", "single words")
        },
        alt="R@1 of BM25, the head and dense vectors on captions and on single words",
    )
    dense = bundled.collection().dense_size
    single = found[_WORDS]
    st.markdown(
        introducing(
            f"**R@1** is {R_AT_1}. With captions as queries, BM25 reads the *other* captions of "
            "each picture, so none finds itself. It is hard to beat there: people have described "
            "every picture several times. A word that no caption says finds nothing, whether BM25 "
            "or the head's own words alone look for it. There the terms that the head **adds** to "
            "the query find it, and no caption was needed.",
            "R@1",
        )
    )
    st.markdown(
        "Why do dense vectors find most single words, "
        f"{single['dense vectors']:.0%}? The encoder's vectors of words come from a language model "
        "that has read far more than these captions, so a word that none of them says still lies "
        "near words of the same meaning. The head gets that vector and nothing else: it inherits "
        f"this, and loses some of it when it keeps a few dozen terms. That has its price: a dense "
        f"scan reads all {dense} numbers of every picture."
    )


LESSON = Lesson(
    "An inverted index by hand",
    "Build an index, search it, and say why a search reads so little.",
    9,
    (
        Step("Build", _show_building),
        Step("Search", _show_searching),
        Step("All scenes", _show_whole),
        Step("Words alone", _show_words),
    ),
    (TOUCHED, BETTER),
)
