"""Where the order of the best images changes as expansion terms gain weight.

Under the mean score an image is a straight line: what its literal terms bring, plus the rate times
what the others bring. So the order of the best k changes only where two lines cross, and all these
rates are found exactly: between two of them nothing moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex

MOST = 100


@dataclass(frozen=True)
class Crossing:
    """At `rate` an image takes the place `rank` from the one that held it.

    risen, fallen: rows of the index. Where the rank is the last one that is looked at, the fallen
    image leaves; else it is one place lower.
    """

    rate: float
    rank: int
    risen: int
    fallen: int


@dataclass(frozen=True, eq=False)
class Lines:
    """The images that are among the best at some rate, and where their order changes.

    literal, expansion: (n,) float64, the score of every image of the index at rate 0, and what a
    rate of 1 adds. first: rows of the best at a rate just above 0, best first.
    crossings: ascending by rate, all above 0 and below 1.
    """

    literal: np.ndarray
    expansion: np.ndarray
    first: tuple[int, ...]
    crossings: tuple[Crossing, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """The images that are among the best at some rate, in the order in which they get there."""
        return tuple(dict.fromkeys((*self.first, *(one.risen for one in self.crossings))))

    def score_at(self, rate: float, row: int) -> float:
        """The score of an image at a rate."""
        return float(self.literal[row] + rate * self.expansion[row])

    def order_at(self, rate: float) -> tuple[int, ...]:
        """The best at a rate, best first; at a crossing, the order before it."""
        order = list(self.first)
        for one in self.crossings:
            if one.rate >= rate:
                break
            _swap(order, one)
        return tuple(order)


def lines_of(
    index: MemoryIndex, terms: np.ndarray, weights: np.ndarray, said: np.ndarray, k: int = 10
) -> Lines:
    """The lines of a query and their crossings among the best k.

    The order at each crossing follows from the one before by an exchange of two neighbours, so
    each step looks at the k lines above and at the one that first reaches the last of them: O(n)
    for each crossing.

    Args:
        terms, weights: (t,) of the query. said: (t,) bool, whether the query says the term.
        k: how many of the best count, 1 to MOST.

    Raises:
        QueryError: another k.
    """
    if not 1 <= k <= MOST:
        raise QueryError(f"The order of the best {k:,} cannot be followed. Use 1 to {MOST}.")
    literal, expansion = (
        np.asarray(index.score_all(terms[part], weights[part]), np.float64)
        for part in (said, ~said)
    )
    # Just above 0 the steeper of two equal lines is ahead; rows ascend by id.
    ahead = np.lexsort((np.arange(len(literal)), -expansion, -literal))
    scoring = ahead[(literal + expansion)[ahead] > 0]
    order = [int(row) for row in scoring[:k]]
    outside = np.ones(len(literal), bool)
    outside[order] = False
    first, found, rate = tuple(order), [], 0.0
    while (one := _next(literal, expansion, order, outside, rate)) is not None:
        found.append(one)
        rate = one.rate
        if one.risen not in order:
            outside[one.risen], outside[one.fallen] = False, True
        _swap(order, one)
    return Lines(literal, expansion, first, tuple(found))


def _next(
    literal: np.ndarray, expansion: np.ndarray, order: list[int], outside: np.ndarray, rate: float
) -> Crossing | None:
    """The next exchange of neighbours at or after a rate and below 1."""
    if not order:
        return None
    upper, lower = np.array(order[:-1], np.int64), np.array(order[1:], np.int64)
    last, rivals = order[-1], np.flatnonzero(outside)
    places = np.arange(1, len(order) + 1)
    above = np.concatenate([upper, np.full(len(rivals), last)])
    below = np.concatenate([lower, rivals])
    steeper = expansion[below] - expansion[above]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (literal[above] - literal[below]) / steeper
    # Rounding may put a crossing that is due a hair before the one that was just taken.
    at = np.where(steeper > 0, np.maximum(at, rate), np.inf)
    if not len(at) or not (best := float(at.min())) < 1:
        return None
    i = int(np.flatnonzero(at == best)[np.argmax(steeper[at == best])])
    rank = int(places[i]) if i < len(upper) else len(order)
    return Crossing(best, rank, int(below[i]), int(above[i]))


def _swap(order: list[int], one: Crossing) -> None:
    place = one.rank - 1
    order[place] = one.risen
    if place + 1 < len(order):
        order[place + 1] = one.fallen
