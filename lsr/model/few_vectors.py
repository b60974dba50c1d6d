"""The projection of a few dense vectors in numpy: one query needs no torch.

Loading torch takes a second, projecting a query some milliseconds. The same
computation as `lsr.model.projection.Projection`, whose weights it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.model.sparse import among_terms, from_dense

EPSILON = 1e-12
"""Of the layer norm: BERT's, which the published head inherits."""
OFF = -1e4
"""The bias of a term that is switched off; half precision holds it."""
_PROJECTOR = ("vocab_projector.weight", "vocab_projector.bias")


class FewWeights(NamedTuple):
    """What few vectors are projected with: weights by their published names, of some terms.

    terms: (t,) the ids that they belong to. n_terms: V.
    """

    weights: dict[str, np.ndarray]
    terms: np.ndarray
    n_terms: int

    @classmethod
    def of(cls, weights: Mapping[str, np.ndarray]) -> FewWeights:
        """The terms that are not switched off."""
        on = weights["vocab_projector.bias"] > OFF / 2
        some = dict(weights) if on.all() else {**weights, **{n: weights[n][on] for n in _PROJECTOR}}
        return cls(some, np.flatnonzero(on), len(on))


class Stages(NamedTuple):
    """What a head makes of dense vectors (n, d) on the way to weights.

    mapped: (n, h), W1 z + b1. hidden: (n, h), its LayerNorm. logits: (n, V), W2 · hidden + b2.
    """

    mapped: np.ndarray
    hidden: np.ndarray
    logits: np.ndarray


def stages(weights: Mapping[str, np.ndarray], dense: np.ndarray) -> Stages:
    """The stages of a few dense vectors (n, d), float32.

    Args:
        weights: float32, by their names in the published checkpoints.
    """
    mapped = np.asarray(dense, np.float32) @ weights["proj.weight"].T + weights["proj.bias"]
    rows = mapped - mapped.mean(axis=1, keepdims=True)
    rows /= np.sqrt((rows**2).mean(axis=1, keepdims=True) + np.float32(EPSILON))
    hidden = rows * weights["vocab_layer_norm.weight"] + weights["vocab_layer_norm.bias"]
    logits = hidden @ weights["vocab_projector.weight"].T + weights["vocab_projector.bias"]
    return Stages(mapped, hidden, logits)


def project_few(few: FewWeights, dense: np.ndarray) -> sp.csr_matrix:
    """Sparse vectors (n, V) float32 csr of dense vectors (n, d)."""
    logits = stages(few.weights, dense).logits
    found = from_dense(np.log1p(np.maximum(logits, 0, out=logits), out=logits))
    return among_terms(found, few.terms, few.n_terms)
