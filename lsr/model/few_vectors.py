"""The projection of a few dense vectors in numpy: one query needs no torch.

Loading torch takes a second, projecting a query some milliseconds. The same
computation as `lsr.model.projection.Projection`, whose weights it takes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from lsr.model.sparse import from_dense

EPSILON = 1e-12
"""Of the layer norm: BERT's, which the published head inherits."""


def project_few(weights: Mapping[str, np.ndarray], dense: np.ndarray) -> sp.csr_matrix:
    """Sparse vectors (n, V) float32 csr of dense vectors (n, d).

    Args:
        weights: float32, by their names in the published checkpoints.
    """
    rows = np.asarray(dense, np.float32) @ weights["proj.weight"].T + weights["proj.bias"]
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.sqrt((rows**2).mean(axis=1, keepdims=True) + np.float32(EPSILON))
    hidden = rows * weights["vocab_layer_norm.weight"] + weights["vocab_layer_norm.bias"]
    logits = hidden @ weights["vocab_projector.weight"].T + weights["vocab_projector.bias"]
    return from_dense(np.log1p(np.maximum(logits, 0, out=logits), out=logits))
