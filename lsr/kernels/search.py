"""Compiled search over the postings of a segment. Arrays only; the classes around them check input.

See `lsr.kernels.score` for the arrays. A first pass gives all images a score that is wrong by
no more than a known slack. Whatever that may have kept from the k best is scored again in float64.
Few images are scored in float64 at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from lsr.kernels.best import (
    STRIDE,
    above,
    collect,
    count_above,
    descending,
    lowered,
    ordered,
    reached_by_k,
)
from lsr.kernels.compiled import compiled
from lsr.kernels.postings import best_rows, pick_best
from lsr.kernels.score import (
    BITS,
    BLOCK,
    MOST_COARSE_TERMS,
    in_units,
    plain,
    score_coarsely,
    score_exactly,
    score_finely,
)

Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]
# Relative error of one float32 operation.
_EPS = 2.0**-24
# Up to so many images, scores in float64 cost less than candidates do.
FEW_ROWS = 4096
_ALL = np.ones(FEW_ROWS, np.bool_)
# Units of slack, of 65,535, up to which lines are multiplied by whole units.
WHOLE_UNITS = 1024
# So many candidates cost more than another pass that leaves fewer.
_MOST_CANDIDATES, _MOST_CANDIDATES_EACH = 512, 16


def _score(index: Any, block: int, n: int, terms: Any, query: Any, scores: Any) -> None:
    """Write the scores of a block's images to `scores` by the pass that fits its type."""
    raise NotImplementedError("compiled code only")


@overload(_score)
def _score_of(index: Any, block: int, n: int, terms: Any, query: Any, scores: Any) -> Any:  # noqa: ARG001
    def fine(index: Any, block: int, n: int, terms: Any, query: Any, scores: Any) -> None:
        starts, rows, stored, _, _, dense_of, dense, _ = index
        score_finely(starts, rows, stored, dense_of, dense, block, n, terms, query[0], scores)

    def coarse(index: Any, block: int, n: int, terms: Any, query: Any, scores: Any) -> None:
        starts, rows, stored, _, _, dense_of, _, levels = index
        score_coarsely(starts, rows, stored, dense_of, levels, block, n, terms, *query, scores)

    return fine if scores.dtype == types.float32 else coarse


