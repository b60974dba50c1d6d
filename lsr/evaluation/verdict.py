"""A verdict on a model, in plain sentences: is it sparse, readable, as good as its teacher?

The thresholds are general. They are tuned to no collection and no encoder, and each says why it
lies where it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lsr.evaluation.measured import (
    LEAST_IMAGES,
    MOST_SPARSE_TERMS,
    SPARSE_TERMS,
    Grade,
    Kept,
    Making,
    Measured,
)
from lsr.evaluation.remedy import remedy

# A posting costs several times a step of a dense product, which runs through memory in order. At
# one in ten an index is faster for certain; at as many it is slower.
SMALL_COST, MOST_COST = 0.1, 1.0
# Half of the ten strongest terms: a reader meets more words that captions confirm than others. A
# quarter: two or three still name the picture; below, most of what is read misleads. Where an
# image's captions say fewer than ten terms, it is of what they could confirm.
SAID, LEAST_SAID = 0.5, 0.25
# A query's own words, of what all terms find. Where they find most of it, terms mean what they
# say; where they find less than half, the meaning lies elsewhere.
OWN_WORDS, LEAST_OWN_WORDS = 0.75, 0.5
# Of the teacher's R@1: a loss of one answer in twenty is rarely noticed, of one in five always.
KEPT, LEAST_KEPT = 0.95, 0.80
DRAWS, CONFIDENCE = 2_000, 0.95

_QUESTIONS = {
    "sparse": "Sparse enough?",
    "readable": "Readable?",
    "keeps_teacher": "Keeps its teacher?",
}


@dataclass(frozen=True)
class Finding:
    """The answer to one question: a grade, and what was measured in plain sentences."""

    grade: Grade
    says: str


@dataclass(frozen=True)
class Verdict:
    """The three answers, and the one thing to change."""

    sparse: Finding
    readable: Finding
    keeps_teacher: Finding
    kept: Mapping[str, Kept]
    change: str

    def as_json(self) -> dict[str, Any]:
        """As answers and `metrics.json` hold it."""
        answers = {name: asdict(getattr(self, name)) for name in _QUESTIONS}
        answers["keeps_teacher"] |= {name: asdict(one) for name, one in self.kept.items()}
        return {**answers, "change": self.change}


def judge(measured: Measured, making: Making | None = None) -> Verdict:
    """The verdict on what was measured.

    Args:
        making: how the model was made; None where it does not tell.
    """
    making = making or Making()
    sparse, readable = _sparse(measured), _readable(measured)
    keeps = _keeps_teacher(measured, making.taught)
    grades = (sparse.grade, readable.grade, keeps.grade)
    change = remedy(measured, grades, making)
    return Verdict(sparse, readable, keeps, measured.kept or {}, change)


def questions(verdict: Mapping[str, Any]) -> list[tuple[str, Grade, str]]:
    """(question, grade, what was found) of a verdict as JSON holds it."""
    return [
        (asks, verdict[name]["grade"], verdict[name]["says"]) for name, asks in _QUESTIONS.items()
    ]


def kept_of_teacher(
    sparse: np.ndarray, dense: np.ndarray, groups: np.ndarray, seed: int = 0
) -> Kept | None:
    """A measure as a share of the teacher's, with a paired bootstrap interval over images.

    All queries of an image are drawn together, with the model's and the teacher's values.

    Args:
        sparse, dense: (q,) values of the queries. groups: (q,) a number shared by those that the
            same images answer.

    Returns:
        None where the teacher finds nothing.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    if not dense.sum():
        return None
    _, numbers = np.unique(groups, return_inverse=True)
    ours, theirs = (np.bincount(numbers, weights=values) for values in (sparse, dense))
    rng, n = np.random.default_rng(seed), len(ours)
    shares = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, n, n)
        if total := theirs[drawn].sum():
            shares.append(ours[drawn].sum() / total)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(shares, [tail, 100 - tail])
    return Kept(float(ours.sum() / theirs.sum()), float(low), float(high))


