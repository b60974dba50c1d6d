"""Compiled loops of the sweeps: what one pass over the postings tells about every setting.

Postings are laid out as in `lsr.kernels.postings`; documents are what is ranked, images or
captions.
"""

from __future__ import annotations

import threading

import numpy as np
from numba import prange
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Floats, Ints, Longs, best_rows

# numba's fallback threading layer must not run two parallel loops at once.
ONE_AT_A_TIME = threading.RLock()


@compiled()
def rank_of_best(scores: Floats, relevant: Ints) -> int:
    """Rank of the best of some rows, from 1; ties count against it; 0 where it has no score."""
    own = np.float32(0)
    for row in relevant:
        own = max(own, scores[row])
    if own <= 0:
        return 0
    # An int32 counter lets the compiler compare eight scores at a time.
    rank = np.int32(1)
    for row in range(len(scores)):
        rank += np.int32(scores[row] >= own)
    for row in relevant:
        rank -= np.int32(scores[row] >= own)
    return int(rank)


@compiled()
def best_again(scores: Floats, everything: NDArray[np.bool_], k: int, before: Ints) -> Ints:
    """`best_rows` of scores of which none has fallen since the rows `before` were the best.

    Whatever is among the best now scores at least as much as the worst of those does now.
    """
    floor = np.float32(0)
    if 0 < k == len(before):
        floor = scores[before[0]]
        for row in before:
            floor = min(floor, scores[row])
        floor = np.nextafter(floor, np.float32(0))
    return best_rows(scores, everything, k, floor)


@compiled()
def shared_rows(rows: Ints, reference: Ints) -> int:
    """How many rows stand in both."""
    count = 0
    for row in rows:
        for other in reference:
            count += row == other
    return count


@compiled(parallel=True)
def staged_ranks(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    posting_stages: Ints,
    n_documents: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    query_stages: Ints,
    n_stages: int,
    relevant_starts: Longs,
    relevant: Ints,
    reference: Ints,
) -> tuple[Ints, Ints, Longs, Ints]:
    """Rank of each query's best relevant document as terms are switched on stage by stage.

    A product of a query term and a posting takes part from the later of their two stages on,
    never where that is n_stages or above. Each posting is touched once for all stages. Ties count
    against the system; a document without a shared term is not a hit and has rank 0.

    Args:
        posting_stages: ascending within each term.
        query_starts: (q + 1,) where each query's `terms`, `term_weights` and `query_stages` begin.
        relevant_starts: (q + 1,) where each query's rows begin in `relevant`.
        reference: (q, r) rows that another system ranks first; r may be 0.

    Returns:
        ranks (q, n_stages) from 1, 0 = not a hit; active query terms (q, n_stages);
        posting cost (q, n_stages); rows of `reference` among the r best (q, n_stages).
    """
    n_queries = len(query_starts) - 1
    ranks = np.zeros((n_queries, n_stages), np.int32)
    active = np.zeros((n_queries, n_stages), np.int32)
    cost = np.zeros((n_queries, n_stages), np.int64)
    shared = np.zeros((n_queries, n_stages), np.int32)
    everything = np.ones(n_documents, np.bool_)
    for query in prange(n_queries):
        first, last = query_starts[query], query_starts[query + 1]
        own = relevant[relevant_starts[query] : relevant_starts[query + 1]]
        scores = np.zeros(n_documents, np.float32)
        cursors = np.empty(last - first, np.int64)
        for i in range(first, last):
            cursors[i - first] = starts[terms[i]]
        best = np.empty(0, np.int32)
        switched_on, touched = 0, 0
        for stage in range(n_stages):
            changed = False
            for i in range(first, last):
                if query_stages[i] > stage:
                    continue
                switched_on += query_stages[i] == stage
                at, end = cursors[i - first], starts[terms[i] + 1]
                if at == end:
                    continue
                stop = end
                if posting_stages[end - 1] > stage:
                    stop = at
                    while posting_stages[stop] <= stage:
                        stop += 1
                weight = term_weights[i]
                # Unsigned positions spare a test for negative indices at every posting.
                for p in range(np.uint64(at), np.uint64(stop)):
                    scores[np.uint32(rows[p])] += weight * weights[p]
                touched += stop - at
                changed |= stop > at
                cursors[i - first] = stop
            active[query, stage] = switched_on
            cost[query, stage] = touched
            if not changed and stage > 0:
                ranks[query, stage] = ranks[query, stage - 1]
                shared[query, stage] = shared[query, stage - 1]
                continue
            ranks[query, stage] = rank_of_best(scores, own)
            if reference.shape[1]:
                best = best_again(scores, everything, reference.shape[1], best)
                shared[query, stage] = shared_rows(best, reference[query])
    return ranks, active, cost, shared


