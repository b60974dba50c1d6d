"""Compiled search over the postings of a segment. Arrays only; the classes around them check input.

Images are numbered by row, in blocks of BLOCK rows. A block's postings lie together, term after
term: those of term t in block b are rows[starts[b, t] : starts[b, t + 1]], counted from the block's
first row and ascending, with the stored weights likewise. A term that very many images activate has
no postings but a line of `dense`, the stored weight of every row, 0 where the term is not active;
dense_of[t] is its number, or -1. How weights are stored: see `lsr.index.precision`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from lsr.index.kernels_best import STRIDE, above, collect, descending, reached_by_k

_BITS = 16
BLOCK = 2**_BITS
# Relative error of one float32 operation.
_EPS = 2.0**-24

Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]


def plain(stored: Any) -> Any:
    """A stored weight as float32, before the term's scale."""
    raise NotImplementedError("compiled code only")


@overload(plain)
def _plain(stored: Any) -> Any:
    def half(stored: Any) -> Any:
        # The bits of a float16 moved to their places in a float32; the exponents' offsets differ.
        bits = np.uint32(np.uint32(stored) << np.uint32(13))
        return bits.view(np.float32) * np.float32(2.0**112)

    def number(stored: Any) -> Any:
        return np.float32(stored)

    return half if stored == types.uint16 else number


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_postings(rows: Any, stored: Any, first: int, last: int, factor: Any, scores: Any) -> None:
    # Unsigned positions spare a test for negative indices at every posting.
    for p in range(np.uint64(first), np.uint64(last)):
        scores[rows[p]] += factor * plain(stored[p])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_line(line: Any, factor: Any, scores: Any) -> None:
    for row in range(len(line)):
        scores[row] += factor * plain(line[row])


@njit(cache=True, nogil=True)
def score_block(
    starts: Any,
    rows: Any,
    stored: Any,
    dense_of: Any,
    dense: Any,
    block: int,
    n: int,
    terms: Any,
    factors: Any,
    scores: Any,
) -> None:
    """Add the products of a query with the `n` images of a block to `scores`, float32."""
    base = block * BLOCK
    for i in range(len(terms)):
        term, factor = terms[i], factors[i]
        if dense_of[term] >= 0:
            _add_line(dense[dense_of[term], base : base + n], factor, scores)
        else:
            first, last = starts[block, term], starts[block, term + 1]
            _add_postings(rows, stored, first, last, factor, scores)


@njit(cache=True, nogil=True)
def _weights_of(
    starts: Any,
    rows: Any,
    stored: Any,
    scales: Any,
    dense_of: Any,
    dense: Any,
    found: Any,
    terms: Any,
    image_weights: Any,
) -> None:
    """Fill (found, terms) float32 with what every term weighs in every row found, 0 where inactive.

    One body on purpose: a call for every weight costs more than finding it.
    """
    for j in range(len(terms)):
        term = terms[j]
        scale = scales[term]
        line = dense_of[term]
        for i in range(len(found)):
            row = np.int64(found[i])
            if line >= 0:
                image_weights[i, j] = plain(dense[line, row]) * scale
                continue
            block = row >> _BITS
            here = row & (BLOCK - 1)
            low, high = np.uint64(starts[block, term]), np.uint64(starts[block, term + 1])
            last = high
            while low < high:
                middle = (low + high) >> np.uint64(1)
                if rows[middle] < here:
                    low = middle + np.uint64(1)
                else:
                    high = middle
            if low < last and rows[low] == here:
                image_weights[i, j] = plain(stored[low]) * scale
            else:
                image_weights[i, j] = 0


@njit(cache=True, nogil=True)
def is_query(terms: Any, weights: Doubles, n_terms: int) -> bool:
    """Whether the terms are in range and the weights are numbers from 0 up."""
    usable = True
    for i in range(len(terms)):
        usable &= 0 <= terms[i] < n_terms and 0 <= weights[i] < np.inf
    return usable


