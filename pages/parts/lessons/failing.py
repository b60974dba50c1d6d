"""Lesson 6: three missed answers to diagnose, with the causes and edits of the Failures page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from lsr.exceptions import CollectionError
from lsr.failures.cases import Cases, gaps
from lsr.failures.causes import CAUSE_NAMES, Causes, explain
from lsr.failures.shares import said_by_documents
from lsr.failures.why_not import WhyNot, why_not
from pages.parts import caches, links, pictures
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import Question, Scored, ask, button
from pages.parts.lessons.sources import show_formula
from pages.parts.markup import escape

_FAILING = live("failing")
_CASES, _OFFERED = 3, 4
_LEAST = 0.01  # of the gap
_LOWEST = 20  # an answer that far down is a query of its own


def named(cause: str) -> str:
    """A cause as the address writes it."""
    return cause.replace(" ", "-")


# What each cause means between two images, shorter than its rule.
MEANINGS = {
    "no shared term": "the answer shares no term with the query",
    "pruning or control": "terms were cut that would have helped the answer",
    "word in pieces": "the vocabulary has no term for a word of the query",
    "under-activation": "the answer lacks terms that the query or its own captions say",
    "unsupported rival": "the rival has terms that no caption of it, or of images like it, says",
    "unsupported query": "the head added words that no caption of the answer says",
    "generic terms": "the rival leads by terms that many images have, whatever they show",
    "number or order": "the rival shows the same things in another number or order",
    "ambiguous text": "the query fits the rival as well",
    "near-duplicate": "answer and rival are each other's nearest by dense vectors",
    "teacher": "the dense vectors put the rival ahead, too",
    "unexplained": "no rule explains it",
}

DIAGNOSES = tuple(
    Question(
        f"6{letter}",
        "What puts the rival ahead? Compare the pictures, captions and terms below, then choose.",
        {named(cause): cause for cause in CAUSE_NAMES},
    )
    for letter in "abc"
)


def found() -> tuple[Cases, Causes]:
    """All captions of the test scenes, and why answers are behind."""
    with st.spinner("Looking for every caption's answer, and for causes…"):
        labs = [bundled.laboratory()]
        return caches.cases(labs), caches.causes(labs)


def offered(causes: Causes) -> list[str]:
    """The causes that are most often the first guess, the most frequent one first."""
    main = causes.main
    counts = np.bincount(main[main >= 0], minlength=len(CAUSE_NAMES))
    order = [CAUSE_NAMES[place] for place in np.argsort(-counts, kind="stable") if counts[place]]
    return [name for name in order if name != "unexplained"][:_OFFERED]


def rows(cases: Cases, causes: Causes) -> list[int]:
    """The case of each question: of a frequent cause, the failure that it explains best.

    Raises:
        CollectionError: there are not enough.
    """
    chosen = []
    near = (cases.ranks > 1) & (cases.ranks <= _LOWEST) & (cases.rivals >= 0)
    for name in offered(causes)[:_CASES]:
        place = CAUSE_NAMES.index(name)
        those = np.flatnonzero(near & (causes.main == place))
        if len(those):
            chosen.append(int(those[np.argmax(causes.shares[those, place])]))
    if len(chosen) < _CASES:
        raise CollectionError(
            f"Collection `{bundled.COLLECTION}` has {len(chosen)} failures to diagnose, and this "
            f"lesson needs {_CASES}. Restore the bundled collection."
        )
    return chosen


def share_of(causes: Causes, row: int, name: str) -> float:
    """The score of a diagnosis: its share of what the rival gains, beside the largest share."""
    of_row = causes.shares[row]
    place = [named(one) for one in CAUSE_NAMES].index(name)
    return float(of_row[place] / of_row.max())


def _show_case(number: int) -> None:
    cases, causes = found()
    row, question = rows(cases, causes)[number], DIAGNOSES[number]
    if number == 0:
        st.markdown(
            introducing(
                "A search fails when another picture, the **rival**, stands before the right one, "
                "the **answer**. A **score** is a sum over terms, so one can look which terms put "
                "the rival there. Mute terms below and see what becomes of the answer.",
                "rival",
                "score",
            )
        )
    own = cases.own_words[row]
    st.markdown(f"**“{escape(cases.texts[row])}”**")
    st.caption(
        f"The answer's rank: {cases.ranks[row]} by all terms, {own or 'no hit'} by the query's own "
        f"words, {cases.dense[row]} by dense vectors."
    )

    def scored() -> tuple[Scored, str]:
        [first, *_] = explain(causes, cases, row, bundled.head().vocabulary.terms)
        truth = f"Most of what puts the rival ahead, **{first.share:.0%}**, is **{first.name}**."
        rule = "a cause gets its share of what puts the rival ahead, beside the largest share"
        return Scored(partial(share_of, causes, row), rule), truth

    ask(
        question,
        scored,
        partial(_show_diagnosis, cases, causes, row),
        partial(_offer, question, offered(causes)),
    )
    _show_board(cases, row)


def _offer(question: Question, names: list[str]) -> None:
    grid = st.grid(2, min_column_width=320, gap="xsmall")
    for name in names:
        with grid.container(gap="xxsmall"):
            button(question, named(name), name.capitalize())
            meaning = MEANINGS[name]
            st.caption(introducing(meaning, name) if name == "near-duplicate" else meaning)


def _show_diagnosis(cases: Cases, causes: Causes, row: int) -> None:
    terms = bundled.head().vocabulary.terms
    told = explain(causes, cases, row, terms)
    for one in [told[0], *(other for other in told[1:] if other.share >= _LEAST)]:
        st.markdown(
            f"- **{one.name.capitalize()}**, {one.share:.0%} of what puts the rival ahead: "
            f"{escape(one.evidence)}"
        )
    st.markdown(_edits(_cure(cases, row)))
    st.caption(
        "A cause is a guess by a rule, a cure for one query may break others, and a wrong answer "
        "may be a good one. The Failures page lets you judge each."
    )
    links.to_failure(bundled.COLLECTION, cases.ids[row], "This query on the Failures page")
    show_formula(
        r"\begin{aligned} & \mathrm{score}(q, r) - \mathrm{score}(q, a) \\ "
        r"& = \sum_t q_t\,(r_t - a_t) \end{aligned}",
        "gaps",
        says="The gap between rival `r` and answer `a`, term by term: each term on which the rival "
        "is ahead belongs to one cause.",
    )


def _cure(cases: Cases, row: int) -> WhyNot:
    said = said_by_documents(bundled.laboratory(), cases)[cases.answers[row]].indices
    return why_not(cases, row, bundled.head().vocabulary.terms, said=said)


def _edits(cure: WhyNot) -> str:
    if not cure.edits:
        return "No small set of edits of the query lifts the answer to the first place."
    told = ", ".join(f"*{escape(str(one))}*" for one in cure.edits)
    fewest = "The fewest edits" if cure.exact else "Edits"
    return f"{fewest} of the query that lift the answer to the first place: {told}."


def _show_board(cases: Cases, row: int) -> None:
    task = cases.task
    images, terms = bundled.collection(), bundled.head().vocabulary.terms
    ids = task.images.ids
    sides = {"answer": int(cases.answers[row]), "rival": int(cases.rivals[row])}
    places = pictures.addresses(
        images, [ids[one] for one in sides.values()], key=f"lesson-case-{row}"
    )
    query = task.queries.matrix[row]
    weights = dict(zip((terms[t] for t in query.indices), query.data, strict=True))
    numbers = dict(zip(weights, query.indices, strict=True))
    postings = task.images.postings
    each = sorted(gaps(cases, row, terms), key=lambda one: -abs(one.difference))

    def told(term: str) -> list[tuple[int, float]]:
        start, stop = postings.starts[numbers[term] : numbers[term] + 2]
        products = postings.weights[start:stop].astype(np.float64) * float(weights[term])
        return [
            (int(image), round(float(product), 5))
            for image, product in zip(postings.rows[start:stop], products, strict=True)
        ]

    _FAILING(
        key=f"failing-{row}",
        data={
            "query": cases.ids[row],
            "images": len(task.images),
            "terms": [
                {
                    "term": one.term,
                    "literal": one.literal,
                    "answer": one.answer,
                    "rival": one.rival,
                    "postings": told(one.term),
                }
                for one in each
            ],
            **{
                name: {
                    "row": place,
                    "picture": places.get(ids[place], pictures.NOTHING),
                    "captions": images.captions_of(images.image_row(ids[place])),
                }
                for name, place in sides.items()
            },
        },
    )


_SHOW: tuple[Callable[[], Any], ...] = tuple(
    partial(_show_case, number) for number in range(_CASES)
)

LESSON = Lesson(
    "When it fails",
    "Find out which terms put a wrong picture first, and name the cause.",
    9,
    tuple(Step(f"Case {number}", show) for number, show in enumerate(_SHOW, 1)),
    DIAGNOSES,
)
