"""A retrieval task: who searches whom, which answers are right, and what the teacher finds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.closeness import closeness_to_words
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import ProjectedSplit
from lsr.exceptions import QueryError
from lsr.kernels import sweep_ranks
from lsr.model.expansion import literal_flags

Direction = Literal["text-to-image", "image-to-text"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Which = Literal["captions", "images"]
_BLOCK = 500


def check_direction(direction: str) -> None:
    """Refuse what is no direction.

    Raises:
        QueryError: it is not one of DIRECTIONS.
    """
    if direction not in DIRECTIONS:
        raise QueryError(f"`{direction[:40]}` is no direction. Use {' or '.join(DIRECTIONS)}.")


@dataclass(frozen=True)
class Side:
    """The captions or the images of a task, ids ascending.

    matrix: (n, V) csr; said: (nnz,) bool, is the term literal? An image's literal terms are those
    of its captions. dense: (n, d) vectors of the teacher.
    """

    ids: tuple[str, ...]
    matrix: sp.csr_matrix
    said: np.ndarray
    dense: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def starts(self) -> np.ndarray:
        return self.matrix.indptr.astype(np.int64)

    @cached_property
    def terms(self) -> np.ndarray:
        return self.matrix.indices.astype(np.int32)

    @cached_property
    def by_weight(self) -> np.ndarray:
        """(nnz,) entries of each vector in turn, weight descending, ties by term number."""
        rows = np.repeat(np.arange(len(self)), np.diff(self.matrix.indptr))
        return np.lexsort((self.matrix.indices, -self.matrix.data, rows))

    @cached_property
    def postings(self) -> Postings:
        """Its inverted index."""
        numbers = np.arange(self.matrix.nnz, dtype=np.int64)
        shape = self.matrix.shape
        turned = sp.csr_matrix((numbers, self.matrix.indices, self.matrix.indptr), shape).tocsc()
        return Postings(
            turned.indptr.astype(np.int64),
            turned.indices.astype(np.int32),
            self.matrix.data[turned.data],
            turned.data,
        )

    def keep(self, kept: np.ndarray, weights: np.ndarray | None = None) -> Side:
        """The side with only some of its entries (nnz,) bool, and other weights if given."""
        ends = np.concatenate([[0], np.cumsum(kept)])[self.matrix.indptr]
        data = self.matrix.data if weights is None else weights
        matrix = sp.csr_matrix((data[kept], self.matrix.indices[kept], ends), self.matrix.shape)
        return replace(self, matrix=matrix, said=self.said[kept])

    def pick(self, rows: np.ndarray) -> Side:
        """Some of its vectors."""
        entries = np.arange(self.matrix.nnz, dtype=np.int64)
        shape = self.matrix.shape
        chosen = sp.csr_matrix((entries, self.matrix.indices, self.matrix.indptr), shape)[rows]
        ids = tuple(self.ids[row] for row in rows)
        return Side(ids, self.matrix[rows], self.said[chosen.data], self.dense[rows])


@dataclass(frozen=True)
class Postings:
    """Images (or captions) by term: `rows[starts[t] : starts[t + 1]]`, weights likewise.

    entries: where each posting stands in the csr matrix that it comes from.
    """

    starts: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    entries: np.ndarray

    def staged(self, stages: np.ndarray) -> tuple[Postings, np.ndarray]:
        """The postings in ascending stage within each term, and their stages.

        Args:
            stages: (nnz,) of the csr entries.
        """
        mine = stages[self.entries]
        terms = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        order = np.lexsort((mine, terms))
        moved = Postings(self.starts, self.rows[order], self.weights[order], self.entries[order])
        return moved, mine[order].astype(np.int32)


@dataclass(frozen=True)
class Task:
    """Captions and images in one direction of search; both ordered by id.

    image_of: (m,) int32, position among the images of each caption's image. Where queries stand for
        the captions and several images may answer one, (a,): those of one query after another's.
    answer_starts: (m + 1,) int64, where each query's images begin in `image_of`; None where each
        has one.
    closeness: (nnz,) float32 best cosine of each caption term to a term said; None without word
        vectors. weight_bits: what a weight of the index takes. ranks_only: nothing but ranks and
        costs is asked for. says: whether it is known which terms a caption says.
    """

    direction: Direction
    captions: Side
    images: Side
    image_of: np.ndarray
    closeness: np.ndarray | None = None
    weight_bits: int = 32
    ranks_only: bool = False
    answer_starts: np.ndarray | None = None
    says: bool = True

    @property
    def queries_are(self) -> Which:
        return "captions" if self.direction == "text-to-image" else "images"

    @property
    def documents_are(self) -> Which:
        return "images" if self.direction == "text-to-image" else "captions"

    @property
    def documents(self) -> Side:
        return self.side(self.documents_are)

    @cached_property
    def queries(self) -> Side:
        """Who searches: every caption, or every image that has one."""
        if self.direction == "text-to-image":
            return self.captions
        return (
            self.images if len(self.asking) == len(self.images) else self.images.pick(self.asking)
        )

    @cached_property
    def asking(self) -> np.ndarray:
        """Positions of the queries among their side."""
        if self.direction == "text-to-image":
            return np.arange(len(self.captions))
        return np.unique(self.image_of)

    def side(self, which: Which) -> Side:
        """The captions or the images."""
        return self.captions if which == "captions" else self.images

    def keep(self, which: Which, kept: np.ndarray, weights: np.ndarray | None = None) -> Task:
        """The task with only some entries (nnz,) bool of a side, and other weights if given."""
        side = self.side(which).keep(kept, weights)
        if which == "images":
            return replace(self, images=side)
        closeness = None if self.closeness is None else self.closeness[kept]
        return replace(self, captions=side, closeness=closeness)

    def without_teacher(self) -> Task:
        """The task when nothing but ranks and costs is asked for."""
        return replace(self, ranks_only=True)

    def weighed(self, bits: int) -> Task:
        """The task with an index whose weights take so many bits each."""
        return replace(self, weight_bits=bits)

    @cached_property
    def relevant(self) -> tuple[np.ndarray, np.ndarray]:
        """(starts (q + 1,) int64, rows int32): the right documents of every query."""
        starts = self.answer_starts
        if starts is None:
            starts = np.arange(len(self.captions) + 1, dtype=np.int64)
        if self.direction == "text-to-image":
            return starts, self.image_of
        owners = np.repeat(np.arange(len(self.captions), dtype=np.int32), np.diff(starts))
        order = np.argsort(self.image_of, kind="stable")
        counts = np.bincount(self.image_of, minlength=len(self.images))[self.asking]
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), owners[order]

    @cached_property
    def groups(self) -> np.ndarray:
        """(q,) int64: a number shared by the queries that the same images answer."""
        if self.direction == "image-to-text":
            return np.arange(len(self.queries))
        if self.answer_starts is None:
            return self.image_of.astype(np.int64)
        starts, rows = self.relevant
        numbers: dict[bytes, int] = {}
        answers = (rows[a:b].tobytes() for a, b in itertools.pairwise(starts))
        return np.array([numbers.setdefault(one, len(numbers)) for one in answers], np.int64)

    @cached_property
    def teacher_top(self) -> np.ndarray:
        """(q, 10) int32: the documents that the dense vectors rank first, ties by id."""
        if self.ranks_only:
            return np.zeros((len(self.queries), 0), np.int32)
        return self._teacher[1]

    @cached_property
    def teacher_ranks(self) -> np.ndarray:
        """(q,) int64: rank of the best right document by the dense vectors."""
        return self._teacher[0]

    @cached_property
    def _teacher(self) -> tuple[np.ndarray, np.ndarray]:
        queries, documents = self.queries.dense, self.documents.dense
        starts, rows = self.relevant
        depth = min(10, len(documents))
        ranks = np.zeros(len(queries), np.int64)
        top = np.zeros((len(queries), depth), np.int32)
        for start in range(0, len(queries), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(queries)))
            scores = np.ascontiguousarray(queries[block] @ documents.T, np.float32)
            spans = starts[block.start : block.stop + 1]
            with sweep_ranks.ONE_AT_A_TIME:
                ranks[block], top[block] = sweep_ranks.dense_ranks_and_best(
                    scores, spans, rows, depth
                )
        return ranks, top


def make_task(
    projected: ProjectedSplit,
    direction: str = "text-to-image",
    term_vectors: np.ndarray | None = None,
) -> Task:
    """The task of a projected split.

    Args:
        term_vectors: (V, e) static word vectors for Semantic@20; None leaves it out.

    Raises:
        QueryError: an unknown direction.
    """
    check_direction(direction)
    caption_order = _by_id(projected.captions.ids)
    image_order = _by_id(projected.images.ids)
    place = np.empty(len(image_order), np.int32)
    place[image_order] = np.arange(len(image_order), dtype=np.int32)
    said = projected.literal[caption_order]
    image_of, starts = _answers(projected.pairs, caption_order, place)
    captions = _side(
        projected.captions.ids,
        projected.captions.matrix,
        said,
        projected.pairs.caption_vectors,
        caption_order,
    )
    images = _side(
        projected.images.ids,
        projected.images.matrix,
        projected.literal_of_images[image_order],
        projected.pairs.image_vectors,
        image_order,
    )
    closeness = (
        None if term_vectors is None else closeness_to_words(captions.matrix, said, term_vectors)
    )
    return Task(
        direction,  # type: ignore[arg-type]
        captions,
        images,
        image_of,
        closeness,
        answer_starts=starts,
        says=projected.says,
    )


def _answers(
    pairs: Pairs, order: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """`Task.image_of` and `Task.answer_starts`: captions in a new order, images in new places."""
    if pairs.answer_starts is None:
        return place[pairs.relevant[order]], None
    starts = pairs.answer_starts
    answers = [np.sort(place[pairs.relevant[starts[row] : starts[row + 1]]]) for row in order]
    counts = [len(found) for found in answers]
    return np.concatenate(answers), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _by_id(ids: tuple[str, ...]) -> np.ndarray:
    return np.array(sorted(range(len(ids)), key=ids.__getitem__), np.int64)


def _side(
    ids: tuple[str, ...],
    matrix: sp.csr_matrix,
    said: sp.csr_matrix,
    dense: np.ndarray,
    order: np.ndarray,
) -> Side:
    ordered = sp.csr_matrix(matrix[order])
    ordered.sort_indices()
    said.sort_indices()
    return Side(
        tuple(ids[row] for row in order), ordered, literal_flags(ordered, said), dense[order]
    )


def strongest_first(side: Side) -> np.ndarray:
    """(nnz,) int64: how many terms of its vector are stronger than each entry."""
    place = np.empty(side.matrix.nnz, np.int64)
    counts = np.diff(side.matrix.indptr)
    place[side.by_weight] = np.arange(side.matrix.nnz) - np.repeat(side.starts[:-1], counts)
    return place
