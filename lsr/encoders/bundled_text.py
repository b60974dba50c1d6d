"""The bundled encoder's text network for a few texts, in numpy: one query needs no torch.

Loading torch takes a second, encoding a query a millisecond. The same computation as
`lsr.encoders.bundled_networks.TextNetwork`, whose weights it reads.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import erf

from lsr.encoders.bundled_config import EncoderConfig

_EPSILON = 1e-5  # of torch's layer norm


class FewTexts:
    """Token vectors of one text at a time to a unit vector.

    Args:
        tensors: by name, as in `model.safetensors`, those that begin with `text.`.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """

    def __init__(self, config: EncoderConfig, tensors: Mapping[str, np.ndarray]) -> None:
        self._heads, self._layers = config.attention_heads, config.text_layers
        self._weights: dict[str, np.ndarray] = {}
        for name, shape in _shapes(config).items():
            tensor = tensors.get(f"text.{name}")
            if tensor is None or tensor.shape != shape:
                found = "missing" if tensor is None else f"of shape {tensor.shape}"
                raise ValueError(f"text.{name} is {found}, expected shape {shape}")
            self._weights[name] = tensor.astype(np.float32)

    def vector(self, token_vectors: np.ndarray) -> np.ndarray:
        """(d,) float32 of unit length for a text's token vectors (T, d), T ≥ 1."""
        states = token_vectors + self._weights["position"][: len(token_vectors)]
        for number in range(self._layers):
            states = self._layer(states, f"layers.{number}.")
        found = self._linear(self._normed(states.mean(axis=0), "norm."), "output.")
        found = found + self._linear(token_vectors.mean(axis=0), "skip.")
        unit: np.ndarray = found / max(float(np.linalg.norm(found)), 1e-12)
        return unit

    def _layer(self, states: np.ndarray, name: str) -> np.ndarray:
        """One pre-norm transformer layer, (T, d) to (T, d)."""
        normed = self._normed(states, name + "attention_norm.")
        inputs = self._linear(normed, name + "attention_inputs.")
        parts = inputs.reshape(len(states), 3, self._heads, -1).transpose(1, 2, 0, 3)
        query, key, value = parts  # (heads, T, d / heads) each
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        read = (shares @ value).transpose(1, 0, 2).reshape(len(states), -1)
        states = states + self._linear(read, name + "attention_output.")
        hidden = self._linear(self._normed(states, name + "hidden_norm."), name + "hidden.")
        hidden = hidden * (0.5 * (1 + erf(hidden / np.float32(np.sqrt(2)))))
        return states + self._linear(hidden, name + "hidden_output.")

    def _linear(self, inputs: np.ndarray, name: str) -> np.ndarray:
        outputs: np.ndarray = inputs @ self._weights[name + "weight"].T
        return outputs + self._weights[name + "bias"]

    def _normed(self, states: np.ndarray, name: str) -> np.ndarray:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        normed: np.ndarray = centred / spread * self._weights[name + "weight"]
        return normed + self._weights[name + "bias"]


def _shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the text network with its shape."""
    width = config.dense_size
    shapes: dict[str, tuple[int, ...]] = {"position": (config.max_tokens, width)}

    def linear(name: str, outputs: int, inputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (width,)

    for number in range(config.text_layers):
        layer = f"layers.{number}"
        norm(f"{layer}.attention_norm")
        linear(f"{layer}.attention_inputs", 3 * width, width)
        linear(f"{layer}.attention_output", width, width)
        norm(f"{layer}.hidden_norm")
        linear(f"{layer}.hidden", 4 * width, width)
        linear(f"{layer}.hidden_output", width, 4 * width)
    norm("norm")
    linear("output", width, width)
    linear("skip", width, width)
    return shapes
