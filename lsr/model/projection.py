"""The projection head: dense vectors of a frozen encoder to weights over a vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from lsr.model.few_vectors import EPSILON, OFF
from lsr.model.sparse import among_terms, from_dense_blocks

# Rows of dense (rows, V) float32 weights held at once when crossing to scipy: 30 MB. Fewer would
# make the threads wait for each other more often, which busy processors turn into twice the time.
_BLOCK = 256
# Terms whose logits are held at once when looking for active ones.
_TERMS = 8192


class Projection(nn.Module):
    """s(z) = log(1 + ReLU(W2 · LayerNorm(W1 z + b1) + b2)), shared by images and captions.

    Parameter names are those of the published checkpoints. Source: arXiv 2402.17535.

    Args:
        dense_size: d, the encoder's vector size.
        hidden_size: h, between the two linear maps.
        vocabulary_size: V, the number of terms.
    """

    def __init__(self, dense_size: int, hidden_size: int, vocabulary_size: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dense_size, hidden_size)
        self.vocab_layer_norm = nn.LayerNorm(hidden_size, eps=EPSILON)
        self.vocab_projector = nn.Linear(hidden_size, vocabulary_size)

    @property
    def dense_size(self) -> int:
        return self.proj.in_features

    @property
    def hidden_size(self) -> int:
        return self.proj.out_features

    @property
    def vocabulary_size(self) -> int:
        return self.vocab_projector.out_features

    def forward(self, dense: Tensor, terms: Tensor | None = None) -> Tensor:
        """Weights ≥ 0: (n, V) for dense (n, d), or (n, len(terms)) for those terms alone."""
        return self.weights(self.hidden(dense), terms)

    def hidden(self, dense: Tensor) -> Tensor:
        """(n, h) for dense (n, d): what the vocabulary's weights are applied to."""
        return cast(Tensor, self.vocab_layer_norm(self.proj(dense)))

    def weights(self, hidden: Tensor, terms: Tensor | None = None) -> Tensor:
        """Weights ≥ 0 of hidden vectors (n, h), as `forward` gives them."""
        weight, bias = self._layer(terms)
        if torch.is_autocast_enabled(hidden.device.type):
            kind = torch.get_autocast_dtype(hidden.device.type)
            hidden, weight, bias = hidden.to(kind), weight.to(kind), bias.to(kind)
        return cast(Tensor, _Weights.apply(hidden, weight, bias))  # type: ignore[no-untyped-call]

    def logits(self, hidden: Tensor, terms: Tensor | None = None) -> Tensor:
        """What the weights are made of, negative for inactive terms; shapes as `forward`'s."""
        return functional.linear(hidden, *self._layer(terms))

    def _layer(self, terms: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights (terms, h) and biases (terms,) of the vocabulary's linear map."""
        weight, bias = self.vocab_projector.weight, self.vocab_projector.bias
        return (weight, bias) if terms is None else (weight[terms], bias[terms])

    @torch.no_grad()
    def active_terms(self, hidden: Tensor) -> Tensor:
        """(V,) bool: is the term's weight above 0 in any of the hidden vectors (n, h)?"""
        weight, bias = self.vocab_projector.weight, self.vocab_projector.bias
        blocks = zip(torch.split(weight, _TERMS), torch.split(bias, _TERMS), strict=True)
        return torch.cat([(hidden @ w.T).amax(dim=0).float() > -b for w, b in blocks])

    @property
    def switched_on(self) -> Tensor:
        """(V,) bool: the terms that `switch_off` did not make inactive."""
        return self.vocab_projector.bias.detach() > OFF / 2

    @torch.no_grad()
    def switched_on_alone(self) -> Projection:
        """A head of the terms alone that are switched on, numbered in their order.

        A head of captions' words has a thousand of thirty. Itself, where all terms are on, or none.
        """
        terms = self.switched_on.nonzero()[:, 0]
        if len(terms) in (0, self.vocabulary_size):
            return self
        with torch.device("meta"):
            found = Projection(self.dense_size, self.hidden_size, len(terms))
        weight, bias = self._layer(terms)
        own = {"vocab_projector.weight": weight, "vocab_projector.bias": bias}
        found.load_state_dict({**self.state_dict(), **own}, assign=True)
        return found.eval()

    @torch.no_grad()
    def switch_off(self, terms: Tensor) -> None:
        """Make terms inactive for good: a weight of 0 passes no gradient, so none wakes up."""
        self.vocab_projector.weight[terms] = 0.0
        self.vocab_projector.bias[terms] = OFF


class _Weights(torch.autograd.Function):
    """log(1 + ReLU(hidden · weightᵀ + bias)), keeping one (n, terms) tensor for the gradient.

    The slope at an active term is 1 / (1 + x) = e^{−s}, so the weights s are all that is kept.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        weights = torch.addmm(bias, hidden, weight.T).relu_().log1p_()
        ctx.save_for_backward(hidden, weight, weights)
        return weights

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden, weight, weights = ctx.saved_tensors
        # Zero where the term is inactive, in one pass.
        inner = torch.ops.aten.threshold_backward(gradient, weights, 0.0)
        inner.div_(torch.exp(weights))
        return inner @ weight, inner.T @ hidden, inner.sum(dim=0)


def project(head: Projection, dense: np.ndarray) -> sp.csr_matrix:
    """Sparse vectors (n, V) float32 csr of dense vectors (n, d).

    This is the one place where torch weights become scipy weights, in blocks of rows.
    """
    some = head.switched_on_alone()
    found = from_dense_blocks(_project_blocks(some, dense), some.vocabulary_size)
    return among_terms(found, np.flatnonzero(head.switched_on.cpu()), head.vocabulary_size)


def _project_blocks(head: Projection, dense: np.ndarray) -> Iterator[np.ndarray]:
    device = head.proj.weight.device
    head.eval()
    for start in range(0, len(dense), _BLOCK):
        block = np.array(dense[start : start + _BLOCK], dtype=np.float32)
        with torch.inference_mode():
            weights = head(torch.from_numpy(block).to(device))
        yield weights.float().cpu().numpy()


def logits(head: Projection, dense: np.ndarray) -> np.ndarray:
    """(n, V) float32 of dense vectors (n, d), NaN at terms switched off; for a few vectors."""
    head.eval()
    with torch.inference_mode():
        hidden = head.hidden(torch.from_numpy(np.array(dense, np.float32)).to(head.proj.weight))
        found = head.logits(hidden).float().cpu().numpy()
    found[:, ~head.switched_on.cpu().numpy()] = np.nan
    return found
