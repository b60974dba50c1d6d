"""What puts rivals ahead: every term's gain belongs to one kind, by rules that are facts.

A gap between two scores is a sum over terms, so the shares are exact. They say what kind of term
decided; they do not say why the model weighs it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side
from lsr.failures.cases import Cases
from lsr.model.function_words import FUNCTION_WORDS
from lsr.search.audit import stem
from lsr.search.hypernyms import broader_forms
from lsr.sweep.laboratory import Laboratory

HUB_SHARE = 0.25
NEAREST = 5
# By name: what it is, as the page and the command say it. The first rule that fits decides.
KINDS = {
    "silent": "terms of the query that it or a caption of the answer says, and the answer does not "
    "activate",
    "unsupported": "content words of the rival that neither its captions say in any form nor those "
    f"of the {NEAREST} documents nearest to it by the dense vectors",
    "astray": "content words that the model adds and no caption of the answer says in any form",
    "generic": f"terms that at least {HUB_SHARE:.0%} of all documents have, and of which captions "
    "say them",
    "outweighed": "terms that both have with reason, the rival with more weight",
}
NAMES = tuple(KINDS)
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Shares:
    """Of each query, what its rival gains over the answer, term by term and by kind.

    rows, terms, gains, kinds: (x,) one for each term on which a rival is ahead, rows ascending;
        gains in units of the score, kinds as places in KINDS. literal: (x,) does the query say it?
    n: queries. A query without a rival has no gains.
    """

    rows: np.ndarray
    terms: np.ndarray
    gains: np.ndarray
    kinds: np.ndarray
    literal: np.ndarray
    n: int

    @cached_property
    def by_kind(self) -> np.ndarray:
        """(q, 5) float64 in the order of KINDS; a row adds up to all that the rival gains."""
        cells = self.rows * len(KINDS) + self.kinds
        summed = np.bincount(cells, self.gains, self.n * len(KINDS))
        return summed.reshape(-1, len(KINDS))

    @cached_property
    def main(self) -> np.ndarray:
        """(q,) int8, place in KINDS of the largest gain; -1 where there is none."""
        gains = self.by_kind
        largest = gains.argmax(axis=1).astype(np.int8)
        return np.where(gains.sum(axis=1) > 0, largest, np.int8(-1))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """(5,) the kinds' parts of all that rivals gain in some queries; they add up to 1."""
        total = self.by_kind[rows].sum(axis=0)
        whole = total.sum()
        return total / whole if whole else total


def said_by_documents(lab: Laboratory, cases: Cases) -> sp.csr_matrix:
    """(n, V) bool: the terms that the captions of each document say, or a caption that is one."""
    split = lab.projected
    ids, said = split.images.ids, split.literal_of_images
    if cases.task.documents_are == "captions":
        ids, said = split.captions.ids, split.literal
    place = {one: row for row, one in enumerate(ids)}
    return sp.csr_matrix(said[[place[one] for one in cases.task.documents.ids]])


def find_shares(cases: Cases, terms: Sequence[str], said: sp.csr_matrix) -> Shares:
    """The gains of every query's rival, term by term.

    Args:
        terms: of the vocabulary, by number; *dog* says *dogs* as well.
        said: what `said_by_documents` gives.

    Where it is not known which terms a text says, a gain is generic or outweighed.
    """
    task = cases.task
    forms, form = np.unique([stem(term) for term in terms], return_inverse=True)
    literal = _literal(task.queries)
    in_form = _in_form(said, form)
    weights = task.documents.matrix.astype(np.float64)
    generic = weights.getnnz(axis=0) >= HUB_SHARE * max(weights.shape[0], 1)
    if task.says:
        generic &= (in_form.getnnz(axis=0) >= HUB_SHARE * max(weights.shape[0], 1))[form]
    wider = sp.csr_matrix(in_form + in_form @ broader_forms(forms.tolist()).astype(np.int32))
    around = _around(wider, cases)
    content = np.array([term not in FUNCTION_WORDS for term in terms])
    found = []
    for start in range(0, len(cases), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(cases)))
        rows = rows[cases.rivals[rows] >= 0]
        if not len(rows):
            continue
        query = task.queries.matrix[rows].astype(np.float64)
        answers, rivals = cases.answers[rows], cases.rivals[rows]
        gain = sp.csr_matrix(query.multiply(weights[rivals] - weights[answers])).tocoo()
        ahead = gain.data > 0
        if not ahead.any():
            continue
        place, term, data = gain.row[ahead], gain.col[ahead], gain.data[ahead]
        own = _at(literal, rows[place], term)
        kind = np.where(generic[term], 3, 4)
        if task.says:
            meant = own | _at(in_form, answers[place], form[term])
            rules = [
                meant & ~_at(weights, answers[place], term),
                content[term] & ~_at(around, rivals[place], form[term]),
                content[term] & ~meant,
            ]
            kind = np.select(rules, range(len(rules)), kind)
        found.append((rows[place], term.astype(np.int64), data, kind, own))
    if not found:
        none = np.zeros(0, np.int64)
        return Shares(none, none, none.astype(float), none, none.astype(bool), len(cases))
    row, term, data, kind, own = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((-data, row))
    return Shares(row[order], term[order], data[order], kind[order], own[order], len(cases))


def _literal(side: Side) -> sp.csr_matrix:
    """(n, V): the active terms that a text says."""
    matrix = side.matrix
    rows = np.repeat(np.arange(len(side)), np.diff(matrix.indptr))[side.said]
    ones = np.ones(len(rows), np.int32)
    return sp.csr_matrix((ones, (rows, matrix.indices[side.said])), shape=matrix.shape)


def _in_form(said: sp.csr_matrix, form: np.ndarray) -> sp.csr_matrix:
    """(n, F): how many terms of each form a text says."""
    ones = np.ones(said.nnz, np.int32)
    rows = np.repeat(np.arange(said.shape[0]), np.diff(said.indptr))
    shape = (said.shape[0], int(form.max(initial=0)) + 1)
    return sp.csr_matrix((ones, (rows, form[said.indices])), shape=shape)


def _around(in_form: sp.csr_matrix, cases: Cases) -> sp.csr_matrix:
    """(n, F): how often a form, or a narrower word, is said of a rival and the nearest documents.

    Captions leave much of a picture unsaid; what is said of pictures like it may well be there.
    """
    rivals = np.unique(cases.rivals[(cases.ranks != 1) & (cases.rivals >= 0)])
    near = cases.nearest(rivals, NEAREST)
    n = len(cases.task.documents)
    rows = np.concatenate([np.arange(n), np.repeat(rivals, near.shape[1])])
    columns = np.concatenate([np.arange(n), near.ravel()])
    beside = sp.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(n, n))
    return sp.csr_matrix(beside @ in_form)


def _at(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(x,) bool: is there something at the places?"""
    return np.asarray(matrix[rows, columns]).ravel() != 0
