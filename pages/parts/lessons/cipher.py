"""Lesson 3: a head without control: a cipher that ranks well, and why that can mean nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from lsr.evaluation.measures import summarize
from lsr.evaluation.task import Side
from lsr.failures.cases import ranks_in
from lsr.model.sparse import flops
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import literal_only
from pages.parts import cards, pictures
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.dictionary import BACK, CIPHER, HEADS, NOTHING, SHARES, show_dictionary
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.questions import (
    Question,
    Scored,
    ask,
    estimate,
    off_by,
    one_of,
    predict,
)
from pages.parts.lessons.riddle import PICTURES, TARGET, TERMS, riddle
from pages.parts.lessons.sources import show_formula
from pages.parts.lessons.words import R_AT_1

_LETTERS = "ABCD"
_RATES = (0.0, 0.25, 0.5, 0.75, 1.0)

PICTURE = Question(
    "3a",
    "Another head learned from the same pictures and captions, but without control. Below are its "
    "strongest terms for one of the pictures. Click the picture.",
    {letter.lower(): letter for letter in _LETTERS},
)
OWN = estimate(
    "3b",
    "With all their terms, both heads find the right picture first about equally often. Now "
    "captions search with **their own words only**. What is R@1 of the head without control?",
    SHARES,
)
NAMES = Question(
    "3c",
    "In the head *with* control, all terms swap names at random. What happens to its R@1 "
    "with all terms?",
    {"zero": "it falls to nearly 0", "half": "it falls by half or so", "same": "it stays the same"},
)


def recalls(name: str) -> tuple[float, float]:
    """R@1 of a bundled head: with all terms, and with the captions' own words."""
    task = bundled.laboratory(name).plain
    return (
        summarize(ranks_in(task))["R@1"],
        summarize(ranks_in(literal_only(task)))["R@1"],
    )


def recall_under_other_names(seed: int = 0) -> float:
    """R@1 of the controlled head, all terms, when every term has the name of another one."""
    task = bundled.laboratory().plain
    names = np.random.default_rng(seed).permutation(task.images.matrix.shape[1])
    renamed = replace(
        task, captions=_renamed(task.captions, names), images=_renamed(task.images, names)
    )
    return summarize(ranks_in(renamed))["R@1"]


def _renamed(side: Side, names: np.ndarray) -> Side:
    matrix = side.matrix.copy()
    matrix.indices = names[matrix.indices].astype(matrix.indices.dtype)
    matrix.has_sorted_indices = False
    matrix.sort_indices()
    # Which terms are literal plays no part where all of them search.
    return replace(side, matrix=matrix, said=np.ones(matrix.nnz, bool))


def change_called(before: float, after: float) -> str:
    """The answer to `NAMES` that a change is."""
    share = after / before
    return "same" if share > 0.9 else "half" if share > 0.2 else "zero"


def _show_riddle() -> None:
    st.markdown(
        introducing(
            "Training asks only that a caption and its picture get terms that agree. Nothing says "
            "that the term *dog* must have to do with dogs. **Expansion control** does: it makes "
            "captions rely on the words that they say (lesson 4 shows how). The other head learned "
            "without.",
            "expansion control",
        )
    )
    asked = riddle()

    def show(*, revealed: bool) -> None:
        places = pictures.addresses(bundled.collection(), asked.ids, key="lesson-cipher")
        key = f"cipher-riddle-{'told' if revealed else 'asked'}"
        CIPHER(
            key=key,
            data={
                "part": "riddle",
                "pictures": [_both(one, places) for one in asked.ids],
                "target": TARGET,
                "revealed": revealed,
            },
            on_guess_change=lambda: _guess(key),
        )

    def scored() -> tuple[Scored, str]:
        return one_of(_LETTERS[TARGET].lower()), f"It is picture **{_LETTERS[TARGET]}**."

    def reveal() -> None:
        show(revealed=True)
        st.markdown(
            introducing(
                f"Read as English, these terms fit picture **{_LETTERS[asked.guess]}** best: so "
                "says the encoder, whose vectors of words come from a language model. This riddle "
                f"was chosen because English misleads. In all {asked.riddles:,} riddles like it, "
                "one for each picture, English picks the right one of four in "
                f"**{asked.right[bundled.FREE]:.0%}**, and luck in {1 / PICTURES:.0%}; with the "
                f"terms of the head *with* control, in **{asked.right[bundled.CONTROLLED]:.0%}**. "
                "The head without control uses names of terms as a **cipher**: it understands "
                "itself, and nobody else does.",
                "cipher",
            )
        )

    ask(PICTURE, scored, reveal, lambda: show(revealed=False))


