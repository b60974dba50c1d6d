"""Compiled loops that pick the best of many scores. Arrays only.

Scores are compared as integers, many at a time: units as they are, float32 numbers from 0 up by
their bits, which are in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Longs

STRIDE = 128
# With fewer strides for each hit, their largest scores say little about the k best.
_STRIDES_EACH = 4


def ordered(scores: Any) -> Any:
    """Scores as integers in the same order."""
    raise NotImplementedError("compiled code only")


@overload(ordered)
def _ordered(scores: Any) -> Any:
    def bits(scores: Any) -> Any:
        return scores.view(np.int32)

    def counts(scores: Any) -> Any:
        return scores

    return bits if scores.dtype == types.float32 else counts


def lowered(bar: Any, slack: Any) -> Any:
    """A score as an integer, lowered by what it may be wrong by: `slack` units, or as a share."""
    raise NotImplementedError("compiled code only")


@overload(lowered)
def _lowered(bar: Any, slack: Any) -> Any:  # noqa: ARG001
    def share(bar: Any, slack: Any) -> Any:
        return np.float32(np.int32(bar).view(np.float32) * (np.float32(1) - slack)).view(np.int32)

    def units(bar: Any, slack: Any) -> Any:
        return np.uint16(max(np.int64(bar) - slack, 0))

    return share if bar == types.int32 else units


@compiled()
def _sift(heap: Any, value: Any) -> None:
    """Put `value` in the place of the least of a heap."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= len(heap):
            break
        if child + 1 < len(heap) and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@compiled()
def reached_by_k(scores: Any, largest: Any, best_so_far: Any) -> Any:
    """A score that k images reach, 0 where there are fewer; `largest` gets each stride's largest.

    They are the best of earlier blocks and the best of every stride.
    """
    n = len(scores) // STRIDE
    for stride in range(n):
        start = np.uint64(stride * STRIDE)
        most = scores[start]
        for j in range(np.uint64(STRIDE)):
            most = max(most, scores[start + j])
        largest[stride] = most
    if n < _STRIDES_EACH * len(best_so_far):
        return best_so_far[0]
    heap = best_so_far.copy()
    for stride in range(n):
        if largest[stride] > heap[0]:
            _sift(heap, largest[stride])
    return heap[0]


@compiled()
def collect(
    scores: Any, largest: Any, base: int, bar: Any, slack: Any, heap: Any, kept: Any, found: Any
) -> int:
    """Write the rows of a block with a score above `bar` to `found`, ascending; how many they are.

    `heap` holds the k best scores so far and is kept up to date; the bar rises with them. `kept`
    gets the scores.
    """
    size = 0
    for stride in range(len(scores) // STRIDE):
        if largest[stride] <= bar:
            continue
        start = np.uint64(stride * STRIDE)
        for j in range(np.uint64(STRIDE)):
            score = scores[start + j]
            if score > bar:
                found[size], kept[size] = base + np.int64(start + j), score
                size += 1
                if score > heap[0]:
                    _sift(heap, score)
        bar = max(bar, lowered(heap[0], slack))
    return size


@compiled()
def count_above(largest: Any, n: int, bar: Any) -> int:
    """How many of the first `n` numbers are above `bar`."""
    count = 0
    for i in range(n):
        count += largest[i] > bar
    return count


@compiled()
def above(found: Any, kept: Any, size: int, bar: Any) -> int:
    """Move what scores above `bar` to the front; how many do."""
    left = 0
    for i in range(size):
        if kept[i] > bar:
            found[left], kept[left] = found[i], kept[i]
            left += 1
    return left


@compiled()
def _sink(order: Longs, scores: Any, at: int, n: int) -> None:
    """Let the entry at `at` sink in a heap of n positions whose root is the last in order."""
    moved = order[at]
    while True:
        child = 2 * at + 1
        if child >= n:
            break
        if child + 1 < n and _is_before(scores, order[child], order[child + 1]):
            child += 1
        if not _is_before(scores, moved, order[child]):
            break
        order[at] = order[child]
        at = child
    order[at] = moved


@compiled()
def _is_before(scores: Any, one: int, other: int) -> bool:
    return scores[one] > scores[other] or (scores[one] == scores[other] and one < other)


@compiled()
def descending(scores: Any) -> Longs:
    """Positions by descending score, ties by position."""
    # A heap of our own: the sort that numba has for this takes seconds to compile.
    order = np.arange(len(scores))
    for at in range(len(scores) // 2 - 1, -1, -1):
        _sink(order, scores, at, len(scores))
    for n in range(len(scores) - 1, 0, -1):
        order[0], order[n] = order[n], order[0]
        _sink(order, scores, 0, n)
    return order
