"""Compiled first passes: a score for every image of a block. Arrays only.

Images are numbered by row, in blocks of BLOCK rows. A block's postings lie together, term after
term: those of term t in block b are rows[starts[b, t] : starts[b, t + 1]], counted from the block's
first row and ascending, with the stored weights likewise. A term that very many images activate has
no postings but a line of `dense`, the stored weight of every row, 0 where the term is not active;
dense_of[t] is its number, or -1. How weights are stored: see `lsr.index.memory.precision`. Lines
come a second time in 8 bits: levels[line, row] steps[t] is at least the weight, by less than one
step.

There are three passes. The exact one adds products up in float64, for few images. The fine one does
so in float32. The coarse one counts them in whole units of 16 bits, which takes half the memory and
is done for twice as many images at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from lsr.kernels.compiled import compiled
from lsr.kernels.prefetch import fetch

BITS = 16
BLOCK = 2**BITS
LEVELS = 255
# A query with more terms is scored by the fine pass: roundings of so many units add up.
MOST_COARSE_TERMS = 128
# Rows of all lines that are added up before the next ones, so that their scores stay close by.
_CHUNK = 8192
# Rows between two tests for the end of a line, and numbers of a byte and postings in a cache line.
_GROUP, _BYTES, _POSTINGS = 256, 64, 32
# Of a list, more than so many postings are left to the processor's own foresight.
_FETCHED = 8192
_MOST = 2**16 - 1


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


@compiled()
def score_exactly(
    starts: Any,
    rows: Any,
    stored: Any,
    scales: Any,
    dense_of: Any,
    dense: Any,
    terms: Any,
    weights: Any,
    scores: Any,
) -> None:
    """Write the products of a query with the images of the only block to `scores`, float64.

    They are added up in the order of the terms.
    """
    scores[:] = 0
    for i in range(len(terms)):
        term, weight = terms[i], weights[i]
        scale = scales[term]
        if dense_of[term] >= 0:
            line = dense[dense_of[term]]
            for row in range(len(scores)):
                scores[row] += weight * np.float64(plain(line[row]) * scale)
        else:
            for p in range(np.uint64(starts[0, term]), np.uint64(starts[0, term + 1])):
                scores[rows[p]] += weight * np.float64(plain(stored[p]) * scale)


@compiled(fastmath={"contract"})
def _add_postings(rows: Any, stored: Any, first: int, last: int, factor: Any, scores: Any) -> None:
    # Unsigned positions spare a test for negative indices at every posting.
    for p in range(np.uint64(first), np.uint64(last)):
        scores[rows[p]] += factor * plain(stored[p])


@compiled(fastmath={"contract"})
def _add_line(line: Any, factor: Any, scores: Any) -> None:
    for row in range(len(line)):
        scores[row] += factor * plain(line[row])


@compiled()
def score_finely(
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
    """Write the products of a query with the `n` images of a block to `scores`, float32.

    What lies beyond in `scores` becomes 0.
    """
    base = block * BLOCK
    scores[:] = 0
    for i in range(len(terms)):
        term, factor = terms[i], factors[i]
        if dense_of[term] >= 0:
            _add_line(dense[dense_of[term], base : base + n], factor, scores)
        else:
            first, last = starts[block, term], starts[block, term + 1]
            _add_postings(rows, stored, first, last, factor, scores)


@compiled()
def _count_postings(
    rows: Any, stored: Any, first: int, last: int, factor: Any, counts: Any, products: Any
) -> None:
    # Products are made many at a time; what is left to do posting by posting is little.
    for start in range(first, last, _GROUP):
        n, at = np.uint64(min(last - start, _GROUP)), np.uint64(start)
        for j in range(n):
            products[j] = np.uint16(np.int32(factor * plain(stored[at + j])) + 1)
        for j in range(n):
            counts[rows[at + j]] += products[j]


@compiled()
def _count_line(line: Any, factor: Any, counts: Any, later: Any) -> None:
    """Add a part of a line up while what comes `later` is on its way."""
    whole_groups = len(line) // _GROUP * _GROUP
    for first in range(0, whole_groups, _GROUP):
        for ahead in range(0, _GROUP, _BYTES):
            fetch(later, np.uint64(first + ahead))
        start = np.uint64(first)
        for j in range(np.uint64(_GROUP)):
            product = np.uint16(np.uint16(line[start + j]) * factor)
            counts[start + j] = np.uint16(counts[start + j] + product)
    for row in range(whole_groups, len(line)):
        counts[row] = np.uint16(counts[row] + np.uint16(np.uint16(line[row]) * factor))


@compiled()
def _count_line_finely(line: Any, factor: Any, counts: Any, later: Any) -> None:
    """As `_count_line`, with 256ths of a unit."""
    up = np.uint32(255)
    whole_groups = len(line) // _GROUP * _GROUP
    for first in range(0, whole_groups, _GROUP):
        for ahead in range(0, _GROUP, _BYTES):
            fetch(later, np.uint64(first + ahead))
        start = np.uint64(first)
        for j in range(np.uint64(_GROUP)):
            product = (np.uint32(line[start + j]) * factor + up) >> np.uint32(8)
            counts[start + j] = np.uint16(np.uint32(counts[start + j]) + product)
    for row in range(whole_groups, len(line)):
        product = (np.uint32(line[row]) * factor + up) >> np.uint32(8)
        counts[row] = np.uint16(np.uint32(counts[row]) + product)


@compiled()
def score_coarsely(
    starts: Any,
    rows: Any,
    stored: Any,
    dense_of: Any,
    levels: Any,
    block: int,
    n: int,
    terms: Any,
    factors: Any,
    multipliers: Any,
    whole: bool,
    counts: Any,
) -> None:
    """Write the units of a query's products with the `n` images of a block to `counts`, uint16.

    What lies beyond in `counts` becomes 0. `factors`, `multipliers` and `whole` are those of
    `in_units`.
    """
    base = block * BLOCK
    counts[n:] = 0
    on_lines, n_lines = np.empty(len(terms), np.int64), 0
    for i in range(len(terms)):
        if not multipliers[i]:
            continue
        if dense_of[terms[i]] >= 0:
            on_lines[n_lines] = i
            n_lines += 1
            continue
        first, last = starts[block, terms[i]], starts[block, terms[i] + 1]
        for p in range(first, min(last, first + _FETCHED), _POSTINGS):
            fetch(rows, np.uint64(p))
            fetch(stored, np.uint64(p))
    for first in range(0, n, _CHUNK):
        last = min(first + _CHUNK, n)
        part = counts[first:last]
        part[:] = 0
        for at in range(n_lines):
            i = on_lines[at]
            line = levels[dense_of[terms[i]], base + first : base + last]
            if at + 1 < n_lines:
                later = levels[dense_of[terms[on_lines[at + 1]]], base + first : base + last]
            else:
                later = levels[dense_of[terms[on_lines[0]]], base + last :]
            if whole:
                _count_line(line, np.uint16(multipliers[i]), part, later)
            else:
                _count_line_finely(line, multipliers[i], part, later)
    products = np.empty(_GROUP, np.uint16)
    for i in range(len(terms)):
        term = terms[i]
        if dense_of[term] < 0 and multipliers[i]:
            first, last = starts[block, term], starts[block, term + 1]
            _count_postings(rows, stored, first, last, factors[i], counts, products)


@compiled()
def in_units(
    terms: Any,
    weights: Any,
    scales: Any,
    steps: Any,
    dense_of: Any,
    whole: bool,
    factors: Any,
    multipliers: Any,
) -> float:
    """Fill in what a query's weights are in units that no sum of products can overflow.

    Every active term of a weight above 0 counts at least one unit.

    Args:
        whole: lines are multiplied by whole units a step: quicker, and less exact, than 1/256.
        factors: float32, units of a stored weight of 1. multipliers: uint32, units of a step or
            1/256 of them, 0 for a weight of 0.

    Returns:
        How many units two images of equal inner products can lie apart, infinite where the
        weights do not fit.
    """
    room, total = float(_MOST), 0.0
    for i in range(len(terms)):
        total += LEVELS * weights[i] * steps[terms[i]]
        room -= LEVELS + 1 if whole and dense_of[terms[i]] >= 0 else 2
    slack = 0.0
    if not total > 0:
        return np.inf
    for i in range(len(terms)):
        factors[i], multipliers[i] = 0, 0
        if not weights[i] > 0:
            continue
        factor = weights[i] * scales[terms[i]] * room / total
        if not factor < np.finfo(np.float32).max:
            return np.inf
        step = weights[i] * steps[terms[i]] * room / total
        factors[i] = np.float32(factor)
        if dense_of[terms[i]] < 0:
            multipliers[i] = 1
            slack += 2
        elif whole:
            multipliers[i] = max(1, np.uint32(step + 0.5))
            slack += LEVELS * abs(multipliers[i] - step) + step
        else:
            multipliers[i] = max(1, np.uint32(step * 256))
            slack += 2 + step
    return slack
