"""Expansion control: which terms beyond its own words a caption may activate.

One concept for training and for inference: a caption's sparse vector is the sum of a literal
part (terms that the caption says) and an expansion part (all others).

Source: Nguyen et al., "Multimodal Learned Sparse Retrieval with Probabilistic Expansion
Control", ECIR 2024, arXiv 2402.17535.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError

Control = Literal["scheduled", "none", "literal", "constant"]


@dataclass(frozen=True)
class CaptionLevelControl:
    """The rate p_c of the Bernoulli variable that lets a caption expand while training.

    scheduled: rises from 0 to 1 over 95 % of the epochs (the paper's).
    none: always 1. literal: always 0. constant: `rate` throughout.
    """

    control: Control = "scheduled"
    rate: float = 1.0

    def rate_at(self, progress: float) -> float:
        """p_c after a share `progress` in [0, 1) of all epochs."""
        match self.control:
            case "scheduled":
                return min(1.0, progress / 0.95)
            case "none":
                return 1.0
            case "literal":
                return 0.0
            case "constant":
                return self.rate

    def __str__(self) -> str:
        return f"constant:{self.rate:g}" if self.control == "constant" else self.control


def parse_control(text: str) -> CaptionLevelControl:
    """The control that `scheduled`, `none`, `literal` or `constant:P` names.

    Raises:
        QueryError: another word, or P outside [0, 1].
    """
    if text in ("scheduled", "none", "literal"):
        return CaptionLevelControl(text)  # type: ignore[arg-type]
    kind, _, number = text.partition(":")
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if kind != "constant" or not 0 <= rate <= 1:
        raise QueryError(
            f"`{text[:40]}` is not a control. Use scheduled, none, literal, or constant:P with P "
            "from 0 to 1."
        )
    return CaptionLevelControl("constant", rate)


def literal_flags(sparse: sp.csr_matrix, literal: sp.csr_matrix) -> np.ndarray:
    """(nnz,) bool, in the order of `sparse`'s entries: is this term said by its caption?"""
    keys, said = _keys(sparse), _keys(literal)
    if not len(said):
        return np.zeros(len(keys), bool)
    # np.isin would sort both once more and take five times the memory.
    places = np.searchsorted(said, keys)
    np.minimum(places, len(said) - 1, out=places)
    return said[places] == keys


def _keys(matrix: sp.csr_matrix) -> np.ndarray:
    """(nnz,) int64: row and column of every entry as one number, ascending."""
    rows = np.arange(matrix.shape[0], dtype=np.int64) * matrix.shape[1]
    keys = np.repeat(rows, np.diff(matrix.indptr))
    keys += matrix.indices
    return keys


def term_draws(n_terms: int, draws: int, seed: int) -> np.ndarray:
    """(draws, V) float32 in [0, 1): term w may expand at rate p in a draw iff its number < p.

    The same numbers serve every rate (common random numbers), so a curve over rates is smooth
    and a term that may expand at a rate may do so at every higher one.
    """
    return np.random.default_rng(seed).random((draws, n_terms), dtype=np.float32)
