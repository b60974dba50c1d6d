"""One training step: forward pass under expansion control, loss and gradient.

A weight log(1 + ReLU(x)) that is zero passes no gradient. So the terms that any vector of the
batch activates are found first, without gradient, and only those columns of the head take part
in the rest: the loss and its gradient are those of the whole vocabulary, at a fraction of the
work once vectors have become sparse. Captions that may not expand take part with the terms that
they say, however many their images activate.

On a GPU the whole vocabulary takes part: there the product costs less than finding the columns,
which waits for the GPU at every step, and all shapes stay the same (`lsr.training.captured_step`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lsr.model.projection import Projection
from lsr.training.batches import Batch, said_flags, said_matrix
from lsr.training.losses import df_weights, distillation_loss, flops_penalty, l1_penalty
from lsr.training.settings import TrainingSettings
from lsr.training.whole_vocabulary import padding, whole_scores, whole_weights

# Above this share of active columns, gathering them costs more than it saves.
_WORTH_GATHERING = 0.5


@dataclass(frozen=True)
class Draws:
    """What the Bernoulli variables of one step came to.

    expands: (B,) or (1,) bool, per caption or for the batch.
    words: (B, V) or (1, V) bool, which terms may be expansions; None for all.
    noise: (2 B, d) added to the vectors of the images, then of the captions; None for none.
    """

    expands: Tensor
    words: Tensor | None
    noise: Tensor | None = None

    def to(self, device: torch.device) -> Draws:
        """The same on the device, without waiting for what a GPU still computes."""
        return Draws(*(_moved(one, device) for one in (self.expands, self.words, self.noise)))  # type: ignore[arg-type]


def _moved(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    """On the device; from pinned memory, because a plain copy waits until a GPU has no work."""
    if tensor is None:
        return None
    if device.type == "cuda" and not tensor.is_cuda:
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def draw(
    settings: TrainingSettings,
    progress: float,
    rates: Tensor | None,
    batch_size: int,
    generator: torch.Generator,
    dense_size: int = 0,
    device: str = "cpu",
) -> Draws:
    """The step's draws.

    Which captions expand does not depend on the device; what is large is drawn there.

    Args:
        progress: share of all steps done, in [0, 1).
        rates: (V,) of the word level, or None without that control.
        generator: on the CPU.
        dense_size: d, for the noise.
    """
    rows = batch_size if settings.control.per == "caption" else 1
    expands = torch.rand(rows, generator=generator) < settings.control.rate_at(progress)
    if device != "cpu":
        generator = torch.Generator(device).manual_seed(generator.initial_seed())
    words = noise = None
    if rates is not None:
        words = torch.rand(rows, len(rates), generator=generator, device=device) < rates.to(device)
    if settings.noise:
        shape = 2 * batch_size, dense_size
        noise = torch.randn(shape, generator=generator, device=device)
        noise *= settings.noise / dense_size**0.5
    return Draws(expands, words, noise)


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
    weights: Sequence[float] | Tensor,
    frequency: Tensor | None,
    *,
    whole: bool = False,
) -> StepLoss:
    """The loss of one batch.

    Args:
        weights: η of captions and of images at this step.
        frequency: (V,) document frequency as a share, for `df-flops`.
        whole: compute with the whole vocabulary, and without waiting for the device.
    """
    device = batch.images.device
    draws = draws.to(device)
    half = settings.precision == "bfloat16"
    with torch.autocast(device.type, torch.bfloat16, enabled=half, cache_enabled=False):
        students = torch.cat([batch.images, batch.captions])
        hidden = head.hidden(students if draws.noise is None else students + draws.noise)
        if whole:
            images, captions, scores = _whole_parts(head, hidden, batch, draws)
        else:
            images, captions = _parts(head, hidden, batch, draws)
            scores = _scores(images, captions)
    missing = _support_of_each if whole else _support
    support = missing(head, hidden[: len(batch.images)].float(), batch, settings)
    dense = batch.images @ batch.captions.T
    relevance = distillation_loss(scores, dense, settings.temperature)
    penalties = [_penalty(settings, part, batch, frequency, head) for part in (captions, images)]
    penalty = (weights[0] * penalties[0] + weights[1] * penalties[1]) / 2
    # Counting booleans would first widen each to eight bytes.
    active = images.weights.detach().sign().sum(dim=-1, dtype=torch.float32).mean()
    return StepLoss(relevance, penalty, support, active)


@dataclass(frozen=True)
class _Part:
    """Weights (B, c) of the images or the captions, over the terms `columns`, ascending.

    columns: (c,) int64; None for the whole vocabulary.
    sums: (c,) float32 over the rows, where they have been taken.
    """

    weights: Tensor
    columns: Tensor | None
    sums: Tensor | None = None


def _parts(head: Projection, hidden: Tensor, batch: Batch, draws: Draws) -> tuple[_Part, _Part]:
    """Images and captions, these under expansion control, over the terms that can matter."""
    said = batch.term_ids[batch.term_ids >= 0]
    expanding = bool(draws.expands.any())
    columns = _columns(head, hidden if expanding else hidden[: len(batch.images)], said)
    if expanding:
        weights = head.weights(hidden, columns)
        images, captions = torch.split(weights, len(batch.images))
        if draws.words is not None or not draws.expands.all():
            captions = captions * _allowed(batch, draws, columns, head).to(captions.dtype)
        return _Part(images, columns), _Part(captions, columns)
    image_hidden, caption_hidden = torch.split(hidden, len(batch.images))
    images = head.weights(image_hidden, columns)
    own = _numbers(torch.zeros(head.vocabulary_size, dtype=torch.bool, device=said.device), said)
    captions = head.weights(caption_hidden, own)
    spoken = said_matrix(batch.term_ids, own, head.vocabulary_size)
    return _Part(images, columns), _Part(captions * spoken.to(captions.dtype), own)


def _whole_parts(
    head: Projection, hidden: Tensor, batch: Batch, draws: Draws
) -> tuple[_Part, _Part, Tensor]:
    """Images and captions, these under expansion control, over the whole vocabulary; scores."""
    size = head.vocabulary_size
    extra = padding(size)
    expansion = draws.expands[:, None]
    if draws.words is not None:
        expansion = expansion & functional.pad(draws.words, (0, extra))
    said = said_flags(batch.term_ids, size + extra)
    allowed = torch.ones(2 * len(said), size + extra, dtype=torch.bool, device=said.device)
    torch.logical_or(said, expansion, out=allowed[len(said) :])
    weights, sums = whole_weights(head, hidden, allowed)
    images, captions = torch.split(weights, len(said))
    scores = whole_scores(weights).float()
    return _Part(images, None, sums[0]), _Part(captions, None, sums[1]), scores


def _columns(head: Projection, hidden: Tensor, said: Tensor) -> Tensor | None:
    """The terms that can matter in this batch, ascending; None for the whole vocabulary."""
    # A sixteenth of the rows tells that a head is still dense, for a sixteenth of the work.
    if head.active_terms(hidden[::16].detach()).float().mean() >= _WORTH_GATHERING:
        return None
    columns = _numbers(head.active_terms(hidden.detach()), said)
    return columns if len(columns) < _WORTH_GATHERING * head.vocabulary_size else None


def _numbers(active: Tensor, said: Tensor) -> Tensor:
    """Ascending: the active and the said terms, and some more to make a round number of them.

    The matrix library keeps code and memory for every shape that it meets: without rounding, a
    run's memory grew by gigabytes. Up to a quarter is added; inactive terms change nothing.
    """
    active[said] = True
    n = int(active.sum())
    step = 1 << max(n.bit_length() - 3, 0)
    spare = (~active).nonzero()[: -n % step, 0]
    active[spare] = True
    return active.nonzero()[:, 0]


def _scores(images: _Part, captions: _Part) -> Tensor:
    """(B, B) float32: row = image, column = caption.

    A bfloat16 score of 50 is off by up to 0.1, and one of 500 by 1, so only where the product
    over the whole vocabulary would cost much are scores rounded.
    """
    if captions.columns is None:
        return (images.weights @ captions.weights.T).float()
    shared = images.weights
    if images.columns is not captions.columns:
        known = images.columns
        own = captions.columns
        shared = shared[:, own if known is None else torch.searchsorted(known, own)]
    with torch.autocast(shared.device.type, enabled=False):
        return shared.float() @ captions.weights.float().T


def _allowed(batch: Batch, draws: Draws, columns: Tensor | None, head: Projection) -> Tensor:
    """(B, c) float32: 1 for the terms a caption says and those it may expand to."""
    if columns is None:
        columns = torch.arange(head.vocabulary_size, device=batch.term_ids.device)
    said = said_matrix(batch.term_ids, columns, head.vocabulary_size)
    expansion = draws.expands[:, None]
    if draws.words is not None:
        expansion = expansion & draws.words[:, columns]
    return torch.maximum(said, expansion.float())


def _penalty(
    settings: TrainingSettings,
    part: _Part,
    batch: Batch,
    frequency: Tensor | None,
    head: Projection,
) -> Tensor:
    weights, columns, sums = part.weights, part.columns, part.sums
    extra = 0 if columns is not None else weights.shape[1] - head.vocabulary_size
    if settings.unsupported_charge != 1:
        size = head.vocabulary_size + extra
        weights, sums = weights * _charges(settings, batch, columns, size), None
    if settings.regularizer == "l1":
        return l1_penalty(weights) if sums is None else sums.sum() / len(weights)
    means = weights.mean(dim=0, dtype=torch.float32) if sums is None else sums / len(weights)
    if frequency is None:
        return flops_penalty(means)
    frequency = functional.pad(frequency, (0, extra)) if columns is None else frequency[columns]
    return flops_penalty(means, df_weights(frequency))


def _charges(
    settings: TrainingSettings, batch: Batch, columns: Tensor | None, vocabulary_size: int
) -> Tensor:
    """(B, c): what a term's weight costs; more where no caption of the image says the term."""
    if columns is None:
        columns = torch.arange(vocabulary_size, device=batch.term_ids.device)
    supported = said_matrix(batch.supported_ids, columns, vocabulary_size)
    return settings.unsupported_charge - (settings.unsupported_charge - 1) * supported


