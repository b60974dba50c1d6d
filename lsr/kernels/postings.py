"""Compiled loops over an inverted index. Arrays only; the classes around them check input.

Postings are csc-like: the images that activate term t are
rows[starts[t] : starts[t + 1]] with weights likewise, rows ascending.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]
_BLOCK = 64


@compiled()
def score_images(
    starts: Longs, rows: Ints, weights: Floats, terms: Ints, term_weights: Floats, scores: Floats
) -> None:
    """Add the inner product of one query with every image to `scores` (n,)."""
    for i in range(len(terms)):
        term, weight = terms[i], term_weights[i]
        # Unsigned positions spare a test for negative indices at every posting.
        for p in range(np.uint64(starts[term]), np.uint64(starts[term + 1])):
            scores[np.uint32(rows[p])] += weight * weights[p]


@compiled()
def pick_best(
    scores: Any, allowed: NDArray[np.bool_], floor: float, best_rows: Any, best_scores: Any
) -> int:
    """Fill in rows and scores of the largest `scores` above `floor`, and say how many they are.

    Score descending, ties by ascending row; as many as there is room for.

    Args:
        scores: (n,) float32 or float64. allowed: (n,) or more, which rows are looked at.
    """
    size, k = 0, len(best_rows)
    bar = scores.dtype.type(floor)
    for start in range(0, len(scores), _BLOCK):
        stop = min(start + _BLOCK, len(scores))
        # Most blocks hold nothing good enough; counting lets the compiler compare many at a time.
        above = 0
        for row in range(np.uint64(start), np.uint64(stop)):
            above += scores[row] > bar
        if above == 0:
            continue
        for row in range(start, stop):
            score = scores[row]
            # Rows come in ascending order, so an equal score never displaces an earlier row.
            if score <= bar or not allowed[row]:
                continue
            at = min(size, k - 1)
            while at > 0 and best_scores[at - 1] < score:
                best_scores[at] = best_scores[at - 1]
                best_rows[at] = best_rows[at - 1]
                at -= 1
            best_scores[at] = score
            best_rows[at] = row
            size = min(size + 1, k)
            if size == k:
                bar = best_scores[k - 1]
    return size


@compiled()
def best_rows(scores: Any, allowed: NDArray[np.bool_], k: int, floor: float = 0.0) -> Ints:
    """The rows of `pick_best`, k at most."""
    rows = np.empty(k, np.int32)
    return rows[: pick_best(scores, allowed, floor, rows, np.empty(k, scores.dtype))]


@compiled()
def search_all(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    n_documents: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    k: int,
) -> int:
    """Search with every query, one after the other, for timing; the number of hits in all."""
    everything = np.ones(n_documents, np.bool_)
    hits = 0
    for query in range(len(query_starts) - 1):
        span = slice(query_starts[query], query_starts[query + 1])
        scores = np.zeros(n_documents, np.float32)
        score_images(starts, rows, weights, terms[span], term_weights[span], scores)
        hits += len(best_rows(scores, everything, k))
    return hits
