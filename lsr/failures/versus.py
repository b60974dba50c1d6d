"""Two models as failures: what one finds and the other does not, and which terms changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side
from lsr.exceptions import QueryError
from lsr.failures.cases import Cases


@dataclass(frozen=True, eq=False)
class Versus:
    """Queries by who finds their answer among the first k.

    both, neither: how many. only_first, only_second: rows, ascending.
    """

    both: int
    neither: int
    only_first: np.ndarray
    only_second: np.ndarray

    @property
    def p(self) -> float:
        """McNemar's exact test: how often equally good models part at least so unevenly.

        Two-sided, on the queries that one alone finds (McNemar 1947); by scipy. 1 without any.
        """
        from scipy.stats import binomtest  # takes a second to load

        one, other = len(self.only_first), len(self.only_second)
        return float(binomtest(one, one + other, 0.5).pvalue) if one + other else 1.0


class Changed(NamedTuple):
    """A term with its mean share of the weight of the vectors of each model, from 0 to 1."""

    term: str
    side: Literal["query", "answer"]
    first: float
    second: float

    @property
    def difference(self) -> float:
        return self.second - self.first


def compare(first: Cases, second: Cases, k: int) -> Versus:
    """What two models find of the same queries.

    Raises:
        QueryError: they are asked different queries, or k is out of range.
    """
    if first.ids != second.ids:
        raise QueryError("Two models stand beside each other on the same queries only.")
    one, other = first.found(k), second.found(k)
    return Versus(
        int((one & other).sum()),
        int((~one & ~other).sum()),
        np.flatnonzero(one & ~other),
        np.flatnonzero(other & ~one),
    )


def changed_terms(
    first: Cases,
    second: Cases,
    rows: np.ndarray,
    terms: tuple[Sequence[str], Sequence[str]],
    most: int = 12,
) -> list[Changed]:
    """The terms whose weights differ most between two models, the largest difference first.

    Weights are shares of the sum of each vector, as models weigh on scales of their own; means over
    the queries, and over the best right document of each.

    Args:
        rows: queries to look at. terms: of both vocabularies; only terms of both are compared.
    """
    places = {term: place for place, term in enumerate(terms[1])}
    shared = np.array([place for place, term in enumerate(terms[0]) if term in places], np.int64)
    if not len(rows) or not len(shared):
        return []
    there = np.array([places[terms[0][place]] for place in shared])
    found = []
    sides: tuple[Literal["query", "answer"], ...] = ("query", "answer")
    for side in sides:
        one = _mean_shares(*_vectors(first, side, rows))[shared]
        other = _mean_shares(*_vectors(second, side, rows))[there]
        for place in np.argsort(-np.abs(other - one), kind="stable")[:most]:
            if one[place] != other[place]:
                name = terms[0][shared[place]]
                found.append(Changed(name, side, float(one[place]), float(other[place])))
    return sorted(found, key=lambda one: (-abs(one.difference), one.term, one.side))[:most]


def _vectors(cases: Cases, side: str, rows: np.ndarray) -> tuple[Side, np.ndarray]:
    if side == "query":
        return cases.task.queries, rows
    return cases.task.documents, cases.answers[rows]


def _mean_shares(side: Side, rows: np.ndarray) -> np.ndarray:
    """(V,) float64: the mean share of each term in the weight of some vectors."""
    matrix = side.matrix[rows].astype(np.float64)
    whole = np.asarray(matrix.sum(axis=1)).ravel()
    scaled = sp.diags(np.divide(1.0, whole, out=np.zeros_like(whole), where=whole > 0)) @ matrix
    return np.asarray(scaled.mean(axis=0)).ravel()
