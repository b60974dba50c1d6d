"""Every query of a split: the ranks of its answer, the best rival, and what puts that ahead."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.passes import run_stages
from lsr.evaluation.task import Task
from lsr.exceptions import QueryError, UnknownNameError, shorten
from lsr.sweep.knobs import drawn, literal_only, set_to
from lsr.sweep.laboratory import Laboratory

Quadrant = Literal["both", "only sparse", "only dense", "neither"]
QUADRANTS: tuple[Quadrant, ...] = get_args(Quadrant)
MOST_K = 1_000
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class Cases:
    """The queries of a laboratory's task, ids ascending; every array is (q,).

    texts: of captions or of the queries of a set; of an image that searches, its id.
    answers: places among the documents of each query's best right one. rivals: of the best other
        one, -1 where no other shares a term with the query.
    scores, rival_scores: float64 of both, 0 without a shared term.
    ranks, own_words, dense: rank of the best right document with all terms, with the query's own
        words alone, and by the dense vectors; 0 where it is no hit. A tie counts against it.
    second: the rank under another model or setting, None where there is none beside.
    shared: terms that query and answer have in common. active: terms of the query. words: of its
        text. free: the task without the fixed knobs of its laboratory; None where it has none.
    """

    task: Task
    texts: tuple[str, ...]
    answers: np.ndarray
    rivals: np.ndarray
    scores: np.ndarray
    rival_scores: np.ndarray
    ranks: np.ndarray
    own_words: np.ndarray
    dense: np.ndarray
    second: np.ndarray | None
    shared: np.ndarray
    active: np.ndarray
    words: np.ndarray
    free: Task | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.task.queries.ids

    @property
    def margins(self) -> np.ndarray:
        """By how much the answer is ahead of the best rival; below 0 where it is behind."""
        return self.scores - self.rival_scores

    @cached_property
    def row_of(self) -> dict[str, int]:
        return {one: row for row, one in enumerate(self.ids)}

    def row(self, query_id: str) -> int:
        """The row of a query.

        Raises:
            UnknownNameError: there is none of that id.
        """
        if query_id not in self.row_of:
            raise UnknownNameError(
                f"There is no query `{shorten(query_id)}` among these {len(self):,}. Ids are those "
                f"of the list, such as `{self.ids[0]}`."
            )
        return self.row_of[query_id]

    def nearest(self, documents: np.ndarray, n: int) -> np.ndarray:
        """(documents, n) places of the n others, or all there are, nearest by the dense vectors.

        Args:
            documents: places of some documents.
        """
        dense = self.task.documents.dense
        unit = (dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), 1e-12)).astype(
            np.float32
        )
        n = min(n, len(unit) - 1)
        found = np.empty((len(documents), n), np.int64)
        for start in range(0, len(documents) if n else 0, _BLOCK):
            some = documents[start : start + _BLOCK]
            cosines = unit[some] @ unit.T
            cosines[np.arange(len(some)), some] = -2
            found[start : start + _BLOCK] = np.argpartition(-cosines, n - 1, axis=1)[:, :n]
        return found

    def found(self, k: int) -> np.ndarray:
        """(q,) bool: is a right document among the first k?

        Raises:
            QueryError: k is not from 1 to 1,000.
        """
        if not 1 <= k <= MOST_K:
            raise QueryError(f"k is {k:,}. Use 1 to {MOST_K:,}.")
        return (self.ranks > 0) & (self.ranks <= k)

    def quadrants(self, k: int) -> np.ndarray:
        """(q,) int8, places in QUADRANTS: who finds the answer among the first k."""
        sparse, dense = self.found(k), self.dense <= k
        return np.select([sparse & dense, sparse, dense], [0, 1, 2], 3).astype(np.int8)

    def by_contrast(self) -> np.ndarray:
        """(q,) rows, first where the dense vectors rank the answer highest and the terms lowest."""
        last = len(self.task.documents) + 1
        sparse = np.where(self.ranks > 0, self.ranks, last)
        contrast = np.log(sparse) - np.log(self.dense)
        return np.lexsort((np.arange(len(self)), self.margins, -contrast))


class Gap(NamedTuple):
    """A query term's share in the score of the answer and of the rival.

    literal: the query says it. The differences `rival - answer` over all terms add up to the gap
    between the two scores.
    """

    term: str
    weight: float
    answer: float
    rival: float
    literal: bool

    @property
    def difference(self) -> float:
        """By how much the term puts the rival ahead."""
        return self.rival - self.answer


def find_cases(lab: Laboratory, second: Laboratory | None = None) -> Cases:
    """The queries of a laboratory, under its fixed knobs.

    Args:
        second: another model, or another null, on the same queries; its ranks stand beside.

    Raises:
        QueryError: the second one searches with other queries, or a knob asks for words that the
            model's terms are not.
    """
    task = _cut(lab)
    beside = None
    if second is not None:
        if second.plain.queries.ids != task.queries.ids:
            raise QueryError("Two models stand beside each other on the same queries only.")
        beside = ranks_in(_cut(second))
    texts = _texts(lab)
    answers, rivals, scores, rival_scores = _best_two(task)
    queries, documents = task.queries.matrix, task.documents.matrix
    shared = sp.csr_matrix(queries.multiply(documents[answers]))
    return Cases(
        task,
        texts,
        answers,
        rivals,
        scores,
        rival_scores,
        ranks_in(task),
        ranks_in(literal_only(task)),
        task.teacher_ranks.astype(np.int64),
        beside,
        np.asarray((shared > 0).sum(axis=1)).ravel(),
        queries.getnnz(axis=1),
        np.array([len(text.split()) for text in texts]),
        lab.plain if lab.fixed else None,
    )


def gaps(cases: Cases, row: int, terms: list[str]) -> list[Gap]:
    """What every term of a query gives its answer and the rival, the rival's gains first.

    Args:
        terms: of the vocabulary, by number.
    """
    task = cases.task
    query = task.queries.matrix[row]
    said = task.queries.said[slice(*task.queries.matrix.indptr[row : row + 2])]
    numbers, weights = query.indices, query.data.astype(np.float64)
    documents = task.documents.matrix
    answer = documents[cases.answers[row]].toarray()[0, numbers] * weights
    rival = np.zeros(len(numbers))
    if cases.rivals[row] >= 0:
        rival = documents[cases.rivals[row]].toarray()[0, numbers] * weights
    found = [
        Gap(terms[number], float(w), float(a), float(r), bool(literal))
        for number, w, a, r, literal in zip(numbers, weights, answer, rival, said, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.difference, one.term))


def ranks_in(task: Task) -> np.ndarray:
    """(q,) int64: the rank of each query's best right document; 0 where it is no hit."""
    ranks: np.ndarray = run_stages(task.without_teacher(), 1).ranks[:, 0].astype(np.int64)
    return ranks


