"""What puts rivals ahead: every term's gain belongs to one kind, by rules that are facts.

A gap between two scores is a sum over terms, so the shares are exact. They say what kind of term
decided; they do not say why the model weighs it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side
from lsr.failures.cases import Cases
from lsr.search.audit import stem

HUB_SHARE = 0.25
# By name: what it is, as the page and the command say it. The first rule that fits decides.
KINDS = {
    "silent": "words of the query that the answer does not activate",
    "unsupported": "terms of the rival that none of its captions says in any form",
    "astray": "terms that the model adds and no caption of the answer says in any form",
    "generic": f"terms that at least {HUB_SHARE:.0%} of all documents have",
    "outweighed": "terms that both have with reason, the rival with more weight",
}
NAMES = tuple(KINDS)
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Shares:
    """Of each query, what its rival gains over the answer, by kind.

    gains: (q, 5) float64 in the order of KINDS, weight units of the score; a row adds up to the
        gains of all terms on which the rival is ahead. 0 where there is no rival.
    """

    gains: np.ndarray

    @property
    def main(self) -> np.ndarray:
        """(q,) int8, place in KINDS of the largest gain; -1 where there is none."""
        largest = self.gains.argmax(axis=1).astype(np.int8)
        return np.where(self.gains.sum(axis=1) > 0, largest, np.int8(-1))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """(5,) the kinds' parts of all that rivals gain in some queries; they add up to 1."""
        total = self.gains[rows].sum(axis=0)
        whole = total.sum()
        return total / whole if whole else total


def find_shares(cases: Cases, terms: Sequence[str]) -> Shares:
    """The gains of every query's rival, by kind.

    Args:
        terms: of the vocabulary, by number; *dog* says *dogs* as well.

    Where it is not known which terms a text says, nothing is literal and everything of the rival is
    unsupported: ask `cases.task.says` first.
    """
    task = cases.task
    queries, documents = task.queries, task.documents
    _, form = np.unique([stem(term) for term in terms], return_inverse=True)
    literal = _said(queries, np.arange(len(terms)))
    said = _said(documents, form)
    n = documents.matrix.shape[0]
    generic = documents.matrix.getnnz(axis=0) >= HUB_SHARE * max(n, 1)
    weights = documents.matrix.astype(np.float64)
    gains = np.zeros((len(cases), len(KINDS)))
    for start in range(0, len(cases), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(cases)))
        rows = rows[cases.rivals[rows] >= 0]
        if not len(rows):
            continue
        query = queries.matrix[rows].astype(np.float64)
        answers, rivals = cases.answers[rows], cases.rivals[rows]
        gain = sp.csr_matrix(query.multiply(weights[rivals] - weights[answers])).tocoo()
        ahead = gain.data > 0
        if not ahead.any():
            continue
        place, term, data = gain.row[ahead], gain.col[ahead], gain.data[ahead]

        own = _at(literal, rows[place], term)
        rules = [
            own & ~_at(weights, answers[place], term),
            ~_at(said, rivals[place], form[term]),
            ~own & ~_at(said, answers[place], form[term]),
            generic[term],
        ]
        kind = np.select(rules, range(len(rules)), len(rules))
        np.add.at(gains, (rows[place], kind), data)
    return Shares(gains)


def _said(side: Side, form: np.ndarray) -> sp.csr_matrix:
    """(n, F): how many terms of each form a text says."""
    matrix = side.matrix
    rows = np.repeat(np.arange(len(side)), np.diff(matrix.indptr))[side.said]
    columns = form[matrix.indices[side.said]]
    ones = np.ones(len(rows), np.int32)
    return sp.csr_matrix((ones, (rows, columns)), shape=(len(side), int(form.max()) + 1))


def _at(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(x,) bool: is there something at the places?"""
    return np.asarray(matrix[rows, columns]).ravel() != 0
