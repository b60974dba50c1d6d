"""Vectors of any length brought to length 1, without losing the very long and the very short."""

from __future__ import annotations

import numpy as np

# Half-precision vectors of unit norm stay within this of 1.
TOLERANCE = 1e-3


def unit_vectors(
    vectors: np.ndarray, tolerance: float = TOLERANCE
) -> tuple[np.ndarray, np.ndarray]:
    """Each vector divided by its length, where that is not 1 already; and the lengths.

    Computed in float64 after a division by the largest number of each row, so that squares neither
    vanish nor overflow: lengths from 1e-300 to 1e300 are as good as any.

    Args:
        vectors: (n, d) numbers.
        tolerance: a length that differs from 1 by no more is left alone.

    Returns:
        (n, d) float64, and (n,) float64: 0, infinite or NaN where a vector has no direction, whose
        row is meaningless.
    """
    wide = np.asarray(vectors, np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        largest = np.abs(wide).max(axis=1, initial=0.0)
        scaled = wide / largest[:, None]
        lengths = np.linalg.norm(scaled, axis=1)
        norms = np.where(largest > 0, largest * lengths, largest)
        off = ~(np.abs(norms - 1) <= tolerance)
        return np.where(off[:, None], scaled / lengths[:, None], wide), norms
