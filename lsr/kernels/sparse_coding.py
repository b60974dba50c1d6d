"""Compiled loops that write vectors as sums of few others. Arrays only."""

from __future__ import annotations

import numpy as np

from lsr.kernels.compiled import compiled


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
