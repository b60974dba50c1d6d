"""How weights are stored: float32, float16, or 8 bits with a scale for each term."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from lsr.exceptions import QueryError, shorten

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
STORED = {"float32": np.float32, "float16": np.uint16, "int8": np.uint8}
"""The type in the arrays. The bits of a float16 are kept as uint16: numba has no float16."""

_LEAST_HALF, _MOST_HALF = 2.0**-24, 65_504.0
_LEVELS = 255


def check_precision(name: str) -> Precision:
    """`name` as a precision.

    Raises:
        QueryError: there is no such precision.
    """
    for precision in PRECISIONS:
        if name == precision:
            return precision
    raise QueryError(f"Weights cannot be stored as `{shorten(name)}`. Use {', '.join(PRECISIONS)}.")


def scales_of(largest: np.ndarray, precision: Precision) -> np.ndarray:
    """(V,) float32: what a stored weight of each term is multiplied by.

    Args:
        largest: (V,) the largest weight of each term, 0 where no image has it.
    """
    if precision != "int8":
        return np.ones(len(largest), np.float32)
    return np.where(largest > 0, largest / _LEVELS, 1.0).astype(np.float32)


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
    return np.clip(levels, 1, _LEVELS).astype(np.uint8)


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
