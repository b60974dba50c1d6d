"""Compiled loops of the caption level where every document tosses a coin of its own."""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Floats, Ints, Longs
from lsr.kernels.sweep_ranks import add_parts


@compiled()
def at_most(n: int, p: float, most: int) -> float:
    """P(Bin(n, p) ≤ most)."""
    if most < 0:
        return 0.0
    if most >= n or p <= 0:
        return 1.0
    if p >= 1:
        return 0.0
    chance = (1 - p) ** n
    total = chance
    for k in range(most):
        chance *= (n - k) / (k + 1) * p / (1 - p)
        total += chance
    return min(total, 1.0)


@compiled()
def insert(numbers: Floats, n: int, number: float) -> int:
    """Put a number above 0 among the first n, which ascend, unless it is there; n thereafter."""
    at = n
    while at > 0 and numbers[at - 1] > number:
        at -= 1
    if number <= 0 or (at > 0 and numbers[at - 1] == number):
        return n
    for i in range(n, at, -1):
        numbers[i] = numbers[i - 1]
    numbers[at] = number
    return n + 1


@compiled()
def certain_and_open(
    said: Floats, full: Floats, left_out: NDArray[np.bool_], bar: float, tie: int
) -> tuple[int, int]:
    """Documents ahead of score `bar` on either side of their coin, and on one side only.

    Args:
        tie: documents in rows below it are ahead with an equal score.
    """
    certain, either = 0, 0
    for row in range(len(said)):
        if left_out[row]:
            continue
        low = said[row] > bar or (said[row] == bar and row < tie)
        high = full[row] > bar or (full[row] == bar and row < tie)
        certain += low
        either += high and not low
    return certain, either


@compiled(parallel=True)
def coin_measures(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    posting_said: NDArray[np.bool_],
    n_documents: int,
    query_starts: Longs,
    terms: Ints,
    term_weights: Floats,
    rates: NDArray[np.float64],
    relevant_starts: Longs,
    relevant: Ints,
    reference: Ints,
    cutoff: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact chances where every document tosses a coin of its own: literal terms only, or all.

    All coins have the same rate, so the number of documents ahead of a score is a constant plus a
    binomial number. The best relevant document has one of few scores, whose chances follow from
    the coins of the relevant documents.

    Returns:
        P(rank ≤ k) for k = 1 … cutoff, (q, rates, cutoff); expected rows of `reference` among the
        r best (q, rates).
    """
    n_queries = len(query_starts) - 1
    found = np.zeros((n_queries, len(rates), cutoff))
    shared = np.zeros((n_queries, len(rates)))
    for query in prange(n_queries):
        span = slice(query_starts[query], query_starts[query + 1])
        own = relevant[relevant_starts[query] : relevant_starts[query + 1]]
        said = np.zeros(n_documents, np.float32)
        full = np.zeros(n_documents, np.float32)
        yes = np.ones(len(terms[span]), np.bool_)
        add_parts(
            starts,
            rows,
            weights,
            posting_said,
            terms[span],
            term_weights[span],
            yes,
            said,
            full,
        )
        for row in range(n_documents):
            full[row] += said[row]
        left_out = np.zeros(n_documents, np.bool_)
        for row in own:
            left_out[row] = True
        bars, n_bars = np.empty(2 * len(own), np.float32), 0
        for row in own:
            n_bars = insert(bars, n_bars, said[row])
            n_bars = insert(bars, n_bars, full[row])
        for bar in bars[:n_bars]:
            certain, either = certain_and_open(said, full, left_out, bar, n_documents)
            for place in range(len(rates)):
                p = rates[place]
                up_to, below = 1.0, 1.0
                for row in own:
                    up_to *= (said[row] <= bar) * (1 - p) + (full[row] <= bar) * p
                    below *= (said[row] < bar) * (1 - p) + (full[row] < bar) * p
                if up_to > below:
                    for k in range(cutoff):
                        ahead = at_most(either, p, k - certain)
                        found[query, place, k] += (up_to - below) * ahead
        for row in own:
            left_out[row] = False
        r = reference.shape[1]
        for row in reference[query]:
            left_out[row] = True
            for side in range(2):
                bar = full[row] if side else said[row]
                if bar <= 0:
                    continue
                certain, either = certain_and_open(said, full, left_out, bar, row)
                for place in range(len(rates)):
                    p = rates[place]
                    chance = p if side else 1 - p
                    shared[query, place] += chance * at_most(either, p, r - 1 - certain)
            left_out[row] = False
    return found, shared
