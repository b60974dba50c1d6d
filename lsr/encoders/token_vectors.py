"""The bundled encoder's static vectors of its vocabulary's terms, read without torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from lsr.exceptions import ModelError


@lru_cache(maxsize=2)
def token_vectors(file: Path) -> np.ndarray:
    """(V, d) float32: signed bytes times a scale for each row; not to be written to.

    Raises:
        ModelError: the file is missing or damaged, or holds no such table.
    """
    try:
        with safe_open(file, "numpy") as tensors:
            codes, scales = (tensors.get_tensor(f"token_{name}") for name in ("codes", "scales"))
        vectors = scaled(codes, scales)
    except (SafetensorError, OSError, ValueError) as problem:
        raise ModelError(
            f"`{file}` holds no token vectors ({problem}). Restore the folder from the repository "
            "or run `python -m lsr world build`."
        ) from None
    vectors.flags.writeable = False
    return vectors


def scaled(codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """(V, d) float32: signed bytes (V, d) times the scale (V,) of their row."""
    vectors: np.ndarray = codes.astype(np.float32) * scales.astype(np.float32)[:, None]
    return vectors
