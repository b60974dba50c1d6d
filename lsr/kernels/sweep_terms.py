"""Compiled loops of what the strongest terms of a vector are worth."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Floats, Ints, Longs


@compiled(parallel=True)
def staged_term_quality(
    query_starts: Longs,
    order: Longs,
    stages: Ints,
    n_stages: int,
    said: NDArray[np.bool_],
    closeness: Floats,
    k: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact@k and Semantic@k of each vector as its terms are switched on, (q, n_stages) each.

    Args:
        order: entries of each vector, weight descending.
        said: (nnz,) is the term said? closeness: (nnz,) its best cosine to a term said.
    """
    n_queries = len(query_starts) - 1
    exact = np.zeros((n_queries, n_stages))
    semantic = np.zeros((n_queries, n_stages))
    for query in prange(n_queries):
        for stage in range(n_stages):
            count = 0
            for i in range(query_starts[query], query_starts[query + 1]):
                entry = order[i]
                if stages[entry] > stage:
                    continue
                if count == k:
                    break
                count += 1
                exact[query, stage] += said[entry]
                semantic[query, stage] += closeness[entry]
            if count:
                exact[query, stage] /= count
                semantic[query, stage] /= count
    return exact, semantic


@compiled(parallel=True)
def mean_term_quality(
    query_starts: Longs,
    order: Longs,
    terms: Ints,
    weights: Floats,
    said: NDArray[np.bool_],
    closeness: Floats,
    rates: Floats,
    k: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact@k and Semantic@k with expansion weights times each rate above 0, (q, rates) each.

    Said and other terms keep their order among themselves, so the two are merged.
    """
    n_queries = len(query_starts) - 1
    exact = np.zeros((n_queries, len(rates)))
    semantic = np.zeros((n_queries, len(rates)))
    for query in prange(n_queries):
        mine = order[query_starts[query] : query_starts[query + 1]]
        for place in range(len(rates)):
            i, j, count = 0, 0, 0
            while count < k:
                while i < len(mine) and not said[mine[i]]:
                    i += 1
                while j < len(mine) and said[mine[j]]:
                    j += 1
                if i == len(mine) and j == len(mine):
                    break
                literal = j == len(mine)
                if i < len(mine) and j < len(mine):
                    one, other = weights[mine[i]], weights[mine[j]] * rates[place]
                    literal = one > other or (one == other and terms[mine[i]] < terms[mine[j]])
                entry = mine[i] if literal else mine[j]
                i += literal
                j += not literal
                count += 1
                exact[query, place] += said[entry]
                semantic[query, place] += closeness[entry]
            if count:
                exact[query, place] /= count
                semantic[query, place] /= count
    return exact, semantic
