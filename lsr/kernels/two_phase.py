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
    # The fewest heavy terms first: each setting adds to the one before.
    order = np.arange(n_settings)
    for i in range(1, n_settings):
        at = i
        while at > 0 and ratios[order[at - 1]] < ratios[i]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = i
    for query in prange(n_queries):
        first, last = query_starts[query], query_starts[query + 1]
        own = right[right_starts[query] : right_starts[query + 1]]
        peak = np.float64(0)
        full, heavy = np.zeros(n_documents, np.float32), np.zeros(n_documents, np.float32)
        full_terms, heavy_terms = np.zeros(n_documents, np.int32), np.zeros(n_documents, np.int32)
        for i in range(first, last):
            peak = max(peak, np.float64(term_weights[i]))
            for p in range(np.uint64(starts[terms[i]]), np.uint64(starts[terms[i] + 1])):
                full[np.uint32(rows[p])] += term_weights[i] * weights[p]
                full_terms[np.uint32(rows[p])] += 1
        touched, done = 0, np.zeros(last - first, np.bool_)
        for setting in order:
            bar = ratios[setting] * peak
            for i in range(first, last):
                if done[i - first] or np.float64(term_weights[i]) < bar:
                    continue
                done[i - first] = True
                for p in range(np.uint64(starts[terms[i]]), np.uint64(starts[terms[i] + 1])):
                    heavy[np.uint32(rows[p])] += term_weights[i] * weights[p]
                    heavy_terms[np.uint32(rows[p])] += 1
                touched += starts[terms[i] + 1] - starts[terms[i]]
            window = best_rows(heavy, everything, min(windows[setting], n_documents))
            inside = np.zeros(n_documents, np.bool_)
            again = 0
            for row in window:
                inside[row] = True
                again += full_terms[row] - heavy_terms[row]
            cost[query, setting] = touched + again
            best, within = np.float32(0), False
            for row in own:
                within |= inside[row]
            for row in own:
                if inside[row] == within:
                    best = max(best, full[row] if within else heavy[row])
            if best > 0:
                ahead = np.int32(1 if within else 1 + len(window))
                if within:
                    for row in window:
                        ahead += full[row] >= best
                    for row in own:
                        ahead -= inside[row] and full[row] >= best
                else:
                    for row in range(n_documents):
                        ahead += np.int32(heavy[row] >= best and not inside[row])
                    for row in own:
                        ahead -= np.int32(heavy[row] >= best)
                ranks[query, setting] = ahead
            depth = reference.shape[1]
            if depth:
                # The window is at least as deep as what is compared.
                ranked = np.zeros(n_documents, np.float32)
                for row in window:
                    ranked[row] = full[row]
                shared[query, setting] = shared_rows(
                    best_rows(ranked, everything, depth), reference[query]
                )
    return ranks, cost, shared
