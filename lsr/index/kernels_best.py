"""Compiled loops that pick the best of many scores from 0 up. Arrays only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from lsr.index.kernels import Longs

STRIDE = 128
_FEW = 64


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def reached_by_k(scores: Any, largest: Any, best_so_far: Any) -> Any:
    """A score that k images reach, 0 where there are fewer; `largest` gets each stride's largest.

    They are the best of earlier blocks and the best of every stride.
    """
    heap = best_so_far.copy()
    # Numbers from 0 up are in the order of their bits, and integers are compared many at a time.
    bits, greatest = scores.view(np.int32), largest.view(np.int32)
    for stride in range(len(bits) // STRIDE):
        start = np.uint64(stride * STRIDE)
        most = np.int32(0)
        for j in range(np.uint64(STRIDE)):
            most = max(most, bits[start + j])
        greatest[stride] = most
        if largest[stride] > heap[0]:
            _sift(heap, largest[stride])
    return heap[0]


@njit(cache=True, nogil=True)
def collect(
    scores: Any, largest: Any, base: int, bar: Any, heap: Any, found: Any, kept: Any, size: int
) -> Any:
    """Take the rows of a block whose score is above `bar`; (found, kept, size), rows ascending.

    `heap` holds the k best scores so far and is kept up to date.
    """
    for stride in range(len(scores) // STRIDE):
        if largest[stride] <= bar:
            continue
        start = np.uint64(stride * STRIDE)
        if size + STRIDE > len(found):
            wider, more = np.empty(2 * len(found), np.int32), np.empty(2 * len(found), np.float32)
            wider[:size], more[:size] = found[:size], kept[:size]
            found, kept = wider, more
        for j in range(np.uint64(STRIDE)):
            score = scores[start + j]
            if score > bar:
                found[size], kept[size] = base + np.int64(start + j), score
                size += 1
                if score > heap[0]:
                    _sift(heap, score)
    return found, kept, size


@njit(cache=True, nogil=True)
def above(found: Any, kept: Any, size: int, bar: Any) -> int:
    """Move what scores above `bar` to the front; how many do."""
    left = 0
    for i in range(size):
        if kept[i] > bar:
            found[left], kept[left] = found[i], kept[i]
            left += 1
    return left


@njit(cache=True, nogil=True)
def descending(scores: Any) -> Longs:
    """Positions by descending score, ties by position."""
    if len(scores) > _FEW:
        return np.argsort(-scores, kind="mergesort")
    order = np.arange(len(scores))
    for i in range(1, len(scores)):
        at = i
        while at > 0 and scores[order[at - 1]] < scores[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    return order
