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
    blocks: Any,
    terms: Any,
    query: Any,
    slack: Any,
    k: int,
    allowed: Any,
    room: Any,
) -> Any:
    """Rows, ascending, of all images of some blocks that may be among their k best.

    By a first pass into `room`.
    """
    whole_room = ordered(room)
    heap, largest = np.zeros(k, whole_room.dtype), np.empty(BLOCK // STRIDE, whole_room.dtype)
    found, kept = np.empty(4 * STRIDE, np.int32), np.empty(4 * STRIDE, whole_room.dtype)
    size = 0
    for block in range(*blocks):
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
    index: Any, n: int, blocks: Any, terms: Any, weights: Doubles, k: int, allowed: Any, room: Any
) -> Any:
    """`_candidates` by the coarse pass, or else by the fine."""
    coarse_room, fine_room = room
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
            found = _candidates(index, n, blocks, terms, query, units, k, allowed, coarse_room)
            if len(found) <= _MOST_CANDIDATES + _MOST_CANDIDATES_EACH * k:
                return found
    for i in range(len(terms)):
        factors[i] = np.float32(weights[i]) * scales[terms[i]]
    share = np.float32(2 * (len(terms) + 8) * _EPS)
    query = factors, multipliers, True
    return _candidates(index, n, blocks, terms, query, share, k, allowed, fine_room)


@compiled()
def best_of_few(
    index: Any, terms: Any, weights: Doubles, k: int, allowed: NDArray[np.bool_], scores: Any
) -> Any:
    """The k images of the largest inner product above 0, score descending, ties by row.

    Scores are in float64, their products added up in the order of `terms`.

    Args:
        index: the arrays of a `Segment` of one block.
        terms, weights: a query that `is_query` accepts.
        allowed: which images may be hits, or nothing for all of up to FEW_ROWS.
        scores: (n,) float64, room for a score of every image.

    Returns:
        rows int32, scores float64, and (hits, terms) float32 weights of the query's terms.
    """
    starts, rows, stored, scales, _, dense_of, dense, _ = index
    passing = allowed if len(allowed) > 0 else _ALL
    score_exactly(starts, rows, stored, scales, dense_of, dense, terms, weights, scores)
    found = best_rows(scores, passing, k)
    exact = np.empty(len(found), np.float64)
    for i in range(len(found)):
        exact[i] = scores[found[i]]
    image_weights = np.empty((len(found), len(terms)), np.float32)
    _weights_of(index, found, terms, image_weights)
    return found, exact, image_weights


@compiled()
def best(
    index: Any,
    n: int,
    blocks: Any,
    terms: Any,
    weights: Doubles,
    k: int,
    allowed: NDArray[np.bool_],
    room: Any,
) -> Any:
    """As `best_of_few` for any number of images `n`, of which only candidates are scored exactly.

    Args:
        blocks: the first block whose images may be hits, and the one after the last.
        allowed: (n,) which images may be hits, or nothing for all.
        room: for scores, arrays of BLOCK uint16 and BLOCK float32.
    """
    largest = 0.0
    for weight in weights:
        largest = max(largest, weight)
    if largest <= 0:
        nothing = np.empty((0, len(terms)), np.float32)
        return np.empty(0, np.int32), np.empty(0, np.float64), nothing
    # Scaled so that no product leaves the range of float32.
    scaled = np.empty(len(weights), np.float64)
    for j in range(len(weights)):
        scaled[j] = weights[j] / largest
    found = _all_candidates(index, n, blocks, terms, scaled, k, allowed, room)
    image_weights = np.empty((len(found), len(terms)), np.float32)
    _weights_of(index, found, terms, image_weights)
    exact = np.zeros(len(found), np.float64)
    for i in range(len(found)):
        for j in range(len(terms)):
            exact[i] += weights[j] * np.float64(image_weights[i, j])
    order = descending(exact)
    size = min(k, len(order))
    rows, scores = np.empty(size, np.int32), np.empty(size, np.float64)
    weights_there = np.empty((size, len(terms)), np.float32)
    for i in range(size):
        rows[i], scores[i] = found[order[i]], exact[order[i]]
        for j in range(len(terms)):
            weights_there[i, j] = image_weights[order[i], j]
    return rows, scores, weights_there


@compiled()
def best_of_few_for_each(
    index: Any,
    query_starts: Longs,
    terms: Any,
    weights: Doubles,
    first: int,
    last: int,
    allowed: NDArray[np.bool_],
    scores: Any,
    hit_rows: Any,
    hit_scores: Any,
) -> None:
    """`best_of_few` for the queries from `first` to `last`, into lines of the last two, k wide.

    Where there are fewer hits, the row is -1.
    """
    # Named once: names in the loop would count references.
    starts, rows, stored, scales, _, dense_of, dense, _ = index
    passing = allowed if len(allowed) > 0 else _ALL
    for query in range(first, last):
        span = slice(query_starts[query], query_starts[query + 1])
        its_rows, its_scores = hit_rows[query], hit_scores[query]
        score_exactly(
            starts, rows, stored, scales, dense_of, dense, terms[span], weights[span], scores
        )
        size = pick_best(scores, passing, 0.0, its_rows, its_scores)
        for i in range(size, len(its_rows)):
            its_rows[i], its_scores[i] = -1, 0


@compiled()
def best_for_each(
    index: Any,
    n: int,
    query_starts: Longs,
    terms: Any,
    weights: Doubles,
    first: int,
    last: int,
    allowed: NDArray[np.bool_],
    room: Any,
    hit_rows: Any,
    hit_scores: Any,
) -> None:
    """`best` for the queries from `first` to `last`, as in `best_of_few_for_each`."""
    blocks = 0, -(-n // BLOCK)
    for query in range(first, last):
        span = slice(query_starts[query], query_starts[query + 1])
        its_rows, its_scores = hit_rows[query], hit_scores[query]
        k = len(its_rows)
        found, exact, _ = best(index, n, blocks, terms[span], weights[span], k, allowed, room)
        for i in range(len(its_rows)):
            there = i < len(found)
            its_rows[i], its_scores[i] = found[i] if there else -1, exact[i] if there else 0
