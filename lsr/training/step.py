"""One training step: forward pass under expansion control, loss and gradient.

A weight log(1 + ReLU(x)) that is zero passes no gradient. So the terms that any vector of the
batch activates are found first, without gradient, and only those columns of the head take part
in the rest: the loss and its gradient are those of the whole vocabulary, at a fraction of the
work once vectors have become sparse.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lsr.losses import Regularizer, df_weights, distillation_loss, flops_penalty, l1_penalty
from lsr.projection import Projection
from lsr.training.batches import Batch, said_matrix
from lsr.training.settings import TrainingSettings

# Above this share of active columns, gathering them costs more than it saves.
_WORTH_GATHERING = 0.5


@dataclass(frozen=True)
class Draws:
    """What the Bernoulli variables of one step came to.

    expands: (B,) or (1,) bool, per caption or for the batch.
    words: (B, V) or (1, V) bool, which terms may be expansions; None for all.
    """

    expands: Tensor
    words: Tensor | None

    def to(self, device: torch.device) -> Draws:
        words = None if self.words is None else self.words.to(device)
        return Draws(self.expands.to(device), words)


def draw(
    settings: TrainingSettings,
    progress: float,
    rates: Tensor | None,
    batch_size: int,
    generator: torch.Generator,
) -> Draws:
    """The step's draws.

    Args:
        progress: share of all steps done, in [0, 1).
        rates: (V,) of the word level, or None without that control.
    """
    rows = batch_size if settings.control.per == "caption" else 1
    expands = torch.rand(rows, generator=generator) < settings.control.rate_at(progress)
    if rates is None:
        return Draws(expands, None)
    return Draws(expands, torch.rand(rows, len(rates), generator=generator) < rates)


@dataclass(frozen=True)
class StepLoss:
    """The loss's parts, with gradient, and the mean active terms of the batch's images."""

    relevance: Tensor
    penalty: Tensor
    support: Tensor
    active_terms_image: Tensor


def step_loss(
    head: Projection,
    batch: Batch,
    draws: Draws,
    settings: TrainingSettings,
    weights: tuple[float, float],
    frequency: Tensor | None,
    generator: torch.Generator,
) -> StepLoss:
    """The loss of one batch.

    Args:
        weights: η of captions and of images at this step.
        frequency: (V,) document frequency as a share, for `df-flops`.
    """
    device = batch.images.device
    draws = draws.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        students = torch.cat([batch.images, batch.captions])
        hidden = head.hidden(_noisy(students, settings.noise, generator))
        columns = _columns(head, hidden, batch, settings, bool(draws.expands.any()))
        logits = head.logits(hidden, columns)
        sparse = torch.log1p(torch.relu(logits))
        sparse_images, sparse_captions = torch.split(sparse, len(batch.images))
        if draws.words is not None or not draws.expands.all():
            allowed = _allowed(batch, draws, columns, head)
            sparse_captions = sparse_captions * allowed.to(sparse_captions.dtype)
        scores = sparse_images @ sparse_captions.T
    dense = batch.images @ batch.captions.T
    relevance = distillation_loss(scores.float(), dense, settings.temperature)
    shares = None
    if frequency is not None:
        shares = df_weights(frequency if columns is None else frequency[columns])
    charges = _charges(settings, batch, columns, head)
    penalties = [
        _penalty(settings.regularizer, part if charges is None else part * charges, shares)
        for part in (sparse_captions, sparse_images)
    ]
    penalty = (weights[0] * penalties[0] + weights[1] * penalties[1]) / 2
    active = (sparse_images.detach() > 0).sum() / len(sparse_images)
    support = _support(settings, logits[: len(batch.images)], batch, columns, head)
    return StepLoss(relevance, penalty, support, active)


def _columns(
    head: Projection, hidden: Tensor, batch: Batch, settings: TrainingSettings, expanding: bool
) -> Tensor | None:
    """The terms that can matter in this batch, ascending; None for the whole vocabulary."""
    rows = hidden if expanding else hidden[: len(batch.images)]
    active = head.active_terms(rows.detach())
    # A support loss passes gradient to terms that are still inactive.
    said = batch.supported_ids if settings.support_weight else batch.term_ids
    active[said[said >= 0]] = True
    columns = active.nonzero()[:, 0]
    return columns if len(columns) < _WORTH_GATHERING * head.vocabulary_size else None


def _allowed(batch: Batch, draws: Draws, columns: Tensor | None, head: Projection) -> Tensor:
    """(B, c) float32: 1 for the terms a caption says and those it may expand to."""
    if columns is None:
        columns = torch.arange(head.vocabulary_size, device=batch.term_ids.device)
    said = said_matrix(batch.term_ids, columns, head.vocabulary_size)
    expansion = draws.expands[:, None]
    if draws.words is not None:
        expansion = expansion & draws.words[:, columns]
    return torch.maximum(said, expansion.float())


def _charges(
    settings: TrainingSettings, batch: Batch, columns: Tensor | None, head: Projection
) -> Tensor | None:
    """(B, c): what a term's weight costs; more where no caption of the image says the term."""
    if settings.unsupported_charge == 1:
        return None
    supported = _supported(batch, columns, head)
    return settings.unsupported_charge - (settings.unsupported_charge - 1) * supported


def _support(
    settings: TrainingSettings,
    logits: Tensor,
    batch: Batch,
    columns: Tensor | None,
    head: Projection,
) -> Tensor:
    """How far images are from activating what their captions say: mean sum of softplus(1 − logit).

    Distillation asks for terms that tell images apart; this asks for those that describe them.
    """
    if not settings.support_weight:
        return torch.zeros((), device=logits.device)
    on = head.switched_on if columns is None else head.switched_on[columns]
    wanted = _supported(batch, columns, head) * on
    missing = functional.softplus(1 - logits.float()) * wanted
    return settings.support_weight * missing.sum() / len(logits)


def _supported(batch: Batch, columns: Tensor | None, head: Projection) -> Tensor:
    """(B, c) float32: 1 for the terms that any caption of the image says."""
    if columns is None:
        columns = torch.arange(head.vocabulary_size, device=batch.term_ids.device)
    return said_matrix(batch.supported_ids, columns, head.vocabulary_size)


def _penalty(kind: Regularizer, weights: Tensor, shares: Tensor | None) -> Tensor:
    return l1_penalty(weights) if kind == "l1" else flops_penalty(weights, shares)


def _noisy(vectors: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    if not noise:
        return vectors
    drawn = torch.randn(vectors.shape, generator=generator).to(vectors.device)
    return vectors + drawn * (noise / vectors.shape[1] ** 0.5)
