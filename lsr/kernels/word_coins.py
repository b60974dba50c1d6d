"""Compiled loops of the word level where every outcome of its coins is counted.

A query has one coin for each term that may be an expansion. The outcomes are the leaves of a tree
that decides one coin after the other. A branch ends as soon as no coin left can change which
documents are ahead of the right one, so most trees are far smaller than 2^coins.

Scores are whole numbers here, so that sums do not depend on their order and ties stay ties.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled
from lsr.kernels.postings import Floats, Ints, Longs

# Bits of the largest score; margins and their bounds take two more.
_BITS = 58
# Margins that a tree holds at once, for every coin: 16 MB.
_MOST_MARGINS = 2_000_000


@compiled()
def _classify(
    low: Any, high: Any
) -> int:  # of margins to every right document: ahead 1, open 0, behind -1
    ahead = True
    for g in range(len(low)):
        if high[g] < 0:
            return -1
        ahead &= low[g] >= 0
    return 1 if ahead else 0


@compiled()
def count_leaves(
    base: Longs, lift: Longs, certain: int, cutoff: int, most: int
) -> tuple[Longs, int]:
    """Outcomes by rank, as leaves of a tree over the coins.

    A document is ahead where its margins to all right documents are 0 or more. The last row is a
    document without a score: where it is ahead, nothing right is found.

    Args:
        base: (n, g) margins with every coin off. lift: (m, n, g) what each coin adds.
        certain: further documents that are always ahead. most: branches at most.

    Returns:
        Leaves (cutoff + 1, m + 1, m + 1) by rank − 1, coins on and coins off, the last rank
        for whatever is below or not found; branches, more than `most` where it gave up.
    """
    m, n, g = lift.shape
    gain, loss = np.zeros((m + 1, n, g), np.int64), np.zeros((m + 1, n, g), np.int64)
    for d in range(m - 1, -1, -1):
        for i in range(n):
            for j in range(g):
                gain[d, i, j] = gain[d + 1, i, j] + max(0, lift[d, i, j])
                loss[d, i, j] = loss[d + 1, i, j] + min(0, lift[d, i, j])
    leaves = np.zeros((cutoff + 1, m + 1, m + 1), np.int64)
    rivals = np.empty((m + 1, n), np.int32)
    margins = np.empty((m + 1, n, g), np.int64)
    n_open, ahead = np.zeros(m + 1, np.int64), np.zeros(m + 1, np.int64)
    on, tried = np.zeros(m + 1, np.int64), np.zeros(m + 1, np.int64)
    low, high = np.empty(g, np.int64), np.empty(g, np.int64)
    ahead[0] = certain
    for i in range(n):
        for j in range(g):
            low[j], high[j] = base[i, j] + loss[0, i, j], base[i, j] + gain[0, i, j]
        kind = _classify(low, high)
        if kind == 1:
            ahead[0] += cutoff if i == n - 1 else 1
        elif kind == 0:
            rivals[0, n_open[0]] = i
            for j in range(g):
                margins[0, n_open[0], j] = base[i, j]
            n_open[0] += 1
    branches, d = 1, 0
    while d >= 0:
        if tried[d] == 0 and (n_open[d] == 0 or ahead[d] >= cutoff):
            leaves[min(ahead[d], cutoff), on[d], d - on[d]] += 1
            d -= 1
            continue
        if tried[d] == 2:
            d -= 1
            continue
        tosses = 1 - tried[d]  # on first
        tried[d] += 1
        branches += 1
        if branches > most:
            return leaves, branches
        kept, more = 0, ahead[d]
        for place in range(n_open[d]):
            i = rivals[d, place]
            for j in range(g):
                margin = margins[d, place, j] + tosses * lift[d, i, j]
                margins[d + 1, kept, j] = margin
                low[j], high[j] = margin + loss[d + 1, i, j], margin + gain[d + 1, i, j]
            kind = _classify(low, high)
            if kind == 1:
                more += cutoff if i == n - 1 else 1
            elif kind == 0:
                rivals[d + 1, kept] = i
                kept += 1
        d += 1
        n_open[d], ahead[d], on[d], tried[d] = kept, more, on[d - 1] + tosses, 0
    return leaves, branches


@compiled()
def shares_of(leaves: Longs) -> NDArray[np.float64]:
    """(ranks, m + 1): of the outcomes with so many coins on, the share of each rank.

    Each leaf stands for all outcomes of the coins that it left open: Pascal's rule hands it down to
    the last coin.
    """
    n_ranks, m = leaves.shape[0], leaves.shape[1] - 1
    shares = np.zeros((n_ranks, m + 1))
    for rank in range(n_ranks):
        ways = leaves[rank].astype(np.float64)
        for d in range(m):
            for on in range(d + 1):
                count = ways[on, d - on]
                if count:
                    ways[on + 1, d - on] += count
                    ways[on, d - on + 1] += count
        for on in range(m + 1):
            shares[rank, on] = ways[on, m - on]
    for on in range(m + 1):
        total = 0.0
        for rank in range(n_ranks):
            total += shares[rank, on]
        for rank in range(n_ranks):
            shares[rank, on] /= max(total, 1.0)
    return shares


@compiled()
def ranks_of_outcomes(
    starts: Longs,
    rows: Ints,
    weights: Floats,
    posting_said: NDArray[np.bool_],
    n_documents: int,
    terms: Ints,
    term_weights: Floats,
    query_said: NDArray[np.bool_],
    right: Ints,
    cutoff: int,
    most: int,
) -> tuple[NDArray[np.float64], int, int]:
    """`shares_of` one query, its coins, and the branches that it took: above `most`, it gave up.

    A product of a term and a posting that both flags call said is always there; the others of the
    term come and go with its coin.
    """
    # Loops where numpy has a word for it: what numba makes of arrays takes seconds to compile.
    t, g = len(terms), len(right)
    has_coin = np.zeros(t, np.bool_)
    sums = np.zeros(n_documents)
    for i in range(t):
        for p in range(starts[terms[i]], starts[terms[i] + 1]):
            sums[rows[p]] += abs(term_weights[i] * weights[p])
            has_coin[i] |= not (query_said[i] and posting_said[p])
    coin, m = np.empty(t, np.int64), 0
    for i in range(t):
        coin[i] = m
        m += has_coin[i]
    peak = 0.0
    for row in range(n_documents):
        peak = max(peak, sums[row])
    scale = 2.0 ** (_BITS - math.ceil(math.log2(peak))) if peak > 0 else 1.0

    # What every right document has, for sure and under each coin.
    place = np.full(n_documents, -1, np.int64)
    for j in range(g):
        place[right[j]] = j
    own, own_lift = np.zeros(g, np.int64), np.zeros((m, g), np.int64)
    for i in range(t):
        for p in range(starts[terms[i]], starts[terms[i] + 1]):
            j = place[rows[p]]
            if j >= 0:
                product = np.int64(np.rint(np.float32(term_weights[i] * weights[p]) * scale))
                if query_said[i] and posting_said[p]:
                    own[j] += product
                else:
                    own_lift[coin[i], j] += product

    # Bounds of every other document's margins tell which of them may be ahead or not.
    low, high = np.zeros((n_documents, g), np.int64), np.zeros((n_documents, g), np.int64)
    for j in range(g):
        largest, smallest = own[j], own[j]
        for k in range(m):
            largest += max(own_lift[k, j], 0)
            smallest += min(own_lift[k, j], 0)
        for row in range(n_documents):
            low[row, j], high[row, j] = -largest, -smallest
    for i in range(t):
        for p in range(starts[terms[i]], starts[terms[i] + 1]):
            row = rows[p]
            product = np.int64(np.rint(np.float32(term_weights[i] * weights[p]) * scale))
            for j in range(g):
                if query_said[i] and posting_said[p]:
                    low[row, j] += product
                    high[row, j] += product
                else:
                    mine = own_lift[coin[i], j]
                    low[row, j] += min(0, product - mine) - min(0, -mine)
                    high[row, j] += max(0, product - mine) - max(0, -mine)
    certain, n = np.int64(0), 0  # a plain 0 would have `count_leaves` compiled twice
    for row in range(n_documents):
        if place[row] >= 0:
            place[row] = -1
            continue
        kind = _classify(low[row], high[row])
        certain += kind == 1
        if kind == 0:
            place[row] = n
            n += 1
    if m * (n + 1) * g > _MOST_MARGINS:
        return np.zeros((cutoff + 1, m + 1)), m, most + 1

    base, lift = np.empty((n + 1, g), np.int64), np.empty((m, n + 1, g), np.int64)
    for at in range(n + 1):
        for j in range(g):
            base[at, j] = -own[j]
            for k in range(m):
                lift[k, at, j] = -own_lift[k, j]
    for i in range(t):
        for p in range(starts[terms[i]], starts[terms[i] + 1]):
            at = place[rows[p]]
            if at >= 0:
                product = np.int64(np.rint(np.float32(term_weights[i] * weights[p]) * scale))
                for j in range(g):
                    if query_said[i] and posting_said[p]:
                        base[at, j] += product
                    else:
                        lift[coin[i], at, j] += product
    # The coins that move most are decided first: the tree ends sooner.
    spread, order = np.zeros(m), np.empty(m, np.int64)
    for k in range(m):
        for at in range(n + 1):
            for j in range(g):
                spread[k] += abs(np.float64(lift[k, at, j]))
        position = k
        while position > 0 and spread[order[position - 1]] < spread[k]:
            order[position] = order[position - 1]
            position -= 1
        order[position] = k
    sorted_lift = np.empty((m, n + 1, g), np.int64)
    for k in range(m):
        for at in range(n + 1):
            for j in range(g):
                sorted_lift[k, at, j] = lift[order[k], at, j]
    leaves, branches = count_leaves(base, sorted_lift, certain, cutoff, most)
    return shares_of(leaves), m, branches
