"""Lesson 4: a Bernoulli variable for every term that a caption does not say, and exact chances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from lsr.evaluation.task import Task
from lsr.exceptions import CollectionError
from lsr.failures.cases import ranks_in
from lsr.index.memory.index import MemoryIndex
from lsr.model.expansion import ExpansionControl
from lsr.model.sparse import SparseVectors
from lsr.sweep.exact_coins import WordChances, word_chances
from lsr.sweep.knobs import literal_only
from pages.parts import address, cards, pictures
from pages.parts.glossary import introducing
from pages.parts.lessons import bundled
from pages.parts.lessons.frame import Lesson, Step
from pages.parts.lessons.live import live
from pages.parts.lessons.questions import Question, Scored, ask, estimate, off_by, one_of
from pages.parts.lessons.sources import show_formula
from pages.parts.markup import escape

_COIN = live("coin")
_CAPTIONS, _TRIED = 4, 60
_MOST_BRANCHES = 2**20
_LEAST_RANK = 4  # with its own words alone: below that, there is something to gain
RATE = 0.5
_EQUAL = 0.05
_EPOCHS = 20
_LOOKING = (
    "Looking for captions whose coins matter. The first time on a machine, loops are compiled for "
    "it, which takes some seconds…"
)

FIRST = estimate(
    "4a",
    "Every coin is on with chance p = 0.5. In how many of 100 throws of all coins does the picture "
    "of this caption come first?",
    (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100),
    "{:g}",
)
WHOLE = Question(
    "4b",
    "Instead of one coin for each term, **one** coin decides for all terms together, also with "
    "p = 0.5. When does the picture come first more often?",
    {
        "each": "with a coin for each term",
        "equal": "about equally often",
        "whole": "with one coin for all",
    },
)


@dataclass(frozen=True, eq=False)
class Caption:
    """A caption with all that its coins decide.

    row: among the captions of the task. terms, weights, said: (t,) of its vector.
    """

    row: int
    name: str
    text: str
    image: int
    terms: np.ndarray
    weights: np.ndarray
    said: np.ndarray
    chances: WordChances


@st.cache_resource(max_entries=2, show_spinner=_LOOKING)
def _captions(*_marks: str) -> list[Caption]:
    lab = bundled.laboratory()
    task = lab.plain
    wanted = (ranks_in(task) == 1) & (ranks_in(literal_only(task)) >= _LEAST_RANK)
    texts = dict(zip(lab.projected.captions.ids, lab.projected.pairs.texts, strict=True))
    rows = sorted(np.flatnonzero(wanted), key=lambda row: len(texts[task.captions.ids[row]]))
    images = index(task)
    found: list[Caption] = []
    for row in rows[:_TRIED]:
        told = _caption(task, int(row), texts[task.captions.ids[row]], images)
        if told is not None:
            found.append(told)
        if len(found) == _CAPTIONS:
            break
    return found


def index(task: Task) -> MemoryIndex:
    """The index of the images of a task."""
    vocabulary = bundled.head().vocabulary.fingerprint
    return MemoryIndex(SparseVectors(task.images.matrix, task.images.ids, vocabulary))


def _caption(task: Task, row: int, text: str, images: MemoryIndex) -> Caption | None:
    """A caption; None where its outcomes are too many to be counted while somebody waits."""
    span = slice(*task.captions.starts[row : row + 2])
    terms, weights = task.captions.terms[span], task.captions.matrix.data[span]
    said = task.captions.said[span]
    # A term that no picture activates decides nothing.
    used = images.document_frequency[terms] > 0
    terms, weights, said = terms[used], weights[used], said[used]
    image = int(task.image_of[row])
    chances = word_chances(images, terms, weights, said, [image], most=_MOST_BRANCHES)
    name = task.captions.ids[row]
    if chances is None:
        return None
    return Caption(row, name, text, image, terms, weights, said, chances)


def chance_of_first(caption: Caption) -> float:
    """With a coin for each term."""
    return caption.chances.within(1, RATE)


def chance_with_one_coin(caption: Caption) -> float:
    """With one coin for all terms: they are all off, or all on."""
    off, on = (caption.chances.within(1, rate) for rate in (0.0, 1.0))
    return (1 - RATE) * off + RATE * on


def better_called(each: float, whole: float) -> str:
    """The answer to `WHOLE` that two chances are."""
    if abs(each - whole) < _EQUAL:
        return "equal"
    return "each" if each > whole else "whole"


def captions() -> list[Caption]:
    """Short captions that find their picture first with all terms, and not with their own words."""
    return _captions(bundled.collection().fingerprint, bundled.head().fingerprint)


def chosen() -> Caption:
    """The caption that the address names.

    Raises:
        CollectionError: there is no caption whose coins matter.
    """
    if not (offered := captions()):
        raise CollectionError(
            f"No caption of collection `{bundled.COLLECTION}` gains enough by its added terms for "
            "this lesson. Restore the bundled collection."
        )
    names = {one.name: one for one in offered}
    return names[address.option("caption", list(names), offered[0].name)]


def _choose() -> Caption:
    current = chosen()
    offered = captions()
    st.selectbox(
        "Caption",
        [one.name for one in offered],
        format_func={one.name: one.text for one in offered}.__getitem__,
        **address.bound("caption", current.name, offered[0].name),
    )
    return current


def _show_part(part: str, caption: Caption, **more: Any) -> None:
    task = bundled.laboratory().plain
    images = bundled.collection()
    name = task.images.ids[caption.image]
    places = pictures.addresses(images, [name], key="lesson-coin")
    terms = bundled.head().vocabulary.terms
    order = np.argsort(-caption.weights, kind="stable")
    coins = [i for i in order if not caption.said[i]]
    _COIN(
        key=f"coin-{part}",
        data={
            "part": part,
            "caption": caption.name,
            "picture": places.get(name, pictures.NOTHING),
            "alt": cards.description(images, name),
            "said": [terms[caption.terms[i]] for i in order if caption.said[i]],
            "coins": [terms[caption.terms[i]] for i in coins],
            **_scores(task, caption, coins),
            **more,
        },
    )


def _scores(task: Task, caption: Caption, coins: list[int]) -> dict[str, Any]:
    """What the own words give a picture, and each coin: of the caption's, and of its rivals.

    A picture that cannot overtake it, whatever coins are on, is left out.
    """
    brought = task.images.matrix[:, caption.terms].toarray().astype(np.float64) * caption.weights
    base, parts = brought[:, caption.said].sum(axis=1), brought[:, coins]
    own = caption.image
    most = base - base[own] + np.maximum(parts - parts[own], 0).sum(axis=1)
    rivals = [row for row in np.flatnonzero(most >= 0) if row != own]

    def told(row: int) -> tuple[float, list[float]]:
        return round(float(base[row]), 5), [round(float(one), 5) for one in parts[row]]

    return {"own": told(own), "rivals": [told(int(row)) for row in rivals]}


def _shares(caption: Caption) -> list[list[float]]:
    return [[round(float(one), 9) for one in row] for row in caption.chances.shares]


def _show_throwing() -> None:
    st.markdown(
        introducing(
            "A caption says a few words; the head adds terms that it does not say, its "
            "**expansion**. Which of them help? Give each added term a coin: on, it takes part; "
            "off, it does not. The caption's own words always take part. Such a coin is a "
            "**Bernoulli variable**, and p is its chance to be on. Turn coins by a click, or throw "
            "them, and watch the rank of the caption's own picture: 1 is the first place.",
            "expansion",
            "literal term",
            "Bernoulli variable",
        )
    )
    caption = _choose()
    _show_part("throwing", caption)


def _show_outcomes() -> None:
    caption = _choose()
    st.markdown(
        f"“{escape(caption.text)}” has **{caption.chances.coins} coins**, so they can fall in "
        f"2^{caption.chances.coins} ways. Nobody throws them all, but all of them can be counted."
    )

    def scored() -> tuple[Scored, str]:
        chance = 100 * chance_of_first(caption)
        return off_by(FIRST, chance, 50), f"It is first in **{chance:.1f}** of 100 throws."

    def reveal() -> None:
        st.markdown(
            f"Counted in {caption.chances.branches:,} steps: where no coin left can change who is "
            "ahead, all outcomes below are counted at once. Throw, and see how fast the throws "
            "come near what is exact. Move p."
        )
        _show_part("outcomes", caption, shares=_shares(caption), whole=False)
        show_formula(
            r"\begin{aligned} P(r) = \sum_{k=0}^{m} & \tbinom{m}{k}\, p^k (1-p)^{m-k} \\ "
            r"& \cdot \mathrm{share}_r(k) \end{aligned}",
            "chances",
            "coins",
            says="`m` coins, `k` of them on. `share` is the part of all outcomes with `k` coins on "
            "in which the picture has rank `r`: it is counted once, and serves every p.",
        )

    ask(FIRST, scored, reveal)


def _show_one_coin() -> None:
    caption = _choose()
    st.markdown(
        "The head was trained with coins as well. While it learns, a coin decides for each "
        "caption whether it may use added terms at all; p starts at 0 and rises to 1. So the "
        "words themselves learn their meaning first."
    )
    control = ExpansionControl("scheduled")
    rates = [control.rate_at(epoch / _EPOCHS) for epoch in range(_EPOCHS)]

    def scored() -> tuple[Scored, str]:
        each, whole = chance_of_first(caption), chance_with_one_coin(caption)
        truth = f"A coin for each: **{each:.0%}**. One coin for all: **{whole:.0%}**."
        return one_of(better_called(each, whole)), truth

    def reveal() -> None:
        st.markdown(
            "One coin for all gives all or nothing, so its line is straight. With a coin for each "
            "term the curve bends: upwards where any few terms are enough, downwards where several "
            "are needed together. Move through the epochs of a training:"
        )
        _show_part("schedule", caption, shares=_shares(caption), whole=True, rates=rates)
        show_formula(
            r"p(\mathrm{progress}) = \min\left(1, \frac{\mathrm{progress}}{0.95}\right)",
            "schedule",
            says="The schedule of the paper is the first case.",
        )

    ask(WHOLE, scored, reveal)


LESSON = Lesson(
    "The coin",
    "Say what a Bernoulli variable does to a caption's terms, and why chances can be exact.",
    9,
    (
        Step("A coin for each term", _show_throwing),
        Step("All outcomes", _show_outcomes),
        Step("Over the epochs", _show_one_coin),
    ),
    (FIRST, WHOLE),
)