@compiled()
def _candidates(
    index: Any,
    n: int,
    terms: Any,
    query: Any,
    slack: Any,
    k: int,
    allowed: Any,
    room: Any,
) -> Any:
    """Rows, ascending, of all images that may be among the k best by a first pass into `room`."""
    whole_room = ordered(room)
    heap, largest = np.zeros(k, whole_room.dtype), np.empty(BLOCK // STRIDE, whole_room.dtype)
    found, kept = np.empty(4 * STRIDE, np.int32), np.empty(4 * STRIDE, whole_room.dtype)
    size = 0
    for block in range(-(-n // BLOCK)):
        base = block * BLOCK
        here = min(n - base, BLOCK)
        scores = room[: (here + STRIDE - 1) // STRIDE * STRIDE]
        _score(index, block, here, terms, query, scores)
        if len(allowed) > 0:
            for row in range(here):
                scores[row] *= allowed[base + row]
        counts = ordered(scores)
        bar = lowered(reached_by_k(counts, largest, heap), slack)
        most = size + STRIDE * count_above(largest, len(counts) // STRIDE, bar)
        if most > len(found):
            wider, more = np.empty(2 * most, np.int32), np.empty(2 * most, whole_room.dtype)
            wider[:size], more[:size] = found[:size], kept[:size]
            found, kept = wider, more
        size += collect(counts, largest, base, bar, slack, heap, kept[size:], found[size:])
        size = above(found, kept, size, lowered(heap[0], slack))
    return found[:size]


@compiled()
def _weights_of(index: Any, found: Any, terms: Any, image_weights: Any) -> None:
    """Fill (found, terms) float32 with what every term weighs in every row found, 0 where inactive.

    One body on purpose: a call for every weight costs more than finding it.
    """
    starts, rows, stored, scales, _, dense_of, dense, _ = index
    either = np.zeros(2, np.uint64)
    for j in range(len(terms)):
        term = terms[j]
        scale = scales[term]
        line = dense_of[term]
        for i in range(len(found)):
            row = np.int64(found[i])
            if line >= 0:
                image_weights[i, j] = plain(dense[line, row]) * scale
                continue
            block = row >> BITS
            here = np.uint16(row & (BLOCK - 1))
            low = np.uint64(starts[block, term])
            left = np.uint64(starts[block, term + 1]) - low
            if not left:
                image_weights[i, j] = 0
                continue
            # Read from a table: a jump that depends on the row could not be foreseen.
            while left > np.uint64(1):
                half = left >> np.uint64(1)
                either[1] = half
                low += either[np.uint64(rows[low + half] <= here)]
                left -= half
            image_weights[i, j] = plain(stored[low]) * scale if rows[low] == here else 0


@compiled()
def is_query(terms: Any, weights: Doubles, n_terms: int) -> bool:
    """Whether the terms are in range and the weights are numbers from 0 up."""
    usable = True
    for i in range(len(terms)):
        usable &= 0 <= terms[i] < n_terms and 0 <= weights[i] < np.inf
    return usable


@compiled()
def _all_candidates(
    index: Any, n: int, terms: Any, weights: Doubles, k: int, allowed: Any, room: Any
) -> Any:
    """Rows of all images that may be among the k best: by the coarse pass, or else by the fine."""
    coarse_room, fine_room, _ = room
    _, _, _, scales, steps, dense_of, _, _ = index
    factors, multipliers = np.empty(len(terms), np.float32), np.empty(len(terms), np.uint32)
    if len(terms) <= MOST_COARSE_TERMS:
        whole = True
        slack = in_units(terms, weights, scales, steps, dense_of, whole, factors, multipliers)
        if slack > WHOLE_UNITS:
            whole = False
            slack = in_units(terms, weights, scales, steps, dense_of, whole, factors, multipliers)
        if slack < np.inf:
            query = factors, multipliers, whole
            units = np.int64(slack) + 1
            found = _candidates(index, n, terms, query, units, k, allowed, coarse_room)
            if len(found) <= _MOST_CANDIDATES + _MOST_CANDIDATES_EACH * k:
                return found
    for i in range(len(terms)):
        factors[i] = np.float32(weights[i]) * scales[terms[i]]
    share = np.float32(2 * (len(terms) + 8) * _EPS)
    return _candidates(index, n, terms, (factors, multipliers, True), share, k, allowed, fine_room)


@compiled()
def _best_of_candidates(
    index: Any, n: int, terms: Any, weights: Doubles, k: int, allowed: Any, room: Any
) -> Any:
    """Rows, scores and weights of the k best of any number of images."""
    largest = weights.max() if len(weights) > 0 else 0.0
    if largest <= 0:
        nothing = np.empty((0, len(terms)), np.float32)
        return np.empty(0, np.int32), np.empty(0, np.float64), nothing
    # Scaled so that no product leaves the range of float32.
    found = _all_candidates(index, n, terms, weights / largest, k, allowed, room)
    image_weights = np.empty((len(found), len(terms)), np.float32)
    _weights_of(index, found, terms, image_weights)
    exact = np.zeros(len(found), np.float64)
    for i in range(len(found)):
        for j in range(len(terms)):
            exact[i] += weights[j] * np.float64(image_weights[i, j])
    order = descending(exact)[:k]
    return found[order], exact[order], image_weights[order]


@compiled()
def best(
    index: Any,
    n: int,
    terms: Any,
    weights: Doubles,
    k: int,
    allowed: NDArray[np.bool_],
    room: Any,
) -> Any:
    """The k images of the largest inner product above 0, score descending, ties by row.

    Scores that decide are in float64, their products added up in the order of `terms`.

    Args:
        index: the arrays of a `Segment`.
        terms, weights: a query that `is_query` accepts.
        allowed: (n,) which images may be hits, or nothing for all.
        room: for scores, arrays of BLOCK uint16, BLOCK float32 and at most FEW_ROWS float64.

    Returns:
        rows int32, scores float64, and (hits, terms) float32 weights of the query's terms.
    """
    if n > len(room[2]):
        return _best_of_candidates(index, n, terms, weights, k, allowed, room)
    starts, rows, stored, scales, _, dense_of, dense, _ = index
    scores, passing = room[2][:n], allowed if len(allowed) > 0 else _ALL
    score_exactly(starts, rows, stored, scales, dense_of, dense, terms, weights, scores)
    found = best_rows(scores, passing, k)
    image_weights = np.empty((len(found), len(terms)), np.float32)
    _weights_of(index, found, terms, image_weights)
    return found, scores[found], image_weights


@compiled()
def best_of_many(
    index: Any,
    n: int,
    query_starts: Longs,
    terms: Any,
    weights: Doubles,
    first: int,
    last: int,
    k: int,
    allowed: NDArray[np.bool_],
    room: Any,
    hit_rows: Any,
    hit_scores: Any,
) -> None:
    """`best` for the queries from `first` to `last`, into lines of `hit_rows` and `hit_scores`.

    Lines are k wide; where there are fewer hits, the row is -1.
    """
    # Named once: names in the loop would count references.
    starts, rows, stored, scales, _, dense_of, dense, _ = index
    scores, passing = room[2][:n], allowed if len(allowed) > 0 else _ALL
    for query in range(first, last):
        span = slice(query_starts[query], query_starts[query + 1])
        its_terms, its_weights = terms[span], weights[span]
        its_rows, its_scores = hit_rows[query], hit_scores[query]
        if n > len(room[2]):
            found, exact, _ = _best_of_candidates(
                index, n, its_terms, its_weights, k, allowed, room
            )
            size = len(found)
            its_rows[:size], its_scores[:size] = found, exact
        else:
            score_exactly(
                starts, rows, stored, scales, dense_of, dense, its_terms, its_weights, scores
            )
            size = pick_best(scores, passing, 0.0, its_rows, its_scores)
        its_rows[size:] = -1
        its_scores[size:] = 0
