"""A batch's weights over the whole vocabulary, in as few passes over memory as there can be.

On a GPU a step waits for memory more than for arithmetic: one pass over (2 B, V) numbers takes
longer than the product that makes them does by the row. So what a chain of torch operations would
read and write several times is done by one kernel here, and what two branches of a gradient would
add or join is written once. Elsewhere torch's own operations do the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional

from lsr.model.few_vectors import OFF
from lsr.model.projection import Projection

# Columns that a GPU multiplies at once; a number that does not fill them takes twice as long.
_TILE = 64
# Computed in float32 and rounded once. `allowed` is 0 or 1.
_FORWARD = """
template <typename T> T allowed_log1p_relu(T x, T allowed) {
    float value = static_cast<float>(x);
    bool active = value > 0.0f && static_cast<float>(allowed) > 0.0f;
    return static_cast<T>(active ? log1pf(value) : 0.0f);
}"""
_BACKWARD = """
template <typename T> T log1p_relu_gradient(T gradient, T charge, T weight) {
    float value = static_cast<float>(weight);
    float sum = static_cast<float>(gradient) + static_cast<float>(charge);
    return static_cast<T>(value > 0.0f ? sum * expf(-value) : 0.0f);
}"""


class WholeWeights(NamedTuple):
    """Weights ≥ 0 of a batch's images, then of its captions.

    weights: (2 B, V'), where columns of zeros fill the vocabulary up to V'.
    sums: (2, V') float32, over the images and over the captions.
    """

    weights: Tensor
    sums: Tensor


def padding(vocabulary_size: int) -> int:
    """How many columns of zeros are added."""
    return -vocabulary_size % _TILE


def whole_weights(head: Projection, hidden: Tensor, allowed: Tensor) -> WholeWeights:
    """Weights with a gradient.

    Args:
        hidden: (2 B, h), images first.
        allowed: (2 B, V') bool, the terms that a row may activate.
    """
    layer = head.vocab_projector
    half = torch.is_autocast_enabled(hidden.device.type)
    kind = torch.get_autocast_dtype(hidden.device.type) if half else torch.float32
    made = _Weights.apply(hidden, layer.weight, layer.bias, allowed, kind)  # type: ignore[no-untyped-call]
    return WholeWeights(*made)


def whole_scores(weights: Tensor) -> Tensor:
    """(B, B): row = image, column = caption, for `WholeWeights.weights`."""
    return cast(Tensor, _Scores.apply(weights))  # type: ignore[no-untyped-call]


class _Weights(torch.autograd.Function):
    """log(1 + ReLU(hidden · weightᵀ + bias)) where it is allowed, and its sums.

    The slope at an active term is 1 / (1 + x) = e^{−s}, so the weights s are all that is kept; what
    is not allowed is 0 in them.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, allowed: Tensor, kind: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        size, width = weight.shape
        extra = padding(size)
        # Rounded and filled up in one pass.
        layer = torch.empty(size + extra, width, dtype=kind, device=weight.device)
        layer[:size] = weight
        layer[size:] = 0
        padded = functional.pad(bias, (0, extra), value=OFF).to(kind)
        hidden = hidden.to(kind)
        weights = _activated(torch.addmm(padded, hidden, layer.T), allowed)
        ctx.save_for_backward(hidden, layer, weights)
        ctx.size = size
        return weights, _by_side(weights).sum(dim=1, dtype=torch.float32)

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor, of_sums: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        hidden, layer, weights = ctx.saved_tensors
        inner = _inner_gradient(gradient, of_sums.to(weights.dtype), weights)
        of_weight = _product(inner.T, hidden)[: ctx.size]
        of_bias = inner.sum(dim=0, dtype=torch.float32)[: ctx.size]
        return (inner @ layer).float(), of_weight, of_bias, None, None


class _Scores(torch.autograd.Function):
    """Images times captions; the gradients of both are written into one tensor."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor) -> Tensor:
        ctx.save_for_backward(weights)
        images, captions = _by_side(weights)
        return images @ captions.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (weights,) = ctx.saved_tensors
        gradient = gradient.to(weights.dtype)
        images, captions = _by_side(weights)
        made = torch.empty_like(weights)
        of_images, of_captions = _by_side(made)
        torch.mm(gradient, captions, out=of_images)
        torch.mm(gradient.T, images, out=of_captions)
        return made


def _by_side(rows: Tensor) -> Tensor:
    """(2, B, V'): images, captions."""
    return rows.view(2, len(rows) // 2, -1)


def _activated(inner: Tensor, allowed: Tensor) -> Tensor:
    if inner.is_cuda:
        return cast(Tensor, _kernel(_FORWARD)(inner, allowed))
    return inner.relu_().log1p_().mul_(allowed)


def _inner_gradient(gradient: Tensor, of_sums: Tensor, weights: Tensor) -> Tensor:
    """(2 B, V') by what the logarithm was taken of."""
    sides = (_by_side(gradient), of_sums[:, None, :], _by_side(weights))
    if gradient.is_cuda:
        return cast(Tensor, _kernel(_BACKWARD)(*sides)).flatten(0, 1)
    total = torch.where(sides[2] > 0, sides[0] + sides[1], 0)
    return total.mul_(torch.exp(-sides[2])).flatten(0, 1)


def _product(one: Tensor, other: Tensor) -> Tensor:
    """In float32; a GPU need not round what it has summed in float32."""
    if one.is_cuda and one.dtype != torch.float32:
        return torch.mm(one, other, out_dtype=torch.float32)
    return (one @ other).float()


@cache
def _kernel(code: str) -> Any:
    """Compiled by what torch brings with it, once in a process.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.cuda.jiterator._create_jit_fn.html
    """
    from torch.cuda.jiterator import _create_jit_fn

    return _create_jit_fn(code)
