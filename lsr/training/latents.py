"""Sums over the few latents of a vector that are active, which touch no zero."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# So few rows are summed one by one.
_FEW = 64


class Strongest(NamedTuple):
    """The k strongest latents of each vector: weights from 0 up and their numbers, both (n, k)."""

    weights: Tensor
    places: Tensor


def strongest(raw: Tensor, k: int) -> Strongest:
    """Of activations (n, m) before ReLU."""
    values, places = raw.topk(k, dim=1, sorted=False)
    return Strongest(functional.relu(values), places)


def summed(latents: Strongest, rows: Tensor) -> Tensor:
    """(n, d): the weighted sums of the rows (m, d) that latents stand for; no zero is touched."""
    if latents.places.shape[1] > _FEW:  # where most rows take part, one product is quicker
        dense = torch.zeros(len(latents.weights), len(rows))
        return dense.scatter(1, latents.places, latents.weights) @ rows
    return functional.embedding_bag(
        latents.places, rows, per_sample_weights=latents.weights, mode="sum"
    )


def energy(vectors: Tensor) -> Tensor:
    """The mean of the squared lengths."""
    return vectors.pow(2).sum(dim=1).mean()