def _guess(key: str) -> None:
    name = st.session_state[key].get("guess")
    if isinstance(name, str) and name in PICTURE.answers:
        predict(PICTURE, name)


def _both(image_id: str, places: dict[str, str]) -> dict[str, Any]:
    free, controlled = (
        [
            (one.term, round(one.weight, 2))
            for one in bundled.searcher(name).inspect(image_id, TERMS).terms
        ]
        for name in (bundled.FREE, bundled.CONTROLLED)
    )
    return {
        "id": image_id,
        "picture": places.get(image_id, pictures.NOTHING),
        "alt": cards.description(bundled.collection(), image_id),
        "free": free,
        "controlled": controlled,
    }


def _show_own_words() -> None:
    with st.spinner("Searching with all captions in both heads…"):
        found = {name: recalls(name) for name in HEADS}
    st.markdown(
        introducing(
            f"A cipher does not hurt a ranking. **R@1** is {R_AT_1}; the queries here are "
            "captions, and the right answer is a caption's own picture. With all terms: "
            + ", ".join(f"{HEADS[name]} **{every:.3f}**" for name, (every, _) in found.items())
            + ". What a reader would call a search is another matter: a person types words.",
            "cipher",
            "R@1",
            "caption",
        )
    )

    def scored() -> tuple[Scored, str]:
        own = found[bundled.FREE][1]
        return off_by(OWN, own, NOTHING), f"It is **{own:.3f}**."

    ask(OWN, scored, _show_coin)


def _show_coin() -> None:
    models = []
    with st.spinner("Measuring both heads at a few rates…"):
        for name, label in HEADS.items():
            *_, report = bundled.laboratory(name).sweeping(parse_knob("caption"), _RATES)
            recall = [row.mean["R@1"] for row in report.rows]
            models.append({"name": label, "rates": _RATES, "recall": recall})
    CIPHER(key="cipher-own", data={"part": "own", "models": models})
    st.markdown(
        introducing(
            "The cipher costs as well. A random caption and a random picture share terms by "
            "accident: **FLOPs** counts how many. Each has to be read and added up, and none of it "
            "tells the right picture from a wrong one.",
            "FLOPs",
        )
    )
    table = {"": ["FLOPs", "active terms of a caption", "active terms of a picture"]}
    for name, label in HEADS.items():
        projected = bundled.laboratory(name).projected
        sides = projected.captions, projected.images
        table[label] = [f"{one:.1f}" for one in (flops(*sides), *(x.active_terms for x in sides))]
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        width="content",
        alt="FLOPs and active terms of both heads",
    )


def _show_other_names() -> None:
    st.markdown(
        "R@1 is the figure that papers report. Does a good R@1 show that terms mean what they are "
        "called?"
    )

    def scored() -> tuple[Scored, str]:
        before, after = recalls(bundled.CONTROLLED)[0], recall_under_other_names()
        truth = f"R@1 was **{before:.3f}** and is **{after:.3f}**."
        return one_of(change_called(before, after)), truth

    def reveal() -> None:
        st.markdown(
            "A score adds up products of weights. The names of terms do not occur in it, so all "
            "names may change, and no rank does. Even a perfect R@1 says nothing about meaning. "
            "What does: searching with own words, and whether captions say a picture's terms."
        )
        show_formula(
            r"\begin{aligned} \mathrm{score}(q, d) &= \sum_t q_t\, d_t \\ "
            r"&= \sum_t q_{\pi(t)}\, d_{\pi(t)} \end{aligned}",
            "score",
            says="`π` is any renaming of the terms.",
        )

    ask(NAMES, scored, reveal)


LESSON = Lesson(
    "Without control",
    "Say why a head can rank well with terms that mean nothing, and how that is found out.",
    9,
    (
        Step("A riddle", _show_riddle),
        Step("Own words", _show_own_words),
        Step("Other names", _show_other_names),
        Step("A dictionary", show_dictionary),
    ),
    (PICTURE, OWN, NAMES, BACK),
)
