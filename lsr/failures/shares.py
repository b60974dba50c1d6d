"""What puts rivals ahead: every term's gain belongs to one kind, by rules that are facts.

A gap between two scores is a sum over terms, so the shares are exact. They say what kind of term
decided; they do not say why the model weighs it so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side
from lsr.failures.cases import Cases

HUB_SHARE = 0.25
# By name: what it is, as the page and the command say it. The first rule that fits decides.
KINDS = {
    "silent": "words of the query that the answer does not activate",
    "unsupported": "terms of the rival that none of its captions says",
    "astray": "terms that the model adds to the query and no caption of the answer says",
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


def find_shares(cases: Cases) -> Shares:
    """The gains of every query's rival, by kind.

    Where it is not known which terms a text says, nothing is literal and everything of the rival is
    unsupported: ask `cases.task.says` first.
    """
    task = cases.task
    queries, documents = task.queries, task.documents
    literal = _flags(queries)
    said = _flags(documents)
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

        def at(matrix: sp.csr_matrix, which: np.ndarray, term: np.ndarray = term) -> np.ndarray:
            return np.asarray(matrix[which, term]).ravel() != 0

        rules = [
            at(literal, rows[place]) & ~at(weights, answers[place]),
            ~at(said, rivals[place]),
            ~at(literal, rows[place]) & ~at(said, answers[place]),
            generic[term],
        ]
        kind = np.select(rules, range(len(rules)), len(rules))
        np.add.at(gains, (rows[place], kind), data)
    return Shares(gains)


def _flags(side: Side) -> sp.csr_matrix:
    """(n, V) where a term is said."""
    matrix = side.matrix
    said = side.said.astype(np.int8)
    flags = sp.csr_matrix((said, matrix.indices, matrix.indptr), matrix.shape, copy=True)
    flags.eliminate_zeros()  # in place: the side keeps its entries
    return flags