def _cut(lab: Laboratory) -> Task:
    """The plain task under the knobs that hold throughout; one that draws has its first draw."""
    task = lab.plain
    for knob, value in lab.fixed:
        lab.check_knob(knob)
        if knob.control == "mean":
            side = task.captions
            weights = side.matrix.data * np.where(side.said, 1.0, value).astype(np.float32)
            task = task.keep("captions", weights > 0, weights)
        elif knob.random:
            task = drawn(task, knob, value, 0, 0)
        else:
            task = set_to(task, knob, value)
    return task


def _texts(lab: Laboratory) -> tuple[str, ...]:
    if lab.direction != "text-to-image":
        return lab.plain.queries.ids
    split = lab.projected
    told = dict(zip(split.captions.ids, split.pairs.texts, strict=True))
    return tuple(told[one] for one in lab.plain.queries.ids)


def _best_two(task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(answers, rivals, scores, rival scores) of every query; ties go to the lower id."""
    queries = task.queries.matrix.astype(np.float64)
    documents = task.documents.matrix.astype(np.float64).T.tocsr()
    starts, rows = task.relevant
    n = queries.shape[0]
    places = np.zeros((2, n), np.int64)
    scores = np.zeros((2, n))
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        block = (queries[start:stop] @ documents).toarray()
        own = np.repeat(np.arange(stop - start), np.diff(starts[start : stop + 1]))
        right = np.zeros(block.shape, bool)
        right[own, rows[starts[start] : starts[stop]]] = True
        for kind, eligible in enumerate((right, ~right)):
            shown = np.where(eligible, block, -1.0)
            best = shown.argmax(axis=1)
            places[kind, start:stop] = best
            scores[kind, start:stop] = np.maximum(shown[np.arange(stop - start), best], 0)
    places[1, scores[1] <= 0] = -1
    return places[0], places[1], scores[0], scores[1]
