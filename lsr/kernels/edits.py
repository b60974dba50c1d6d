"""Compiled search for the smallest set of edits that lifts a document. Arrays only.

A score is linear in the weights, so an edit moves every margin by an amount of its own, and edits
of different terms add up. Margins (r,) are the document's score less each rival's; effects (a, r)
what each edit adds to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr.kernels.compiled import compiled

Doubles = NDArray[np.float64]
Longs = NDArray[np.int64]

NONE, FOUND, GAVE_UP = 0, 1, 2


@compiled()
def _ahead(
    margins: Doubles, effects: Doubles, chosen: Longs, n: int, slack: Doubles, k: int
) -> Any:
    """Whether fewer than k rivals stay level or ahead after n edits and some slack."""
    left = 0
    for d in range(len(margins)):
        margin = margins[d] + slack[d]
        for i in range(n):
            margin += effects[chosen[i], d]
        if margin <= 0:
            left += 1
            if left >= k:
                return False
    return True


@compiled()
def smallest_set(
    margins: Doubles,
    effects: Doubles,
    own: float,
    own_effects: Doubles,
    terms: Longs,
    costs: Doubles,
    k: int,
    size: int,
    most_steps: int,
    found: Longs,
) -> Any:
    """Put into `found` (size,) the cheapest `size` edits after which fewer than k rivals are ahead.

    Sets are looked at one edit after the other. One is given up as soon as k rivals stay ahead even
    if each of the edits to come did for every rival what the best of all edits does for it, which
    no set can exceed; so nothing that would do is passed over.

    Args:
        own, own_effects: the document's score, which has to end above 0, and what edits add (a,).
        terms: (a,) of the edits; no set edits a term twice. costs: (a,) ascending.
        size: 1 to 3. most_steps: sets looked at before it is given up.

    Returns:
        FOUND, NONE, or GAVE_UP where most_steps did not suffice.
    """
    n, r = effects.shape
    best = np.zeros((size + 1, r))
    for d in range(r):
        most = 0.0
        for a in range(n):
            most = max(most, effects[a, d])
        for left in range(1, size + 1):
            best[left, d] = left * most
    chosen = np.zeros(size, np.int64)
    cheapest = np.inf
    steps = 0
    depth = 0
    chosen[0] = -1
    while depth >= 0:
        chosen[depth] += 1
        at = chosen[depth]
        cost = 0.0
        for i in range(depth):
            cost += costs[chosen[i]]
        # What comes later costs no less.
        if at >= n or cost + (size - depth) * costs[at] >= cheapest:
            depth -= 1
            continue
        again = False
        for i in range(depth):
            again = again or terms[chosen[i]] == terms[at]
        if again:
            continue
        steps += 1
        if steps > most_steps:
            return GAVE_UP
        if not _ahead(margins, effects, chosen, depth + 1, best[size - depth - 1], k):
            continue
        if depth + 1 < size:
            chosen[depth + 1] = at
            depth += 1
            continue
        score = own
        for i in range(size):
            score += own_effects[chosen[i]]
        if score > 0:
            cheapest = cost + costs[at]
            found[:] = chosen
    return FOUND if cheapest < np.inf else NONE
