"""Vectors written as sums of few others with weights from 0 up: non-negative lasso, in batches."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from lsr.model.sparse import stack

_BATCH = 256
# Rows of the dictionary that a vector may use more after each look at all of them.
_JOIN = 24
_TOLERANCE = 1e-7
_ROUNDS, _LOOKS = 200, 50


def decompose(vectors: np.ndarray, dictionary: np.ndarray, penalty: float) -> sp.csr_matrix:
    """The weights w ≥ 0 that minimise ½‖x − wD‖² + penalty · Σw, of each vector x.

    A few rows of the dictionary take part at first; those that the residual still points to join,
    until none does: then the minimum is that over all rows, also where some are nearly parallel.

    Args:
        vectors: (n, d). dictionary: (t, d), rows of unit norm.

    Returns:
        (n, t) float32 csr, sorted indices, no explicit zeros.

    Source: SpLiCE, arXiv 2402.10376, which solves the same problem.
    """
    atoms = np.ascontiguousarray(dictionary, np.float32)
    blocks = [
        _batch(np.array(vectors[start : start + _BATCH], np.float64, order="C"), atoms, penalty)
        for start in range(0, len(vectors), _BATCH)
    ]
    return stack(blocks, len(atoms))


def _batch(vectors: np.ndarray, atoms: np.ndarray, penalty: float) -> sp.csr_matrix:
    from lsr.kernels.sparse_coding import descend  # numba takes half a second to load

    n, t = len(vectors), len(atoms)
    parts = []
    left, residuals = np.arange(n), vectors  # a copy of the caller's
    working, weights = np.zeros((n, 0), np.int32), np.zeros((n, 0))
    counts, join = np.zeros(n, np.int64), min(_JOIN, t)
    for _ in range(_LOOKS):
        slopes = residuals.astype(np.float32) @ atoms.T
        owners, places = np.nonzero(weights > 0)
        slopes[owners, working[owners, places]] = -np.inf
        found = np.argpartition(-slopes, join - 1, axis=1)[:, :join]
        steep = np.take_along_axis(slopes, found, axis=1)
        order = np.argsort(-steep, axis=1, kind="stable")
        found = np.take_along_axis(found, order, axis=1)
        new = (steep > penalty + 10 * _TOLERANCE).sum(axis=1)
        done = new == 0
        parts.append(_entries(left[done], working[done], weights[done]))
        left, residuals, found, new = (one[~done] for one in (left, residuals, found, new))
        if not len(left):
            break
        kept = working[~done], weights[~done], counts[~done]
        working, weights, counts = _joined(*kept, found, new)
        residuals = np.ascontiguousarray(residuals)
        descend(atoms, working, counts, weights, residuals, penalty, _TOLERANCE, _ROUNDS)
    else:
        parts.append(_entries(left, working, weights))
    owners, terms, values = (np.concatenate(one) for one in zip(*parts, strict=True))
    matrix = sp.csr_matrix((values, (owners, terms)), (n, t), dtype=np.float32)
    matrix.sort_indices()
    return matrix


def _entries(
    rows: np.ndarray, working: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, terms, weights) of the weights above 0 of some vectors."""
    owners, places = np.nonzero(weights > 0)
    return rows[owners], working[owners, places], weights[owners, places]


def _joined(
    working: np.ndarray, weights: np.ndarray, counts: np.ndarray, found: np.ndarray, new: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The working sets with the first `new` of `found` behind what is active in each.

    What is inactive leaves, so that the sets stay small.
    """
    active = [np.flatnonzero(weights[row, : counts[row]] > 0) for row in range(len(working))]
    sizes = np.array([len(kept) for kept in active]) + new
    wider = np.zeros((len(working), int(sizes.max())), np.int32)
    valued = np.zeros(wider.shape)
    for row, kept in enumerate(active):
        wider[row, : len(kept)] = working[row, kept]
        valued[row, : len(kept)] = weights[row, kept]
        wider[row, len(kept) : sizes[row]] = found[row, : new[row]]
        # Padding repeats the set's own first atom, so that no other is taken for a member.
        wider[row, sizes[row] :] = wider[row, 0] if sizes[row] else 0
    return wider, valued, sizes.astype(np.int64)
