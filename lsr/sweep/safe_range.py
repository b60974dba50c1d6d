"""How far a query or its images may be cut before the first hits change, exactly.

A pruning changes what it keeps at finitely many values, the weights themselves, and between two of
them nothing happens. All of them are gone through from the loosest on, so what is said to stay
stays at every value up to the one named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np

from lsr.evaluation.task import Side, Task, strongest_first
from lsr.exceptions import QueryError
from lsr.sweep.knobs import (
    PRUNINGS,
    Knob,
    Sides,
    mass_up_to,
    pruning_stages,
    rounded,
    stage_order,
    to_peak,
)

MOST = 100
_BITS = 16
# Scores are whole numbers of so many bits, so that a sum does not depend on its order.
_SCORE_BITS = 60


@dataclass(frozen=True)
class SafeRange:
    """The tightest value of a knob up to which the first k hits stay, at every looser one too.

    order: where they also keep their order. members: where they are the same images. None where not
    even the loosest value keeps them, as rounding to 16 bits may not.
    """

    knob: Knob
    order: float | None
    members: float | None


def safe_ranges(task: Task, query: Side, k: int = 10) -> list[SafeRange]:
    """The safe range of every control, for cutting the query, the images, or both.

    Args:
        task: its images are searched. query: a single vector. k: hits that have to stay, 1 to MOST.

    Returns:
        top-k, threshold, max-ratio, alpha_mass and bits, each for captions (the query), images
        and both; none where the query has no hit.

    Raises:
        QueryError: another k.
    """
    if not 1 <= k <= MOST:
        raise QueryError(f"The first {k:,} hits cannot be followed. Use 1 to {MOST}.")
    products = _Products(task.images, query)
    first = _best(products.scores(), k)
    if not len(first):
        return []
    top = float(task.captions.matrix.data.max(initial=0.0))
    found = []
    for control in (*PRUNINGS, "bits"):
        for side in get_args(Sides):
            knob = Knob(control, side)
            if control == "bits":
                found.append(_rounding(task.images, query, knob, first, top))
            else:
                found.append(_pruning(products, knob, first))
    return found


class _Products:
    """Every product of a query term and a posting of the images, as whole numbers.

    rows, values: (p,). asked, posted: (p,) the entries of the query and of the images.
    """

    def __init__(self, images: Side, query: Side) -> None:
        self.images, self.query = images, query
        postings = images.postings
        spans = [slice(*postings.starts[term : term + 2]) for term in query.terms]
        sizes = [span.stop - span.start for span in spans]
        places = np.concatenate([np.arange(s.start, s.stop) for s in spans] or [np.zeros(0, int)])
        self.asked = np.repeat(np.arange(len(spans)), sizes)
        self.posted = postings.entries[places]
        self.rows = postings.rows[places]
        exact = query.matrix.data[self.asked].astype(np.float64) * postings.weights[places]
        sums = np.bincount(self.rows, np.abs(exact), len(images))
        _, exponent = np.frexp(sums.max(initial=1.0))
        self.values = np.rint(np.ldexp(exact, _SCORE_BITS - int(exponent))).astype(np.int64)

    def scores(self) -> np.ndarray:
        """(n,) int64 of all images."""
        totals = np.zeros(len(self.images), np.int64)
        np.add.at(totals, self.rows, self.values)
        return totals


def _pruning(products: _Products, knob: Knob, first: np.ndarray) -> SafeRange:
    values = _breakpoints(products, knob)
    stages = np.zeros(len(products.values), np.int64)
    for which, entries in (("captions", products.asked), ("images", products.posted)):
        if which in knob.sides:
            side = products.query if which == "captions" else products.images
            stages = np.maximum(stages, pruning_stages(side, knob, values)[entries])
    order = np.argsort(stages, kind="stable")
    ends = np.searchsorted(stages[order], np.arange(len(values) + 1), side="right")
    scores = products.scores()
    named = stage_order(knob, values)

    def cut(stage: int) -> np.ndarray:
        """Scores at a stage, once those of all later ones were asked for."""
        gone = order[ends[stage] : ends[stage + 1]]
        np.subtract.at(scores, products.rows[gone], products.values[gone])
        return scores

    return _walk(knob, first, [(float(named[s]), s) for s in range(len(values))][::-1], cut)


def _breakpoints(products: _Products, knob: Knob) -> np.ndarray:
    """The values at which a pruning begins to keep another entry that counts, ascending."""
    found = []
    for which, entries in (("captions", products.asked), ("images", products.posted)):
        if which not in knob.sides:
            continue
        side = products.query if which == "captions" else products.images
        if knob.control == "top-k":
            found.append(strongest_first(side)[entries] + 1.0)
        elif knob.control == "max-ratio":
            found.append(to_peak(side)[entries])
        elif knob.control == "alpha_mass":
            found.append(mass_up_to(side)[entries])
        else:
            found.append(side.matrix.data[entries].astype(np.float64))
    return np.unique(np.concatenate(found))


def _rounding(images: Side, query: Side, knob: Knob, first: np.ndarray, top: float) -> SafeRange:
    """Rounding, from the most bits down; a query is rounded as the captions of the task are."""

    def cut(bits: int) -> np.ndarray:
        asked, kept = query, images
        if "captions" in knob.sides:
            weights = rounded(query, bits, top)
            asked = query.keep(weights > 0, weights)
        if "images" in knob.sides:
            weights = rounded(images, bits)
            kept = images.keep(weights > 0, weights)
        return _Products(kept, asked).scores()

    return _walk(knob, first, [(float(bits), bits) for bits in range(_BITS, 0, -1)], cut)


def _walk(
    knob: Knob,
    first: np.ndarray,
    states: list[tuple[float, int]],
    scores_of: Callable[[int], np.ndarray],
) -> SafeRange:
    """The last value, from the loosest on, at which the first hits are still the first.

    Args:
        states: (value, state), loosest first.
    """
    order: float | None = None
    members: float | None = None
    ordered = True
    for value, state in states:
        scores = scores_of(state)
        if not _still_first(scores, first):
            break
        members = value
        ordered = ordered and _in_order(scores, first)
        order = value if ordered else order
    return SafeRange(knob, order, members)


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Rows of the k best with a score, best first, ties by row."""
    order = np.lexsort((np.arange(len(scores)), -scores))[:k]
    return np.asarray(order[scores[order] > 0])


def _in_order(scores: np.ndarray, first: np.ndarray) -> bool:
    own = scores[first]
    ahead = (own[:-1] > own[1:]) | ((own[:-1] == own[1:]) & (first[:-1] < first[1:]))
    return bool(ahead.all())


def _still_first(scores: np.ndarray, first: np.ndarray) -> bool:
    """Whether these rows, in whatever order, are ahead of all others, and have scores."""
    own = scores[first]
    least = own.min()
    if least <= 0:
        return False
    last = first[own == least].max()
    rivals = scores.copy()
    rivals[first] = -1
    best = int(np.argmax(rivals))  # the first row of the largest
    return bool(rivals[best] < least or (rivals[best] == least and best > last))
