"""A compiled loop of search in two phases: the best by heavy terms, ranked again by all of them."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Floats, Ints, Longs, best_rows
from lsr.kernels.sweep_ranks import shared_rows


@compiled(parallel=True)
def two_phase_ranks(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    n_documents: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    ratios: NDArray[np.float64],
    windows: Longs,
    right_starts: Longs,
    right: Ints,
    reference: Ints,
) -> tuple[Ints, Longs, Ints]:
    """Ranks where the first `windows` documents by heavy terms are ranked again by all terms.

    A term is heavy where its weight is at least the ratio times the query's largest. What is not
    in the window stays behind it, in the order of the first phase. Ties count against the system.

    Args:
        ratios, windows: (s,) of each setting. reference: (q, r) rows that another system has first.

    Returns:
        ranks (q, s) from 1, 0 = not a hit; postings touched (q, s), in the second phase those of
        documents in the window; rows of `reference` among the r best (q, s).
    """
    n_queries, n_settings = len(query_starts) - 1, len(ratios)
    ranks = np.zeros((n_queries, n_settings), np.int32)
    cost = np.zeros((n_queries, n_settings), np.int64)
    shared = np.zeros((n_queries, n_settings), np.int32)
    everything = np.ones(n_documents, np.bool_)
    for query in prange(n_queries):
        first, last = query_starts[query], query_starts[query + 1]
        own = right[right_starts[query] : right_starts[query + 1]]
        peak = np.float64(0)
        for i in range(first, last):
            peak = max(peak, np.float64(term_weights[i]))
        for setting in range(n_settings):
            bar = ratios[setting] * peak
            scores = np.zeros(n_documents, np.float32)
            touched = 0
            for i in range(first, last):
                if np.float64(term_weights[i]) >= bar:
                    for p in range(np.uint64(starts[terms[i]]), np.uint64(starts[terms[i] + 1])):
                        scores[np.uint32(rows[p])] += term_weights[i] * weights[p]
                    touched += starts[terms[i] + 1] - starts[terms[i]]
            window = best_rows(scores, everything, windows[setting])
            inside = np.zeros(n_documents, np.bool_)
            inside[window] = True
            for i in range(first, last):
                if np.float64(term_weights[i]) < bar:
                    for p in range(np.uint64(starts[terms[i]]), np.uint64(starts[terms[i] + 1])):
                        if inside[np.uint32(rows[p])]:
                            scores[np.uint32(rows[p])] += term_weights[i] * weights[p]
                            touched += 1
            cost[query, setting] = touched
            best, within = np.float32(0), False
            for row in own:
                if inside[row] and not within:
                    best, within = scores[row], True
                elif inside[row] == within:
                    best = max(best, scores[row])
            if best > 0:
                ahead = 1 if within else 1 + len(window)
                for row in range(n_documents):
                    ahead += inside[row] == within and scores[row] >= best
                for row in own:
                    ahead -= inside[row] == within and scores[row] >= best
                ranks[query, setting] = ahead
            depth = reference.shape[1]
            if depth:
                # The window is at least as deep as what is compared.
                again = np.where(inside, scores, np.float32(0))
                shared[query, setting] = shared_rows(
                    best_rows(again, everything, depth), reference[query]
                )
    return ranks, cost, shared
