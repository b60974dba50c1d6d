"""Compiled loops over an inverted index. Arrays only; the classes around them check input.

Postings are csc-like: the images that activate term t are
rows[starts[t] : starts[t + 1]] with weights likewise, rows ascending.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]


@njit(cache=True, nogil=True)
def score_images(
    starts: Longs, rows: Ints, weights: Floats, terms: Ints, term_weights: Floats, scores: Floats
) -> None:
    """Add the inner product of one query with every image to `scores` (n,)."""
    for i in range(len(terms)):
        term, weight = terms[i], term_weights[i]
        # Unsigned positions spare a test for negative indices at every posting.
        for p in range(np.uint64(starts[term]), np.uint64(starts[term + 1])):
            scores[np.uint32(rows[p])] += weight * weights[p]


@njit(cache=True, nogil=True)
def best_rows(scores: Floats, allowed: NDArray[np.bool_], k: int) -> Ints:
    """Rows of the k largest scores above 0, score descending, ties by ascending row."""
    heap_scores = np.empty(k, np.float32)
    heap_rows = np.empty(k, np.int32)
    size = 0
    for row in range(len(scores)):
        score = scores[row]
        if score <= 0 or not allowed[row]:
            continue
        # Rows come in ascending order, so an equal score never displaces an earlier row.
        if size == k and score <= heap_scores[k - 1]:
            continue
        at = min(size, k - 1)
        while at > 0 and heap_scores[at - 1] < score:
            heap_scores[at] = heap_scores[at - 1]
            heap_rows[at] = heap_rows[at - 1]
            at -= 1
        heap_scores[at] = score
        heap_rows[at] = row
        size = min(size + 1, k)
    return heap_rows[:size]


@njit(cache=True, nogil=True, parallel=True)
def staged_ranks(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    n_images: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    stages: Ints,
    n_stages: int,
    relevant: Ints,
) -> tuple[Ints, Ints, Longs]:
    """Rank of each query's relevant image as its terms are switched on stage by stage.

    A term takes part from its stage on, never where its stage is n_stages or above. Each
    posting is touched once for all stages. Ties count against the system; an image without a
    shared term is not a hit and has rank 0.

    Args:
        query_starts: (q + 1,) where each query's `terms`, `term_weights` and `stages` begin.
        relevant: (q,) the one image row that answers each query.

    Returns:
        ranks (q, n_stages) from 1, 0 = not a hit; active terms (q, n_stages);
        posting cost (q, n_stages).
    """
    n_queries = len(relevant)
    ranks = np.zeros((n_queries, n_stages), np.int32)
    active = np.zeros((n_queries, n_stages), np.int32)
    cost = np.zeros((n_queries, n_stages), np.int64)
    for query in prange(n_queries):
        scores = np.zeros(n_images, np.float32)
        switched_on, touched = 0, 0
        for stage in range(n_stages):
            changed = False
            for i in range(query_starts[query], query_starts[query + 1]):
                if stages[i] != stage:
                    continue
                term, weight = terms[i], term_weights[i]
                for p in range(np.uint64(starts[term]), np.uint64(starts[term + 1])):
                    scores[np.uint32(rows[p])] += weight * weights[p]
                touched += starts[term + 1] - starts[term]
                switched_on += 1
                changed = True
            active[query, stage] = switched_on
            cost[query, stage] = touched
            if not changed and stage > 0:
                ranks[query, stage] = ranks[query, stage - 1]
                continue
            own = scores[relevant[query]]
            if own > 0:
                # An int32 counter lets the compiler compare eight scores at a time.
                rank = np.int32(0)
                for row in range(n_images):
                    rank += np.int32(scores[row] >= own)
                ranks[query, stage] = rank
    return ranks, active, cost
