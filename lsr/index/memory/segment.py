"""A part of an index: the postings of some images, in the order of their ids."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.index.memory.precision import (
    STORED,
    Precision,
    levels_of,
    restored,
    scales_of,
    steps_of,
    stored,
)
from lsr.index.memory.threads import processors, together
from lsr.kernels.score import BLOCK, score_finely
from lsr.kernels.search import (
    FEW_ROWS,
    best,
    best_for_each,
    best_of_few,
    best_of_few_for_each,
)
from lsr.model.sparse import stack
from lsr.storage.files import forget_array

# A term that a larger share of the images activates is stored as a line with a weight for each.
_DENSE_SHARE = 0.09
_CACHE_LINE = 64
# A part of a query that reads fewer blocks would take no longer than handing it to a thread.
_BLOCKS_EACH = 4
_NONE = np.zeros(0, bool)
_OWN = threading.local()


class ArrayFile(NamedTuple):
    """The file that an array was read from, told from one that takes its place."""

    path: Path
    checksum: str
    device: int
    number: int
    size: int
    changed: int

    @staticmethod
    def of(path: Path, checksum: str) -> ArrayFile:
        """What is there now; zeros where nothing is."""
        try:
            state = path.stat()
        except OSError:
            return ArrayFile(path, checksum, 0, 0, 0, 0)
        marks = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
        return ArrayFile(path, checksum, *marks)


@dataclass(frozen=True)
class Segment:
    """Postings in blocks of rows; see `lsr.kernels.score` for the layout.

    ids: ascending, one a row. starts (blocks, V + 1) int64, rows uint16, stored, scales and steps
    (V,) float32, dense_of (V,) int32, dense (lines, n), levels (lines, n) uint8, empty where
    `dense` itself has 8 bits. files: where arrays were read from, with their checksums.
    """

    ids: Sequence[str]
    precision: Precision
    starts: np.ndarray
    rows: np.ndarray
    stored: np.ndarray
    scales: np.ndarray
    steps: np.ndarray
    dense_of: np.ndarray
    dense: np.ndarray
    levels: np.ndarray
    files: Mapping[str, ArrayFile] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_terms(self) -> int:
        return len(self.scales)

    @property
    def nbytes(self) -> int:
        """Bytes of the postings and their bounds, without the ids."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What is kept, in the order of the fields."""
        one = self
        listed = one.starts, one.rows, one.stored, one.scales, one.steps
        return (*listed, one.dense_of, one.dense, one.levels)

    @cached_property
    def _searched(self) -> tuple[np.ndarray, ...]:
        """What the compiled loops read."""
        levels = self.dense if self.precision == "int8" else self.levels
        return (*self.arrays[:-1], levels)

    def best(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        allowed: np.ndarray | None,
        threads: int | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows, float64 scores and (hits, terms) image weights of the k best images.

        Args:
            threads: at most so many search at once; by default one for each processor.
        """
        passing, n = _NONE if allowed is None else allowed, len(self)
        exact = _room()[-1]
        # Each way has its own entry, so that what is compiled is what is used.
        if n <= len(exact):
            return best_of_few(self._searched, terms, weights, k, passing, exact[:n])

        def best_of(blocks: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            return best(self._searched, n, blocks, terms, weights, k, passing, _room()[:-1])

        parts = _parts(len(self.starts), threads or processors())
        if len(parts) == 1:
            return best_of(parts[0])
        found = together([partial(best_of, blocks) for blocks in parts])
        rows, scores, image_weights = (np.concatenate(one) for one in zip(*found, strict=True))
        order = np.lexsort((rows, -scores))[:k]
        return rows[order], scores[order], image_weights[order]

    def best_of_many(
        self,
        queries: tuple[np.ndarray, np.ndarray, np.ndarray],
        first: int,
        last: int,
        allowed: np.ndarray | None,
        hits: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Put the best images for the queries from `first` to `last` into their lines of `hits`.

        Args:
            queries: starts, terms and weights. hits: (q, k) int32 rows, -1 where there are fewer,
                and float64 scores.
        """
        passing, n = _NONE if allowed is None else allowed, len(self)
        coarse, fine, exact = _room()
        span = first, last, passing
        if n <= len(exact):
            best_of_few_for_each(self._searched, *queries, *span, exact[:n], *hits)
        else:
            best_for_each(self._searched, n, *queries, *span, (coarse, fine), *hits)

    def scores(self, terms: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n,) float32: the inner product with every image."""
        factors = weights.astype(np.float32) * self.scales[terms]
        scores = np.empty(len(self), np.float32)
        starts, rows, values, _, _, dense_of, dense, _ = self.arrays
        for block, first in enumerate(range(0, len(self), BLOCK)):
            part = scores[first : first + BLOCK]
            score_finely(
                starts, rows, values, dense_of, dense, block, len(part), terms, factors, part
            )
        return scores

    def postings(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows int64, weights float32) of the images that activate a term, rows ascending."""
        if self.dense_of[term] >= 0:
            line = self.dense[self.dense_of[term]]
            rows = np.flatnonzero(line)
            return rows, restored(line[rows], self.scales[term], self.precision)
        spans = [slice(one[term], one[term + 1]) for one in self.starts]
        found = [self.rows[s] + np.int64(b * BLOCK) for b, s in enumerate(spans)]
        values = [self.stored[s] for s in spans]
        if not spans:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        weights = restored(np.concatenate(values), self.scales[term], self.precision)
        return np.concatenate(found), weights

    def forget(self) -> None:
        """Give back the memory of what was read so far of mapped arrays."""
        for array in self.arrays:
            forget_array(array)

    def document_frequency(self) -> np.ndarray:
        """(V,) int64: how many images activate each term."""
        counts = np.diff(self.starts, axis=1).sum(axis=0)
        for term in np.flatnonzero(self.dense_of >= 0):
            counts[term] = np.count_nonzero(self.dense[self.dense_of[term]])
        return counts

    def frequency_among(self, passing: np.ndarray) -> np.ndarray:
        """(V,) int64: how many of some images activate each term. passing: (n,) bool, which."""
        counts = np.zeros(self.n_terms, np.int64)
        for block, first in enumerate(range(0, len(self), BLOCK)):
            part = passing[first : first + BLOCK]
            if part.any():
                ends = self.starts[block]
                met = np.cumsum(part[self.rows[ends[0] : ends[-1]]], dtype=np.int64)
                counts += np.diff(np.concatenate([[0], met])[ends - ends[0]])
        for term in np.flatnonzero(self.dense_of >= 0):
            counts[term] = np.count_nonzero(self.dense[self.dense_of[term], passing])
        return counts

    def weights_of_terms(self, alive: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The largest weight (V,) float32 of each term, and the sum (V,) float64 of its weights.

        Args:
            alive: (n,) bool, the images that count; None for all.
        """
        largest, total = np.zeros(self.n_terms, np.float32), np.zeros(self.n_terms)
        for block, ends in enumerate(self.starts):
            there = np.flatnonzero(np.diff(ends))
            counts = np.diff(ends)[there]
            if not len(there):
                continue
            span = slice(ends[0], ends[-1])
            weights = restored(self.stored[span], self.scales[there].repeat(counts), self.precision)
            if alive is not None:
                weights = np.where(alive[block * BLOCK :][self.rows[span]], weights, 0)
            begins = ends[there] - ends[0]
            largest[there] = np.maximum(largest[there], np.maximum.reduceat(weights, begins))
            total[there] += np.add.reduceat(weights, begins, dtype=np.float64)
        for term in np.flatnonzero(self.dense_of >= 0):
            line = self.dense[self.dense_of[term]]
            weights = restored(line, self.scales[term], self.precision)
            if alive is not None:
                weights = weights[alive]
            largest[term], total[term] = weights.max(initial=0), weights.sum(dtype=np.float64)
        return largest, total

    def active_terms(self) -> np.ndarray:
        """(n,) int32: how many terms each image activates."""
        counts = np.zeros(len(self), np.int32)
        for block, first in enumerate(range(0, len(self), BLOCK)):
            part = counts[first : first + BLOCK]
            listed = self.rows[self.starts[block, 0] : self.starts[block, -1]]
            part += np.bincount(listed, minlength=len(part)).astype(np.int32)
            for line in self.dense:
                part += line[first : first + BLOCK] != 0
        return counts

    def matrix(self) -> sp.csr_matrix:
        """(n, V) float32: the vectors as this segment keeps them."""
        blocks = []
        lines = np.flatnonzero(self.dense_of >= 0)
        for block, first in enumerate(range(0, len(self), BLOCK)):
            n = min(len(self) - first, BLOCK)
            ends = self.starts[block]
            span = slice(ends[0], ends[-1])
            counts = np.diff(ends)
            scale = np.repeat(self.scales, counts)
            weights = restored(self.stored[span], scale, self.precision)
            shape = (n, self.n_terms)
            listed = sp.csc_matrix(
                (weights, self.rows[span].astype(np.int32), ends - ends[0]), shape
            )
            part = listed.tocsr()
            if len(lines):
                stored_lines = self.dense[self.dense_of[lines], first : first + n].T
                values = restored(
                    np.ascontiguousarray(stored_lines), self.scales[lines], self.precision
                )
                at, column = np.nonzero(values)
                part = part + sp.csr_matrix((values[at, column], (at, lines[column])), shape)
            part.sort_indices()
            blocks.append(part)
        return stack(blocks, self.n_terms)

    def matrix_of(self, rows: np.ndarray) -> sp.csr_matrix:
        """(rows, V) float32: the vectors of some rows, in the order given; only these are made."""
        wanted, places = np.unique(rows, return_inverse=True)
        blocks = [
            self._of_block(block, wanted[wanted // BLOCK == block])
            for block in np.unique(wanted // BLOCK).tolist()
        ]
        return stack(blocks, self.n_terms)[places]

    def _of_block(self, block: int, rows: np.ndarray) -> sp.csr_matrix:
        """The vectors of some ascending rows of a block."""
        ends = self.starts[block]
        place = np.full(BLOCK, -1, np.int32)
        place[rows - block * BLOCK] = np.arange(len(rows))
        posted = place[self.rows[ends[0] : ends[-1]]]
        found = np.flatnonzero(posted >= 0)
        terms = np.searchsorted(ends - ends[0], found, side="right") - 1
        values = self.stored[ends[0] + found]
        weights = restored(values, self.scales[terms], self.precision)
        lines = np.flatnonzero(self.dense_of >= 0)
        on_lines = self.dense[self.dense_of[lines][None, :], rows[:, None]]
        at, line = np.nonzero(on_lines)
        of_lines = restored(on_lines[at, line], self.scales[lines[line]], self.precision)
        entries = np.concatenate([weights, of_lines])
        where = np.concatenate([posted[found], at]), np.concatenate([terms, lines[line]])
        made = sp.csr_matrix((entries, where), (len(rows), self.n_terms))
        made.sort_indices()
        return made


def build_segment(matrix: sp.csr_matrix, ids: Sequence[str], precision: Precision) -> Segment:
    """The segment of sparse vectors whose ids ascend.

    Raises:
        QueryError: a weight is negative or not a number, or too large for its precision.
    """
    _check(matrix, precision)
    if not matrix.data.all():
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    n, n_terms = matrix.shape
    frequency = np.bincount(matrix.indices, minlength=n_terms)
    lines = np.flatnonzero(frequency > n * _DENSE_SHARE) if n else np.zeros(0, np.int64)
    dense_of = np.full(n_terms, -1, np.int32)
    dense_of[lines] = np.arange(len(lines))
    kind: Any = STORED[precision]
    dense = _aligned((len(lines), n), kind)
    n_listed = int(frequency.sum() - frequency[lines].sum())
    steps = steps_of(_largest(matrix), precision)
    scales = scales_of(steps, precision)
    levels = _aligned((len(lines), 0 if precision == "int8" else n), np.uint8)
    rows, values = np.empty(n_listed, np.uint16), np.empty(n_listed, kind)
    starts = np.zeros((-(-n // BLOCK), n_terms + 1), np.int64)
    first = 0
    for block, base in enumerate(range(0, n, BLOCK)):
        part = matrix[base : base + BLOCK].tocsc()
        terms = np.repeat(np.arange(n_terms, dtype=np.int32), np.diff(part.indptr))
        kept = stored(part.data, terms, scales, precision)
        number = dense_of[terms]
        on_line = number >= 0
        line = number[on_line], base + part.indices[on_line]
        dense[line] = kept[on_line]
        if levels.size:
            weights = restored(kept[on_line], 1.0, precision)
            levels[line] = levels_of(weights, steps[terms[on_line]])
        counts = np.where(dense_of >= 0, 0, np.diff(part.indptr))
        starts[block] = first + np.concatenate([[0], np.cumsum(counts)])
        span = slice(first, int(starts[block, -1]))
        rows[span], values[span] = part.indices[~on_line], kept[~on_line]
        first = span.stop
    return Segment(ids, precision, starts, rows, values, scales, steps, dense_of, dense, levels)


def _largest(matrix: sp.csr_matrix) -> np.ndarray:
    largest = np.zeros(matrix.shape[1], np.float32)
    np.maximum.at(largest, matrix.indices, matrix.data)
    return largest


def _check(matrix: sp.csr_matrix, precision: Precision) -> None:
    largest, least = matrix.data.max(initial=0.0), matrix.data.min(initial=0.0)
    if not (np.isfinite(largest) and least >= 0):
        bad = int((~np.isfinite(matrix.data) | (matrix.data < 0)).sum())
        raise QueryError(
            f"{bad:,} of {matrix.nnz:,} image weights are negative or not numbers, which cannot be "
            "indexed. Use weights from 0 up."
        )
    if precision == "float16" and largest > np.finfo(np.float16).max:
        raise QueryError(
            f"An image weight of {largest:g} does not fit into float16, which ends at 65,504. "
            "Store the weights as float32."
        )


def _parts(n_blocks: int, threads: int) -> list[tuple[int, int]]:
    """Parts of so many blocks, the first and the one after the last of each; two for a thread.

    So a thread that others keep waiting leaves some of its work to the next.
    """
    n = min(2 * threads, max(1, n_blocks // _BLOCKS_EACH)) if threads > 1 else 1
    bounds = [part * n_blocks // n for part in range(n + 1)]
    return list(pairwise(bounds))


def _room() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for the scores of a block, one a thread: fresh memory costs more than a search."""
    if not hasattr(_OWN, "room"):
        fine = _aligned(BLOCK, np.float32)
        _OWN.room = _aligned(BLOCK, np.uint16), fine, _aligned(FEW_ROWS, np.float64)
    room: tuple[np.ndarray, np.ndarray, np.ndarray] = _OWN.room
    return room


def _aligned(shape: int | tuple[int, int], kind: Any) -> np.ndarray:
    """Zeros that begin with a cache line, so that no vector of them lies in two."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    wide = np.zeros(size + _CACHE_LINE, np.uint8)
    first = -wide.ctypes.data % _CACHE_LINE
    return wide[first : first + size].view(kind).reshape(shape)
