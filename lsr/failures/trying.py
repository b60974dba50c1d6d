"""Edits of terms tried on all queries at once, so that a local cure is not taken for a good one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.task import Side, Task
from lsr.failures.cases import Cases, ranks_in
from lsr.failures.edits import TermEdit


@dataclass(frozen=True)
class Tried:
    """What edits do to a list of queries.

    fixed: ids of queries whose answer comes among the first k. broken: of those whose answer was
    there and is no more. touched: queries whose rank changes in any way, of n.
    """

    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    touched: int
    n: int


def try_edits(
    cases: Cases,
    row: int,
    edits: Sequence[TermEdit],
    terms: Sequence[str],
    k: int,
    rows: np.ndarray | None = None,
) -> Tried:
    """Make edits everywhere at once and rank all queries again.

    Of the query: every query has the term muted or boosted that has it, and gets an added one that
    lacks it, with the same weight. Of the answer: the one document is changed, for every query.

    Args:
        row: the query whose answer is edited. terms: of the vocabulary, by number.
        rows: of the queries that are counted; all by default.
    """
    counted = np.arange(len(cases)) if rows is None else rows
    after = ranks_in(_edited(cases, row, edits, terms))
    found = cases.found(k)
    finds = (after > 0) & (after <= k)
    fixed, broken = counted[(finds & ~found)[counted]], counted[(found & ~finds)[counted]]
    return Tried(
        tuple(cases.ids[one] for one in fixed),
        tuple(cases.ids[one] for one in broken),
        int((after != cases.ranks)[counted].sum()),
        len(counted),
    )


def _edited(cases: Cases, row: int, edits: Sequence[TermEdit], terms: Sequence[str]) -> Task:
    """The task with every edit made; only for ranks."""
    task = cases.task
    number_of = {term: number for number, term in enumerate(terms)}
    sides = {which: task.side(which).matrix.astype(np.float64) for which in ("captions", "images")}
    for edit in edits:
        number = number_of[edit.term]
        if edit.side == "query":
            sides[task.queries_are] = _changed(sides[task.queries_are], edit, number, None)
        else:
            place = int(cases.answers[row])
            sides[task.documents_are] = _changed(sides[task.documents_are], edit, number, place)
    captions, images = (
        _with_matrix(task.side(which), sides[which]) for which in ("captions", "images")
    )
    return replace(task, captions=captions, images=images, closeness=None)


def _changed(
    matrix: sp.csr_matrix, edit: TermEdit, number: int, place: int | None
) -> sp.csr_matrix:
    """A matrix with one edit made in every row, or in one."""
    here = np.zeros(matrix.shape[0], bool)
    here[slice(None) if place is None else place] = True
    column = matrix[:, [number]].toarray().ravel()
    if edit.kind == "add":
        wanted = np.where(here & (column == 0), edit.amount, column)
    else:
        wanted = np.where(here, column * edit.amount, column)
    change = np.flatnonzero(wanted != column)
    numbers = np.full(len(change), number)
    values = (wanted - column)[change]
    return sp.csr_matrix(matrix + sp.csr_matrix((values, (change, numbers)), matrix.shape))


def _with_matrix(side: Side, matrix: sp.csr_matrix) -> Side:
    rounded = sp.csr_matrix(matrix, dtype=np.float32)
    rounded.eliminate_zeros()
    rounded.sort_indices()
    return Side(side.ids, rounded, np.zeros(rounded.nnz, bool), side.dense)