@njit(cache=True, nogil=True)
def best(
    starts: Any,
    rows: Any,
    stored: Any,
    scales: Any,
    dense_of: Any,
    dense: Any,
    n: int,
    terms: Any,
    weights: Doubles,
    k: int,
    allowed: NDArray[np.bool_],
    scratch: NDArray[np.float32],
) -> Any:
    """The k images of the largest inner product above 0, score descending, ties by row.

    Scores are first added up in float32. Every image that rounding may have kept from the best is
    then scored again in float64, its products in the order of `terms`, and those scores decide.

    Args:
        terms, weights: a query that `is_query` accepts.
        allowed: (n,) which images may be hits, or nothing for all.
        scratch: (BLOCK,) room for scores.

    Returns:
        rows int32, scores float64, and (hits, terms) float32 weights of the query's terms.
    """
    # Scaled so that no product leaves the range of float32.
    largest = weights.max() if len(weights) > 0 else 0.0
    if largest <= 0:
        nothing = np.empty((0, len(terms)), np.float32)
        return np.empty(0, np.int32), np.empty(0, np.float64), nothing
    factors = np.empty(len(terms), np.float32)
    for i in range(len(terms)):
        factors[i] = np.float32(weights[i] / largest) * scales[terms[i]]
    slack = np.float32(1 - 2 * (len(terms) + 8) * _EPS)
    heap = np.zeros(k, np.float32)
    largest_of = np.empty(BLOCK // STRIDE, np.float32)
    found, kept, size = np.empty(2 * STRIDE, np.int32), np.empty(2 * STRIDE, np.float32), 0
    for block in range(len(starts)):
        base = block * BLOCK
        here = min(n - base, BLOCK)
        scores = scratch[: (here + STRIDE - 1) // STRIDE * STRIDE]
        scores[:] = 0
        score_block(starts, rows, stored, dense_of, dense, block, here, terms, factors, scores)
        if len(allowed) > 0:
            for row in range(here):
                if not allowed[base + row]:
                    scores[row] = 0
        bar = reached_by_k(scores, largest_of, heap) * slack
        found, kept, size = collect(scores, largest_of, base, bar, heap, found, kept, size)
        size = above(found, kept, size, heap[0] * slack)
    found = found[:size]
    image_weights = np.empty((size, len(terms)), np.float32)
    _weights_of(starts, rows, stored, scales, dense_of, dense, found, terms, image_weights)
    exact = np.zeros(size, np.float64)
    for i in range(size):
        for j in range(len(terms)):
            exact[i] += weights[j] * np.float64(image_weights[i, j])
    order = descending(exact)[:k]
    return found[order], exact[order], image_weights[order]


@njit(cache=True, nogil=True)
def best_of_many(
    starts: Any,
    rows: Any,
    stored: Any,
    scales: Any,
    dense_of: Any,
    dense: Any,
    n: int,
    query_starts: Longs,
    terms: Any,
    weights: Doubles,
    first: int,
    last: int,
    k: int,
    allowed: NDArray[np.bool_],
    scratch: NDArray[np.float32],
    hit_rows: Any,
    hit_scores: Any,
) -> None:
    """`best` for the queries from `first` to `last`, into lines of `hit_rows` and `hit_scores`.

    Lines are k wide; where there are fewer hits, the row is -1.
    """
    for query in range(first, last):
        span = slice(query_starts[query], query_starts[query + 1])
        hit_rows[query, :] = -1
        hit_scores[query, :] = 0
        its_rows, its_scores, _ = best(
            starts,
            rows,
            stored,
            scales,
            dense_of,
            dense,
            n,
            terms[span],
            weights[span],
            k,
            allowed,
            scratch,
        )
        hit_rows[query, : len(its_rows)] = its_rows
        hit_scores[query, : len(its_rows)] = its_scores