def _support(head: Projection, hidden: Tensor, batch: Batch, settings: TrainingSettings) -> Tensor:
    """How far images are from activating what their captions say: mean sum of softplus(1 − logit).

    Distillation asks for terms that tell images apart; this asks for those that describe them. It
    passes gradient to inactive terms too.
    """
    if not settings.support_weight:
        return torch.zeros((), device=hidden.device)
    columns = torch.unique(batch.supported_ids[batch.supported_ids >= 0])
    columns = columns[head.switched_on[columns]]
    wanted = said_matrix(batch.supported_ids, columns, head.vocabulary_size)
    missing = functional.softplus(1 - head.logits(hidden, columns).float()) * wanted
    return settings.support_weight * missing.sum() / len(hidden)


def _support_of_each(
    head: Projection, hidden: Tensor, batch: Batch, settings: TrainingSettings
) -> Tensor:
    """The same loss as `_support`, in shapes that depend on the batch's size alone."""
    if not settings.support_weight:
        return torch.zeros((), device=hidden.device)
    ids = batch.supported_ids.clamp(min=0)
    wanted = (batch.supported_ids >= 0) & head.switched_on[ids]
    weight, bias = head.vocab_projector.weight[ids], head.vocab_projector.bias[ids]
    logits = (weight @ hidden[:, :, None])[:, :, 0] + bias
    missing = functional.softplus(1 - logits) * wanted
    return settings.support_weight * missing.sum() / len(hidden)
