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
from lsr.model.sparse import with_entries

CaptionControl = Literal["scheduled", "none", "literal", "constant"]
Per = Literal["batch", "caption"]


@dataclass(frozen=True)
class ExpansionControl:
    """Which captions, and which of their terms, may expand while training.

    caption: the schedule of p_c, the rate of the Bernoulli variable that lets a caption expand.
        scheduled: rises from 0 to 1 over 95 % of the epochs (the paper's). none: always 1.
        literal: always 0. constant: `rate` throughout.
    word_level: a term may be an expansion only if its own Bernoulli variable is 1, at the rate
        of `word_rates`, re-estimated after every epoch.
    per: one draw for the whole batch (as published), or one for every caption.
    """

    caption: CaptionControl = "scheduled"
    rate: float = 1.0
    word_level: bool = False
    per: Per = "batch"

    def rate_at(self, progress: float) -> float:
        """p_c after a share `progress` in [0, 1) of all epochs."""
        match self.caption:
            case "scheduled":
                return min(1.0, progress / 0.95)
            case "none":
                return 1.0
            case "literal":
                return 0.0
            case "constant":
                return self.rate

    def __str__(self) -> str:
        name = f"constant:{self.rate:g}" if self.caption == "constant" else self.caption
        return name + ("+word" if self.word_level else "")


def parse_control(text: str) -> ExpansionControl:
    """The control that `scheduled`, `none`, `literal` or `constant:P` names, or one with `+word`.

    Raises:
        QueryError: another word, or P outside [0, 1].
    """
    name, plus, word = text.partition("+")
    word_level = plus == "+" and word == "word"
    kind, colon, number = name.partition(":")
    if (not plus or word_level) and kind in ("scheduled", "none", "literal") and not colon:
        return ExpansionControl(kind, word_level=word_level)  # type: ignore[arg-type]
    try:
        rate = float(number)
    except ValueError:
        rate = -1.0
    if kind != "constant" or not 0 <= rate <= 1 or (plus and not word_level):
        raise QueryError(
            f"`{text[:40]}` is not a control. Use scheduled, none, literal, or constant:P with P "
            "from 0 to 1; add +word for word-level control."
        )
    return ExpansionControl("constant", rate, word_level=word_level)


def word_rates(document_frequency: np.ndarray, n_documents: int) -> np.ndarray:
    """(V,) float32: p_w = 1 − document frequency / number of documents.

    A term that every image activates may not be an expansion at all; a rare one nearly always
    may. Source: arXiv 2402.17535, word-level control.
    """
    return (1.0 - document_frequency / max(n_documents, 1)).astype(np.float32)


def literal_flags(sparse: sp.csr_matrix, literal: sp.csr_matrix) -> np.ndarray:
    """(nnz,) bool, in the order of `sparse`'s entries: is this term said by its caption?"""
    keys, said = _keys(sparse), _keys(literal)
    if not len(said):
        return np.zeros(len(keys), bool)
    # np.isin would sort both once more and take five times the memory.
    places = np.searchsorted(said, keys)
    np.minimum(places, len(said) - 1, out=places)
    return said[places] == keys


def without_weak(texts: sp.csr_matrix, said: sp.csr_matrix, least: np.ndarray) -> sp.csr_matrix:
    """Vectors of texts (n, V) csr without the added terms below their threshold.

    A text that activates no term that it says has nothing else to search with, and keeps them all.

    Args:
        said: (n, V) bool, the terms that each text says. least: (V,) the thresholds.
    """
    own = literal_flags(texts, said)
    before = np.concatenate([[0], np.cumsum(own)])[texts.indptr]
    alone = np.repeat(np.diff(before) == 0, np.diff(texts.indptr))
    return with_entries(texts, own | alone | (texts.data >= least[texts.indices]))


def _keys(matrix: sp.csr_matrix) -> np.ndarray:
    """(nnz,) int64: row and column of every entry as one number, ascending."""
    rows = np.arange(matrix.shape[0], dtype=np.int64) * matrix.shape[1]
    keys = np.repeat(rows, np.diff(matrix.indptr))
    keys += matrix.indices
    return keys


def term_draw(n_terms: int, draw: int, seed: int) -> np.ndarray:
    """(V,) float32 in [0, 1): term w may expand at rate p in this draw iff its number < p.

    The same numbers serve every rate (common random numbers), so a curve over rates is smooth
    and a term that may expand at a rate may do so at every higher one.
    """
    return np.random.default_rng((seed, draw)).random(n_terms, dtype=np.float32)
