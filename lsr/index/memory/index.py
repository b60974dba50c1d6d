"""Exact search in this process: inverted lists in numpy arrays, loops compiled by numba."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, overload

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.index.limits import check_k, check_term, usable
from lsr.index.memory.precision import Precision, check_precision
from lsr.index.memory.rows import RowFilter, find, merged
from lsr.index.memory.segment import Segment, build_segment
from lsr.index.memory.threads import each_part
from lsr.index.protocol import Found, Hit
from lsr.kernels.search import FEW_ROWS
from lsr.model.sparse import SparseVectors, stack


class FoundRows(NamedTuple):
    """Hits as arrays: rows of the index, float64 scores, (hits, terms) weights of the images.

    The products of a hit's weights with the query's add up to its score.
    """

    rows: np.ndarray
    scores: np.ndarray
    image_weights: np.ndarray


class MemoryIndex:
    """An inverted index over sparse image vectors.

    It never changes: `grown` and `shrunk` of `lsr.index.memory.growing` give new ones that share
    its parts. Rows number the images by ascending id, so equal scores come out in the order of the
    ids.

    Args:
        images: the vectors; their ids are unique.
        precision: how weights are kept, `float32`, `float16` or `int8`. Scores are exact inner
            products with the weights as they are kept.

    Raises:
        QueryError: an id comes twice, or a weight cannot be kept.
    """

    engine = "memory"

    def __init__(self, images: SparseVectors, precision: Precision = "float32") -> None:
        order = sorted(range(len(images)), key=images.ids.__getitem__)
        ids = tuple(images.ids[row] for row in order)
        for before, after in pairwise(ids):
            if before == after:
                raise QueryError(
                    f"The image id `{after}` comes twice among {len(ids):,} images. Give each "
                    "image an id of its own."
                )
        ordered = order == list(range(len(order)))
        matrix = images.matrix if ordered else images.matrix[order]
        segment = build_segment(matrix, ids, check_precision(precision))
        self._set((segment,), (None,), images.vocabulary)

    @classmethod
    def of_segments(
        cls,
        segments: Sequence[Segment],
        alive: Sequence[np.ndarray | None],
        vocabulary: str,
    ) -> MemoryIndex:
        """An index over parts, at least one, that share no living id.

        Args:
            alive: for each part which rows are not deleted, or None where all live.
        """
        index = cls.__new__(cls)
        index._set(segments, alive, vocabulary)
        return index

    def _set(
        self, segments: Sequence[Segment], alive: Sequence[np.ndarray | None], vocabulary: str
    ) -> None:
        self.segments, self.alive, self.vocabulary = tuple(segments), tuple(alive), vocabulary
        self.n_terms = self.segments[0].n_terms
        self.precision = self.segments[0].precision
        self._whole = len(self.segments) == 1 and self.alive[0] is None
        self.ids: Sequence[str] = self.segments[0].ids
        # For every part the row here of each of its rows, -1 where it is deleted.
        self._row_here: list[np.ndarray] = []
        if not self._whole:
            self.ids, self._row_here = merged(self.segments, self.alive)
        self._rows_of = RowFilter(self.ids)
        # Reads the compiled loops from their cache now, so that no search waits for it.
        if len(self) and self.n_terms:
            self.find_rows(np.zeros(1, np.int32), np.ones(1), 1)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def images(self) -> SparseVectors:
        """The vectors as they are kept, rows ascending by id."""
        parts = [segment.matrix() for segment in self.segments]
        if self._whole:
            return SparseVectors(parts[0], tuple(self.ids), self.vocabulary)
        here = np.concatenate(self._row_here)
        order = np.argsort(here, kind="stable")[np.count_nonzero(here < 0) :]
        matrix = sp.csr_matrix(sp.vstack(parts, format="csr")[order])
        return SparseVectors(matrix, tuple(self.ids), self.vocabulary)

    @cached_property
    def document_frequency(self) -> np.ndarray:
        """(V,) int64: how many images activate each term."""
        if all(alive is None for alive in self.alive):
            return np.sum([one.document_frequency() for one in self.segments], axis=0)
        return self.frequency_among(np.ones(len(self), bool))

    def frequency_among(self, passing: np.ndarray) -> np.ndarray:
        """(V,) int64: how many of some images activate each term.

        Args:
            passing: (n,) bool, which images are meant.
        """
        parts = enumerate(self.segments)
        counts = [one.frequency_among(self._part(passing, i)) for i, one in parts]
        return np.asarray(np.sum(counts, axis=0))

    def weights_of_terms(self) -> tuple[np.ndarray, np.ndarray]:
        """The largest weight (V,) float32 of each term, 0 where no image has it, and (V,) float64
        the sum of its weights.
        """
        parts = zip(self.segments, self.alive, strict=True)
        found = [segment.weights_of_terms(alive) for segment, alive in parts]
        largest, total = zip(*found, strict=True)
        return np.max(largest, axis=0), np.sum(total, axis=0)

    @cached_property
    def active_terms(self) -> np.ndarray:
        """(n,) int32: how many terms each image activates."""
        parts = [segment.active_terms() for segment in self.segments]
        if self._whole:
            return parts[0]
        counts = np.zeros(len(self), np.int32)
        for here, part in zip(self._row_here, parts, strict=True):
            counts[here[here >= 0]] = part[here >= 0]
        return counts

    @property
    def nbytes(self) -> int:
        """Bytes of the postings, without the ids."""
        return sum(segment.nbytes for segment in self.segments)

    def forget(self) -> None:
        """Give back the memory of what was read so far of a stored index; a search reads again."""
        for segment in self.segments:
            segment.forget()

    def vectors(self, image_ids: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """See `lsr.index.protocol.Index.vectors`."""
        return [self.vector(self.row_of(image_id)) for image_id in image_ids]

    def vector(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """(terms int32, weights float32) of the image of a row, terms ascending."""
        found = self.matrix_of(np.array([row]))
        return found.indices, found.data

    def matrix_of(self, rows: np.ndarray) -> sp.csr_matrix:
        """(rows, V) float32: the vectors of some images as they are kept, in the order given.

        Of a large index only what they need is made, not the vectors of all.
        """
        if len(self) <= FEW_ROWS or "images" in self.__dict__:
            return self.images.matrix[rows]
        if self._whole:
            return self.segments[0].matrix_of(rows)
        wanted, places = np.unique(rows, return_inverse=True)
        is_wanted = np.zeros(len(self) + 1, bool)  # the last is that of deleted ones, -1
        is_wanted[wanted] = True
        parts, found = [], []
        for segment, here in zip(self.segments, self._row_here, strict=True):
            there = np.flatnonzero(is_wanted[here])
            parts.append(segment.matrix_of(there))
            found.append(here[there])
        order = np.argsort(np.concatenate(found))
        return stack(parts, self.n_terms)[order[places]]

    def row_of(self, image_id: str) -> int:
        """The row of an image inside this index.

        Raises:
            KeyError: no such image.
        """
        row = find(self.ids, image_id)
        if row is None:
            raise KeyError(image_id)
        return row

    def postings(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows, weights) of the images that activate a term, rows ascending."""
        if self._whole:
            return self.segments[0].postings(term)
        parts = [segment.postings(term) for segment in self.segments]
        rows = np.concatenate([here[p[0]] for here, p in zip(self._row_here, parts, strict=True)])
        weights = np.concatenate([part[1] for part in parts])
        order = np.argsort(rows, kind="stable")[np.count_nonzero(rows < 0) :]
        return rows[order], weights[order]

    def score_all(self, terms: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n,) float32: the inner product of the query with every image.

        Raises:
            QueryError: a weight is negative or not a number, or a term is out of range.
        """
        terms, weights = usable(terms, weights, self.n_terms)
        if self._whole:
            return self.segments[0].scores(terms, weights)
        scores = np.zeros(len(self), np.float32)
        for segment, here in zip(self.segments, self._row_here, strict=True):
            scores[here[here >= 0]] = segment.scores(terms, weights)[here >= 0]
        return scores

    def search(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[Hit]:
        """See `lsr.index.protocol.Index.search`."""
        found = self.find_rows(terms, weights, k, only, include=include, exclude=exclude)
        return self._hits(found.rows, found.scores)

    def find(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> Found:
        """See `lsr.index.protocol.Index.find`."""
        found = self.find_rows(terms, weights, k, only, include=include, exclude=exclude)
        ids = self.ids
        return Found([ids[row] for row in found.rows.tolist()], found.scores, found.image_weights)

    def search_many(
        self,
        queries: sp.csr_matrix,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[list[Hit]]:
        """See `lsr.index.protocol.Index.search_many`."""
        rows, scores = self.search_rows(queries, k, only, include=include, exclude=exclude)
        there = (rows >= 0).sum(axis=1).tolist()
        lines = zip(there, rows, scores, strict=True)
        return [self._hits(row[:n], score[:n]) for n, row, score in lines]

    def _hits(self, rows: np.ndarray, scores: np.ndarray) -> list[Hit]:
        ids = self.ids
        return list(map(Hit, [ids[row] for row in rows.tolist()], scores.tolist()))

    def find_rows(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        threads: int | None = None,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> FoundRows:
        """The hits of a query as arrays, with what each of its terms weighs in each of them.

        Args:
            only: ids that may be hits. threads: at most so many search a large index at once; by
                default one for each processor. include: terms that every hit activates. exclude:
                terms that no hit activates.

        Raises:
            QueryError: as `search`; or a term to include or exclude is out of range.
        """
        terms, weights = usable(terms, weights, self.n_terms)
        check_k(k)
        allowed = self.allowed(only, include, exclude)
        k = min(k, len(self))
        if not k:
            empty = np.zeros((0, len(terms)), np.float32)
            return FoundRows(np.zeros(0, np.int32), np.zeros(0), empty)
        if self._whole:
            return FoundRows(*self.segments[0].best(terms, weights, k, allowed, threads))
        parts = []
        for i, segment in enumerate(self.segments):
            rows, scores, shares = segment.best(terms, weights, k, self._part(allowed, i), threads)
            parts.append((self._row_here[i][rows], scores, shares))
        rows, scores, shares = (np.concatenate(one) for one in zip(*parts, strict=True))
        order = np.lexsort((rows, -scores))[:k]
        return FoundRows(rows[order], scores[order], shares[order])

    def search_rows(
        self,
        queries: sp.csr_matrix,
        k: int,
        only: Container[str] | None = None,
        *,
        threads: int | None = None,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows (m, k) int32 and scores (m, k) float64 of many queries, best first.

        The numbers do not depend on how many threads there are. Where a query has fewer hits than
        k, the rest of its line has row -1 and score 0.

        Args:
            queries: (m, V), indices sorted.
            threads: how many work at once; by default one for each processor.
        """
        check_k(k)
        _, weights = usable(queries.indices, queries.data, self.n_terms)
        if queries.shape[1] > self.n_terms:
            raise QueryError(
                f"The queries have {queries.shape[1]:,} terms, but the index has {self.n_terms:,}. "
                "Project them with the model of the index."
            )
        allowed = self.allowed(only, include, exclude)
        arrays = queries.indptr.astype(np.int64), queries.indices.astype(np.int32), weights
        found: list[tuple[np.ndarray, np.ndarray]] = []
        for i, segment in enumerate(self.segments):
            hits = np.empty((queries.shape[0], k), np.int32), np.empty((queries.shape[0], k))
            part = self._part(allowed, i)

            def work(
                first: int,
                last: int,
                segment: Segment = segment,
                part: Any = part,
                hits: Any = hits,
            ) -> None:
                segment.best_of_many(arrays, first, last, part, hits)

            each_part(work, queries.shape[0], threads)
            found.append(hits)
        if self._whole:
            return found[0]
        return self._best_of_parts(found, k)

    def _best_of_parts(
        self, found: list[tuple[np.ndarray, np.ndarray]], k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        pairs = zip(self._row_here, found, strict=True)
        rows = np.hstack([np.where(r >= 0, here[r], -1) for here, (r, _) in pairs])
        scores = np.hstack([scores for _, scores in found])
        order = np.lexsort((rows, -scores), axis=1)[:, :k]
        ordered = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
        return ordered[0].astype(np.int32), ordered[1]

    def allowed(
        self,
        only: Container[str] | None = None,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> np.ndarray | None:
        """(n,) bool, which images a filter lets through; None where it lets all through."""
        include, exclude = list(include), list(exclude)
        if only is None and not include and not exclude:
            return None
        allowed = np.ones(len(self), bool)
        if only is not None:
            allowed = self._rows_of(only)
        for term in (*include, *exclude):
            check_term(term, self.n_terms)
        for term in include:
            active = np.zeros(len(self), bool)
            active[self.postings(term)[0]] = True
            allowed &= active
        for term in exclude:
            allowed[self.postings(term)[0]] = False
        return allowed

    @overload
    def _part(self, allowed: np.ndarray, part: int) -> np.ndarray: ...
    @overload
    def _part(self, allowed: np.ndarray | None, part: int) -> np.ndarray | None: ...
    def _part(self, allowed: np.ndarray | None, part: int) -> np.ndarray | None:
        """`allowed` for the rows of one part, deleted ones out."""
        if self._whole:
            return allowed
        if allowed is None:
            return self.alive[part]
        here = self._row_here[part]
        return allowed[here] & (here >= 0)
