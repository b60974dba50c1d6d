"""Sets of sparse vectors and their statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

# Entries that growing sparse vectors have room for at first.
_ROOM = 2**16


class TermWeight(NamedTuple):
    """A term and its weight above 0."""

    term: str
    weight: float


@dataclass(frozen=True)
class SparseVectors:
    """Sparse vectors with the ids they belong to.

    matrix: (n, V) float32 csr, sorted indices, no explicit zeros, no negative weight.
    ids: n names, in the order of the rows.
    vocabulary: fingerprint of the vocabulary that the columns number.
    """

    matrix: sp.csr_matrix
    ids: tuple[str, ...]
    vocabulary: str

    def __post_init__(self) -> None:
        if self.matrix.shape[0] != len(self.ids):
            raise ValueError(f"{self.matrix.shape[0]:,} sparse vectors but {len(self.ids):,} ids")

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int] | np.ndarray) -> SparseVectors:
        """The vectors of some rows, in the order given."""
        picked = np.asarray(rows, np.int64)
        ids = tuple(self.ids[row] for row in picked)
        return SparseVectors(self.matrix[picked], ids, self.vocabulary)

    def row(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """(terms int32, weights float32) of one vector, terms ascending."""
        start, stop = self.matrix.indptr[row : row + 2]
        return self.matrix.indices[start:stop], self.matrix.data[start:stop]

    @cached_property
    def document_frequency(self) -> np.ndarray:
        """(V,) int64: how many vectors activate each term."""
        return np.bincount(self.matrix.indices, minlength=self.matrix.shape[1])

    @property
    def active_terms(self) -> float:
        """Mean number of non-zero terms of a vector."""
        return self.matrix.nnz / max(len(self), 1)


def from_dense(block: np.ndarray) -> sp.csr_matrix:
    """The csr form of a dense (n, V) block: sorted indices, no explicit zeros."""
    return from_dense_blocks([block], block.shape[1])


def from_dense_blocks(blocks: Iterable[np.ndarray], n_terms: int) -> sp.csr_matrix:
    """The csr form of dense (rows, V) blocks one below the other, read one at a time.

    The result grows in place. A list of small matrices instead would hold it twice in the end, and
    keep the allocator from using the room of one dense block for the next.
    """
    weights, terms = np.empty(_ROOM, np.float32), np.empty(_ROOM, np.int32)
    ends = [0]
    for block in blocks:
        flat = np.ascontiguousarray(block, np.float32).ravel()
        at = np.flatnonzero(flat)
        first, last = ends[-1], ends[-1] + len(at)
        if last > len(weights):
            for array in (weights, terms):
                array.resize(max(last, len(array) * 3 // 2), refcheck=False)
        weights[first:last] = flat[at]
        terms[first:last] = at % n_terms
        bounds = np.arange(1, len(block) + 1) * n_terms
        ends += (first + np.searchsorted(at, bounds)).tolist()
    for array in (weights, terms):
        array.resize(ends[-1], refcheck=False)
    return sp.csr_matrix((weights, terms, np.array(ends)), shape=(len(ends) - 1, n_terms))


def among_terms(matrix: sp.csr_matrix, terms: np.ndarray, n_terms: int) -> sp.csr_matrix:
    """Vectors (n, t) of some terms (t,), ascending, as vectors (n, n_terms) of all."""
    if len(terms) == n_terms:
        return matrix
    columns = terms.astype(np.int32)[matrix.indices]
    found = sp.csr_matrix((matrix.data, columns, matrix.indptr), (matrix.shape[0], n_terms))
    found.has_sorted_indices = True
    return found


def checked_csr(
    weights: np.ndarray, terms: np.ndarray, ends: np.ndarray, shape: tuple[int, int]
) -> sp.csr_matrix:
    """The arrays as a csr matrix that compiled loops may trust.

    Raises:
        ValueError: they are none of this shape.
    """
    kinds = [array.dtype.name for array in (weights, terms, ends)]
    if kinds != ["float32", "int32", "int64"] or len(ends) != shape[0] + 1:
        raise ValueError("arrays of another kind")
    steps = np.diff(ends)
    if not (ends[0] == 0 and ends[-1] == len(weights) == len(terms) and (steps >= 0).all()):
        raise ValueError("rows that do not fit")
    if len(terms):
        rises = np.diff(terms) > 0
        inner = ends[(ends > 0) & (ends < len(terms))]
        rises[inner - 1] = True  # a new row may begin with any term
        if terms.min() < 0 or terms.max() >= shape[1] or not rises.all():
            raise ValueError("terms out of order")
        if not (np.isfinite(weights).all() and weights.min() > 0):
            raise ValueError("weights that are none")
    matrix = sp.csr_matrix((weights, terms, ends), shape=shape)
    matrix.has_sorted_indices = True
    return matrix


def stack(blocks: Sequence[sp.csr_matrix], n_terms: int) -> sp.csr_matrix:
    """Blocks of rows one below the other; no block at all gives an empty (0, V) matrix."""
    if not blocks:
        return from_dense(np.zeros((0, n_terms), np.float32))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"), dtype=np.float32)


def flops(queries: SparseVectors, images: SparseVectors) -> float:
    """Σ_j p_query(j) · p_image(j): active terms that a random query and image share.

    Source: Paria et al., "Minimizing FLOPs to Learn Efficient Sparse Representations",
    arXiv 2004.05665.
    """
    # Of whole numbers, since a sum of fractions is rounded by the number of BLAS threads.
    shared = int(queries.document_frequency.astype(np.int64) @ images.document_frequency)
    return shared / (max(len(queries), 1) * max(len(images), 1))


def weights_of_terms(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Of vectors (n, V): each term's largest weight (V,) float32, and (V,) float64 their sum."""
    n_terms = matrix.shape[1]
    largest = np.zeros(n_terms, np.float32)
    np.maximum.at(largest, matrix.indices, matrix.data)
    return largest, np.bincount(matrix.indices, matrix.data, n_terms)


def strongest(terms: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k largest weights, weight descending, ties by term number."""
    return np.lexsort((terms, -weights))[:k]


def keep_strongest(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Each row cut to its k largest weights; ties go to the lower term number."""
    kept = np.ones(matrix.nnz, bool)
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        if stop - start > k:
            kept[start:stop] = _among_strongest(matrix.data[start:stop], k)
    return with_entries(matrix, kept)


def with_entries(matrix: sp.csr_matrix, kept: np.ndarray) -> sp.csr_matrix:
    """Vectors with only some of their entries, (nnz,) bool in the order of the matrix's."""
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)


def _among_strongest(weights: np.ndarray, k: int) -> np.ndarray:
    """(n,) bool: the k largest of n > k weights; of equal ones the first."""
    least = np.partition(weights, -k)[-k] if k else np.inf
    kept = weights > least
    ties = np.flatnonzero(weights == least)
    kept[ties[: k - int(kept.sum())]] = True
    return kept
