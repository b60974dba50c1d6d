"""A verdict on a model, in plain sentences: is it sparse, readable, as good as its teacher?

The thresholds are general. They are tuned to no collection and no encoder, and each says why it
lies where it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Grade = Literal["good", "fair", "poor", "unknown"]

# An inverted index pays where vectors are about as long as documents of words are: a hundred or
# two. Past some hundred nobody reads them, and an index has no advantage over dense vectors.
SPARSE_TERMS, MOST_SPARSE_TERMS = 128, 512
# A posting costs several times a step of a dense product, which runs through memory in order. At
# one in ten an index is faster for certain; at as many it is slower.
SMALL_COST, MOST_COST = 0.1, 1.0
# Half of the ten strongest terms: a reader meets more words that captions confirm than others. A
# quarter: two or three still name the picture; below, most of what is read misleads.
SAID, LEAST_SAID = 0.5, 0.25
# A query's own words, of what all terms find. Where they find most of it, terms mean what they
# say; where they find less than half, the meaning lies elsewhere.
OWN_WORDS, LEAST_OWN_WORDS = 0.75, 0.5
# Of the teacher's R@1: a loss of one answer in twenty is rarely noticed, of one in five always.
KEPT, LEAST_KEPT = 0.95, 0.80
# Rule of three: where none of n images shows a loss, a loss of 3 / n may still be there. From 60
# images on that is less than the loss that `good` allows.
LEAST_IMAGES = 60
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
class Kept:
    """A measure as a share of the teacher's, with its 95 % interval over images."""

    share: float
    low: float
    high: float

    @property
    def in_words(self) -> str:
        return f"{self.share:.0%} ({self.low:.0%} to {self.high:.0%})"


@dataclass(frozen=True)
class Measured:
    """What a verdict rests on; None where it could not be measured.

    active_query, active_image: mean active terms. flops: of a query and an image.
    image_exact: share of an image's ten strongest terms that its captions say.
    own_words, all_terms, dense: R@1. kept: R@1 and R@10 as shares of the teacher's.
    n_images: that the queries ask for. words_count: false for queries in other words than captions.
    """

    dense_size: int
    active_image: float
    active_query: float | None = None
    flops: float | None = None
    image_exact: float | None = None
    own_words: float | None = None
    all_terms: float | None = None
    dense: float | None = None
    kept: Mapping[str, Kept] | None = None
    n_images: int = 0
    words_count: bool = True


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


def judge(measured: Measured, method: str | None = None) -> Verdict:
    """The verdict on what was measured.

    Args:
        method: that made the model, as `train --method` names it; None where it is not known.
    """
    sparse, readable, keeps = _sparse(measured), _readable(measured), _keeps_teacher(measured)
    change = _change(measured, (sparse.grade, readable.grade, keeps.grade), method)
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
        grades.append(_graded(measured.image_exact, SAID, LEAST_SAID))
        says.append(f"Captions say {measured.image_exact:.0%} of an image's ten strongest terms.")
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
    if not says:
        return Finding("unknown", "Without captions nobody can tell whether its terms are right.")
    return Finding(_worse(*grades), " ".join(says))


def _keeps_teacher(measured: Measured) -> Finding:
    if measured.dense is None:
        return Finding("unknown", "Without captions there is nothing to compare with its teacher.")
    first, ten = ((measured.kept or {}).get(name) for name in ("R@1", "R@10"))
    if first is None or ten is None:
        return Finding("unknown", "The dense teacher itself finds no image first.")
    says = f"R@1 is {first.in_words} of the dense teacher's, R@10 {ten.in_words}."
    if measured.n_images < LEAST_IMAGES:
        return Finding("unknown", f"{_images(measured.n_images)} cannot tell. {says}")
    if first.low < LEAST_KEPT and first.high >= KEPT:
        return Finding(
            "unknown",
            f"{_images(measured.n_images)} cannot tell: the interval reaches from poor to good. "
            f"{says}",
        )
    return Finding(_graded(first.share, KEPT, LEAST_KEPT), says)


def _change(measured: Measured, grades: tuple[Grade, Grade, Grade], method: str | None) -> str:
    """The one remedy that matters most."""
    sparse, readable, keeps = grades
    lexical = method in ("tuned", "closed-form", "encoder-terms")
    if not measured.active_image:
        return "Train with `--method tuned`: its terms are words from the start."
    if sparse == "poor" or (sparse == "fair" and readable != "poor"):
        if lexical:
            fewer = max(1, min(64, round(measured.active_image / 2)))
            return f"Make it with a lower `--target-active-terms`, such as {fewer}."
        return "Train with `--method tuned`, which keeps to `--target-active-terms` (64)."
    if measured.dense is None:
        return (
            "Look at some images on the Image page. Captions, be it of a hundred images, would "
            "tell how right the terms are and make them better."
        )
    if "poor" not in (readable, keeps) and keeps == "unknown":
        return (
            f"Measure it on more images: {LEAST_IMAGES} with captions at the least, better "
            "hundreds."
        )
    if readable in ("poor", "fair"):
        return _more_readable(method)
    if keeps in ("poor", "fair"):
        return _closer_to_teacher(method)
    return "Nothing: use it."


def _more_readable(method: str | None) -> str:
    match method:
        case "tuned":
            return "Add captions: more of them make its words more exact."
        case "encoder-terms":
            return "Add captions, and train with `--method tuned`."
        case _:
            return "Train with `--method tuned`: its terms are words from the start."


def _closer_to_teacher(method: str | None) -> str:
    """Of a model whose terms are few enough and readable."""
    match method:
        case "tuned":
            return "Allow more terms with a higher `--target-active-terms`, or add captions."
        case "trained":
            return "Allow more terms with a lower `--regularizer-weight`."
        case "encoder-terms":
            return "Add captions, and train with `--method tuned`."
        case _:
            return "Train with `--method tuned`, which learns from the teacher's ranking."


def _images(n: int) -> str:
    return f"{n:,} image{'' if n == 1 else 's'} with captions"


def _count(terms: float) -> str:
    return f"{terms:,.1f}" if terms < 10 else f"{terms:,.0f}"
