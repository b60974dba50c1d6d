"""How weights are stored: float32, float16, or 8 bits with a scale for each term."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from lsr.exceptions import QueryError, shorten
from lsr.kernels.score import LEVELS

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
STORED = {"float32": np.float32, "float16": np.uint16, "int8": np.uint8}
"""The type in the arrays. The bits of a float16 are kept as uint16: numba has no float16."""

_LEAST_HALF, _MOST_HALF = 2.0**-24, 65_504.0


def check_precision(name: str) -> Precision:
    """`name` as a precision.

    Raises:
        QueryError: there is no such precision.
    """
    for precision in PRECISIONS:
        if name == precision:
            return precision
    raise QueryError(f"Weights cannot be stored as `{shorten(name)}`. Use {', '.join(PRECISIONS)}.")


def steps_of(largest: np.ndarray, precision: Precision) -> np.ndarray:
    """(V,) float32: 255 of them are no less than the largest weight of a term as it is kept.

    A term that no image has gets 0, so that a query with it is scored no less finely.

    Args:
        largest: (V,) float32, 0 where no image has the term.
    """
    there = largest > 0
    if precision == "float16":  # which may round up
        largest = np.clip(largest, _LEAST_HALF, _MOST_HALF).astype(np.float16).astype(np.float32)
    steps = largest / np.float32(LEVELS)
    short = steps * np.float64(LEVELS) < largest
    steps[short] = np.nextafter(steps[short], np.float32(np.inf))
    return np.where(there, steps, np.float32(0))


def scales_of(steps: np.ndarray, precision: Precision) -> np.ndarray:
    """(V,) float32: what a stored weight of each term is multiplied by."""
    return steps if precision == "int8" else np.ones(len(steps), np.float32)


def levels_of(weights: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """uint8: how many steps reach each weight above 0."""
    return np.clip(np.ceil(weights / steps.astype(np.float64)), 1, LEVELS).astype(np.uint8)


def stored(
    weights: np.ndarray, terms: np.ndarray, scales: np.ndarray, precision: Precision
) -> np.ndarray:
    """Weights above 0 as they are stored; none becomes 0, so every active term stays one.

    The nearest value that can be stored: float16 keeps 11 bits, so the error is at most 1/2,048
    of a weight from 6e-5 up; 8 bits have 255 equal steps up to the term's largest weight.
    """
    if precision == "float32":
        return weights.astype(np.float32, copy=False)
    if precision == "float16":
        return np.clip(weights, _LEAST_HALF, _MOST_HALF).astype(np.float16).view(np.uint16)
    levels = np.rint(weights / scales[terms])
    return np.clip(levels, 1, LEVELS).astype(np.uint8)


def restored(values: np.ndarray, scale: float | np.ndarray, precision: Precision) -> np.ndarray:
    """The float32 weights that stored values stand for.

    Args:
        scale: of their terms.
    """
    if precision == "float16":
        return values.view(np.float16).astype(np.float32)
    if precision == "float32":
        return values
    return values.astype(np.float32) * np.asarray(scale, np.float32)
