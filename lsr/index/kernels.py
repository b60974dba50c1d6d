"""Compiled loops over an inverted index. Arrays only; the classes around them check input.

Postings are csc-like: the images that activate term t are
rows[starts[t] : starts[t + 1]] with weights likewise, rows ascending.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsr.compiling import compiled

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
def best_rows(scores: Floats, allowed: NDArray[np.bool_], k: int, floor: float = 0.0) -> Ints:
    """Rows of the k largest scores above `floor`, score descending, ties by ascending row."""
    heap_scores = np.empty(k, np.float32)
    heap_rows = np.empty(k, np.int32)
    size = 0
    bar = np.float32(floor)
    for start in range(0, len(scores), _BLOCK):
        stop = min(start + _BLOCK, len(scores))
        # Most blocks hold nothing good enough; counting lets the compiler compare many at a time.
        above = np.int32(0)
        for row in range(start, stop):
            above += np.int32(scores[row] > bar)
        if above == 0:
            continue
        for row in range(start, stop):
            score = scores[row]
            # Rows come in ascending order, so an equal score never displaces an earlier row.
            if score <= bar or not allowed[row]:
                continue
            at = min(size, k - 1)
            while at > 0 and heap_scores[at - 1] < score:
                heap_scores[at] = heap_scores[at - 1]
                heap_rows[at] = heap_rows[at - 1]
                at -= 1
            heap_scores[at] = score
            heap_rows[at] = row
            size = min(size + 1, k)
            if size == k:
                bar = heap_scores[k - 1]
    return heap_rows[:size]


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
