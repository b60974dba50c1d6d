"""The projection of a few dense vectors in numpy: one query needs no torch.

Loading torch takes a second, projecting a query some milliseconds. The same
computation as `lsr.model.projection.Projection`, whose weights it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.model.sparse import from_dense

EPSILON = 1e-12
"""Of the layer norm: BERT's, which the published head inherits."""


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


def project_few(weights: Mapping[str, np.ndarray], dense: np.ndarray) -> sp.csr_matrix:
    """Sparse vectors (n, V) float32 csr of dense vectors (n, d).

    Args:
        weights: as `stages` takes them.
    """
    logits = stages(weights, dense).logits
    return from_dense(np.log1p(np.maximum(logits, 0, out=logits), out=logits))
