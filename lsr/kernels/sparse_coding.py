"""Compiled loops that write vectors as sums of few others. Arrays only."""

from __future__ import annotations

import numpy as np

from lsr.kernels.compiled import compiled

# Added to the diagonal, so that rows which say the same have one solution.
_RIDGE = 1e-12


@compiled()
def descend(
    dictionary: np.ndarray,
    working: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
    residuals: np.ndarray,
    penalty: float,
    tolerance: float,
    rounds: int,
) -> None:
    """Coordinate descent on min ½‖x − wD‖² + penalty · Σw, w ≥ 0, over some rows of D a vector.

    Args:
        dictionary: (t, d) float32, rows of unit norm. working: (n, m) int32, which rows each vector
            may use; counts: (n,) how many of them. weights: (n, m) float64, changed in place, as
            are residuals (n, d) float64, which are x − wD for the weights that come in.
        tolerance: largest change of a weight at which a vector is done. rounds: at most.

    Where rows are nearly parallel, descent creeps: what it leaves active is then solved exactly.
    """
    size = dictionary.shape[1]
    for row in range(len(working)):
        residual = residuals[row]
        for _ in range(rounds):
            largest = 0.0
            for place in range(counts[row]):
                atom = dictionary[working[row, place]]
                slope = 0.0
                for i in range(size):
                    slope += atom[i] * residual[i]
                before = weights[row, place]
                after = max(0.0, before + slope - penalty)
                change = after - before
                if change != 0.0:
                    for i in range(size):
                        residual[i] -= change * atom[i]
                    weights[row, place] = after
                    largest = max(largest, abs(change))
            if largest < tolerance:
                break
        solve_active(dictionary, working[row], weights[row], residual, penalty)


@compiled()
def solve_active(
    dictionary: np.ndarray,
    places: np.ndarray,
    weights: np.ndarray,
    residual: np.ndarray,
    penalty: float,
) -> None:
    """The minimum over the rows that are active; those that would turn negative leave on the way.

    Args:
        places: (m,) int32 rows of the dictionary. weights: (m,) and residual: (d,), in place.

    Source: the inner loop of Lawson and Hanson's NNLS, with a linear term.
    """
    active = np.flatnonzero(weights > 0)
    n, size = len(active), dictionary.shape[1]
    if n == 0:
        return
    rows = np.empty((n, size))
    for a in range(n):
        rows[a] = dictionary[places[active[a]]]
    gram = rows @ rows.T
    values = weights[active]
    wanted = rows @ residual + gram @ values - penalty
    kept = np.arange(n)
    for _ in range(n):
        solved = _solved(gram, wanted, kept)
        share = 1.0
        for i in range(len(kept)):
            if solved[i] <= 0:
                now = values[kept[i]]
                share = min(share, now / (now - solved[i]))
        for i in range(len(kept)):
            moved = values[kept[i]] + share * (solved[i] - values[kept[i]])
            values[kept[i]] = moved if solved[i] > 0 or moved > 1e-12 else 0.0
        if share >= 1.0:
            break
        kept = kept[values[kept] > 0]
        if len(kept) == 0:
            break
    for a in range(n):
        change = values[a] - weights[active[a]]
        weights[active[a]] = values[a]
        for i in range(size):
            residual[i] -= change * rows[a, i]


@compiled()
def _solved(gram: np.ndarray, wanted: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The solution of gram[kept, kept] · z = wanted[kept], by Cholesky's factors."""
    n = len(kept)
    factor = np.zeros((n, n))
    found = np.empty(n)
    for i in range(n):
        for j in range(i + 1):
            total = gram[kept[i], kept[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, 0.0) + _RIDGE)
            else:
                factor[i, j] = total / factor[j, j]
    for i in range(n):
        total = wanted[kept[i]]
        for k in range(i):
            total -= factor[i, k] * found[k]
        found[i] = total / factor[i, i]
    for i in range(n - 1, -1, -1):
        total = found[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * found[k]
        found[i] = total / factor[i, i]
    return found