@compiled()
def add_parts(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    posting_said: NDArray[np.bool_],
    terms: Ints,
    term_weights: Floats,
    query_said: NDArray[np.bool_],
    said: Floats,
    more: Floats,
) -> None:
    """Add one query's products to `said` (n,) where both flags are true, else to `more` (n,)."""
    for i in range(len(terms)):
        term, weight = terms[i], term_weights[i]
        for p in range(np.uint64(starts[term]), np.uint64(starts[term + 1])):
            product = weight * weights[p]
            if query_said[i] and posting_said[p]:
                said[np.uint32(rows[p])] += product
            else:
                more[np.uint32(rows[p])] += product


@compiled(parallel=True)
def mean_ranks(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    posting_said: NDArray[np.bool_],
    n_documents: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    query_said: NDArray[np.bool_],
    rates: Floats,
    relevant_starts: Longs,
    relevant: Ints,
    reference: Ints,
) -> tuple[Ints, Ints]:
    """Ranks by literal score + rate × expansion score, as in `staged_ranks`, for ascending rates.

    Returns:
        ranks (q, rates); rows of `reference` among the r best (q, rates).
    """
    n_queries = len(query_starts) - 1
    ranks = np.zeros((n_queries, len(rates)), np.int32)
    shared = np.zeros((n_queries, len(rates)), np.int32)
    everything = np.ones(n_documents, np.bool_)
    for query in prange(n_queries):
        span = slice(query_starts[query], query_starts[query + 1])
        own = relevant[relevant_starts[query] : relevant_starts[query + 1]]
        said = np.zeros(n_documents, np.float32)
        more = np.zeros(n_documents, np.float32)
        add_parts(
            starts,
            rows,
            weights,
            posting_said,
            terms[span],
            term_weights[span],
            query_said[span],
            said,
            more,
        )
        scores = np.empty(n_documents, np.float32)
        best = np.empty(0, np.int32)
        for place in range(len(rates)):
            for row in range(n_documents):
                scores[row] = said[row] + rates[place] * more[row]
            ranks[query, place] = rank_of_best(scores, own)
            if reference.shape[1]:
                best = best_again(scores, everything, reference.shape[1], best)
                shared[query, place] = shared_rows(best, reference[query])
    return ranks, shared


@compiled(parallel=True)
def dense_ranks_and_best(
    scores: Floats, relevant_starts: Longs, relevant: Ints, k: int
) -> tuple[Longs, Ints]:
    """Rank of each query's best relevant document, and the k best documents, ties by row.

    Args:
        scores: (q, n) of the dense vectors, of any sign; ties count against the teacher.
    """
    n_queries, n_documents = scores.shape
    ranks = np.empty(n_queries, np.int64)
    best = np.empty((n_queries, k), np.int32)
    everything = np.ones(n_documents, np.bool_)
    for query in prange(n_queries):
        mine = scores[query]
        own = np.float32(-np.inf)
        right = relevant[relevant_starts[query] : relevant_starts[query + 1]]
        for row in right:
            own = max(own, mine[row])
        rank = np.int32(1)
        for row in range(n_documents):
            rank += np.int32(mine[row] >= own)
        for row in right:
            rank -= np.int32(mine[row] >= own)
        ranks[query] = rank
        best[query] = best_rows(mine, everything, k, -np.inf)
    return ranks, best
