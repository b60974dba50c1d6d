"""What a browser needs to rank by itself while a person turns the weights of a query's terms.

It gets the postings of the terms. Where these are too many, it gets the images that any term weighs
most, with all of their weights, and for each term the most that an image left out can weigh: if the
worst of the images shown scores more than that can give, their order is that of all images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsr.index.memory.index import MemoryIndex

MOST_BYTES = 200_000
_ENTRY = 8  # bytes: a place and a weight


@dataclass(frozen=True, eq=False)
class LivePostings:
    """Postings of a query's terms over some images.

    rows: (r,) int64, ascending rows of the index. places: for each term its images as int32 places
    in `rows`, ascending; weights: float32, what it weighs there. cuts: for each term the most that
    it can weigh in an image that is not among `rows`, 0 where none has it.
    """

    rows: np.ndarray
    places: list[np.ndarray]
    weights: list[np.ndarray]
    cuts: list[float]

    @property
    def whole(self) -> bool:
        """Whether no image that has one of the terms is left out."""
        return not any(self.cuts)

    @property
    def nbytes(self) -> int:
        return _ENTRY * sum(map(len, self.places))


def live_postings(
    memory: MemoryIndex,
    terms: Sequence[int],
    allowed: np.ndarray | None = None,
    most_bytes: int = MOST_BYTES,
) -> LivePostings:
    """The postings of some terms, cut to a size.

    Args:
        terms: numbers, each once. allowed: (n,) which images may be hits, None for all.
    """
    postings = [memory.postings(term) for term in terms]
    if allowed is not None:
        kept = [allowed[rows] for rows, _ in postings]
        postings = [
            (rows[keep], weights[keep])
            for (rows, weights), keep in zip(postings, kept, strict=True)
        ]
    longest = max((len(rows) for rows, _ in postings), default=0)
    if _ENTRY * sum(len(rows) for rows, _ in postings) <= most_bytes:
        return _over(postings, longest)
    # Every image brings the weights of several terms: begin with as many as would fit if it brought
    # one, and halve until all fit.
    each = max(1, min(longest, most_bytes // (_ENTRY * len(postings))))
    while (found := _over(postings, each)).nbytes > most_bytes and each > 1:
        each //= 2
    return found


def _over(postings: list[tuple[np.ndarray, np.ndarray]], each: int) -> LivePostings:
    """The postings over the union of each term's `each` best images."""
    best, cuts = [], []
    for rows, weights in postings:
        if len(rows) <= each:
            best.append(rows)
            cuts.append(0.0)
        else:
            order = np.argpartition(-weights, each)
            best.append(rows[order[:each]])
            cuts.append(float(weights[order[each:]].max()))
    union = np.unique(np.concatenate([np.zeros(0, np.int64), *best]))
    places, kept = [], []
    for rows, weights in postings:
        here = np.isin(rows, union, assume_unique=True)
        places.append(np.searchsorted(union, rows[here]).astype(np.int32))
        kept.append(weights[here].astype(np.float32))
    return LivePostings(union, places, kept, cuts)
