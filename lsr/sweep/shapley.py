"""What each word of a query is worth for its answer: Shapley values of the reciprocal rank.

The value of a set of terms is the reciprocal rank of the answer when the query is that set alone.
A term's Shapley value is the mean of what it adds over all orders in which the terms may join, so
the values add up to the reciprocal rank under the whole query.

Source: Shapley, A value for n-person games, 1953.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.model.sparse import strongest

MOST = 13
_SCORES = 2**22  # of images under sets, held at once: 32 MB


@dataclass(frozen=True)
class Worth:
    """The value of a term, or of all that are not among the strongest together.

    terms: the numbers of the terms. value: between −1 and 1.
    """

    terms: tuple[int, ...]
    value: float


def worth(
    index: MemoryIndex, terms: np.ndarray, weights: np.ndarray, answer: int, most: int = MOST
) -> list[Worth]:
    """Exact Shapley values, the strongest term first.

    All 2^players sets are ranked. Where a query has more terms than `most`, the weakest are one
    player together, the last.

    Args:
        terms, weights: (t,) of the query. answer: row of the index. most: players, 1 to MOST.

    Raises:
        QueryError: another number of players.
    """
    if not 1 <= most <= MOST:
        raise QueryError(f"{most:,} players have too many sets. Use 1 to {MOST}.")
    order = strongest(terms, weights, len(terms))
    single = order if len(order) <= most else order[: most - 1]
    players = [order[[i]] for i in range(len(single))]
    if len(single) < len(order):
        players.append(order[len(single) :])
    if not players:
        return []
    brought = np.array(
        [np.asarray(index.score_all(terms[one], weights[one]), np.float64) for one in players]
    )
    values = _reciprocal_ranks(brought, answer)
    n = len(players)
    sizes = np.array([one.bit_count() for one in range(2**n)])
    shares = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    found = []
    for i, one in enumerate(players):
        without = np.flatnonzero(~np.arange(2**n) & (1 << i))
        added = values[without | (1 << i)] - values[without]
        value = float((added * shares[sizes[without]]).sum())
        found.append(Worth(tuple(int(term) for term in terms[one]), value))
    return found


def _reciprocal_ranks(brought: np.ndarray, answer: int) -> np.ndarray:
    """(2^players,) of the answer under every set of players; bit i of the number is player i.

    Args:
        brought: (players, n) what each brings to every image. Ties rank by row; an answer without
            a score is not found, which is worth 0.
    """
    n_sets = 2 ** len(brought)
    found = np.empty(n_sets)
    bits = 1 << np.arange(len(brought))
    block = max(1, _SCORES // brought.shape[1])
    for start in range(0, n_sets, block):
        numbers = np.arange(start, min(start + block, n_sets))
        scores = ((numbers[:, None] & bits) > 0).astype(np.float64) @ brought
        own = scores[:, [answer]]
        ahead = (scores > own).sum(axis=1) + (scores[:, :answer] == own).sum(axis=1)
        found[numbers] = np.where(own[:, 0] > 0, 1 / (ahead + 1), 0.0)
    return found