def _graded(value: float, good: float, fair: float) -> Grade:
    """Of a value that is better the larger it is."""
    return "good" if value >= good else "fair" if value >= fair else "poor"


def _worse(*grades: Grade) -> Grade:
    order: tuple[Grade, ...] = ("good", "fair", "poor")
    return max((one for one in grades if one != "unknown"), key=order.index, default="unknown")


def _sparse(measured: Measured) -> Finding:
    terms = max(measured.active_image, measured.active_query or 0)
    says = f"{_count(measured.active_image)} active terms an image"
    if measured.active_query is not None:
        says += f", {_count(measured.active_query)} a caption"
    if not measured.active_image:
        return Finding("poor", f"{says}: no image can be found.")
    grade = _graded(-terms, -SPARSE_TERMS, -MOST_SPARSE_TERMS)
    says += "." if grade == "good" else f"; up to {SPARSE_TERMS} are sparse."
    if measured.flops is None:
        return Finding(grade, says)
    cost = measured.flops / measured.dense_size
    says += (
        f" A caption and an image share {measured.flops:.1f} of them (FLOPs), where the dense "
        f"product takes {measured.dense_size:,} multiplications."
    )
    return Finding(_worse(grade, _graded(-cost, -SMALL_COST, -MOST_COST)), says)


def _readable(measured: Measured) -> Finding:
    grades: list[Grade] = []
    says = []
    if measured.image_exact is not None:
        said = measured.image_said
        least = 1.0 if said is None else min(10.0, max(said, 1.0)) / 10
        grades.append(_graded(measured.image_exact / least, SAID, LEAST_SAID))
        limit = f"; they say {said:.0f} terms in all" if least < 1 else ""
        says.append(
            f"Captions say {measured.image_exact:.0%} of an image's ten strongest terms{limit}."
        )
    if measured.own_words is not None and measured.all_terms and measured.dense:
        of_all, of_teacher = (
            measured.own_words / one for one in (measured.all_terms, measured.dense)
        )
        if measured.words_count:
            grades.append(_graded(of_all, OWN_WORDS, LEAST_OWN_WORDS))
        says.append(
            f"A query's own words alone have R@1 {measured.own_words:.3f}: {of_all:.0%} of what "
            f"all terms find, {of_teacher:.0%} of the teacher."
        )
    if not measured.says:
        return Finding("poor", "Its terms are numbers or names, not words that a text could say.")
    if not says:
        return Finding("unknown", "Without captions nobody can tell whether its terms are right.")
    return Finding(_worse(*grades), " ".join(says))


def _keeps_teacher(measured: Measured, taught: bool) -> Finding:
    if measured.dense is None:
        return Finding("unknown", "Without captions there is nothing to compare with its teacher.")
    first, ten = ((measured.kept or {}).get(name) for name in ("R@1", "R@10"))
    if first is None or ten is None:
        return Finding("unknown", "The dense teacher itself finds no image first.")
    says = f"R@1 is {first.in_words} of the dense teacher's, R@10 {ten.in_words}."
    if not taught:
        says = (
            f"R@1 is {first.in_words} of what the collection's dense vectors reach, R@10 "
            f"{ten.in_words}; they did not teach it."
        )
    if measured.n_images < LEAST_IMAGES:
        return Finding("unknown", f"{_images(measured.n_images)} cannot tell. {says}")
    if first.low < LEAST_KEPT and first.high >= KEPT:
        return Finding(
            "unknown",
            f"{_images(measured.n_images)} cannot tell: the interval reaches from poor to good. "
            f"{says}",
        )
    return Finding(_graded(first.share, KEPT, LEAST_KEPT), says)


def _images(n: int) -> str:
    return f"{n:,} image{'' if n == 1 else 's'} with captions"


def _count(terms: float) -> str:
    return f"{terms:,.1f}" if terms < 10 else f"{terms:,.0f}"
