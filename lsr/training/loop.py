"""The training loop.

Long work is a generator of reports: stop by no longer iterating. What was reported is on disk,
and the same call goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch

from lsr.evaluation.pairs import Pairs, first_images
from lsr.model.expansion import word_rates
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.training import state
from lsr.training.adam import Adam
from lsr.training.batches import Batch, TrainingPairs
from lsr.training.captured_step import CapturedStep
from lsr.training.losses import adjusted_factor, warmed_up
from lsr.training.settings import TrainingReport, TrainingSettings
from lsr.training.step import StepLoss, draw, step_loss
from lsr.training.validation import Validation, activity, document_frequency, validate

# Their mean number of active terms is that of all, nearly.
_SOME_IMAGES = 500


def train(
    head: Projection,
    training: Pairs,
    validation: Pairs | None,
    vocabulary: Vocabulary,
    settings: TrainingSettings,
    work: Path,
    device: str = "cpu",
) -> Iterator[TrainingReport]:
    """Train `head` in place, a report at every validation; an epoch passes over all captions.

    When the generator ends, `head` holds the weights that the settings select.

    Args:
        validation: None where the settings select nothing; then reports have no measures, and their
            active terms are those of some training pairs.
        work: a folder for the state at each report; a killed run goes on from it with the
            same weights as an unbroken one.
        device: `cpu` or `cuda`.
    """
    pairs = TrainingPairs.of(training, vocabulary, device)
    some = first_images(training, _SOME_IMAGES)
    run = Run(head.to(device), pairs, settings, work)
    since, losses = time.perf_counter(), torch.zeros(2, device=device)
    first = run.progress.step
    batches = pairs.batches(settings.batch_size, settings.epochs, settings.seed, first)
    for step, batch in batches:
        loss = run.step(step, batch)
        losses += torch.stack([loss.relevance.detach(), loss.penalty.detach()])
        if not run.reports_at(step + 1):
            continue
        found = validate(head, validation) if validation else activity(head, some)
        best = run.keep(found)
        steps = step + 1 - first
        seconds = time.perf_counter() - since
        yield run.report(steps, losses.tolist(), best, seconds)
        since, first, losses = time.perf_counter(), step + 1, torch.zeros(2, device=device)
    state.load_best(work, head)


class Run:
    """Head, optimizer and progress of one run."""

    def __init__(
        self, head: Projection, pairs: TrainingPairs, settings: TrainingSettings, work: Path
    ) -> None:
        self.head, self.pairs, self.settings, self.work = head, pairs, settings, work
        self.device = pairs.images.device.type
        self.on_gpu = self.device == "cuda"
        self.per_epoch = pairs.steps(settings.batch_size)
        self.total = self.per_epoch * settings.epochs
        others = [*head.vocab_layer_norm.parameters(), *head.vocab_projector.parameters()]
        self.rates = (settings.projection_learning_rate, settings.learning_rate)
        self.optimizer = Adam(
            [{"params": list(head.proj.parameters())}, {"params": others}],
            lr=settings.learning_rate,
            fused=True,
            capturable=self.on_gpu,
        )
        self.progress = state.restore(work, head, self.optimizer)
        self.captured = CapturedStep(head, self.optimizer, settings) if self.on_gpu else None
        for group in self.optimizer.param_groups if self.on_gpu else ():
            group["lr"] = torch.zeros((), device=pairs.images.device)
        self.validation = Validation({}, 0.0, 0.0)
        self._rates: tuple[torch.Tensor, torch.Tensor] | None = None

    def step(self, step: int, batch: Batch) -> StepLoss:
        """One optimizer step."""
        settings, progress = self.settings, self.progress
        # A generator of the step's own: what came before does not have to be repeated.
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        if step % self.per_epoch == 0 and self._needs_frequency():
            self._estimate_frequency(first=step == 0)
        self.head.train()
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            rate *= _linear_schedule(step + 1, self.total, settings.warm_up)
            if self.on_gpu:
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        rates = None
        if settings.control.word_level and progress.frequency is not None:
            rates = self._word_rates(progress.frequency)
        size, dense_size = batch.captions.shape
        draws = draw(settings, step / self.total, rates, size, generator, dense_size, self.device)
        warm_up = int(settings.warm_up * self.total)
        weights = [
            progress.factor * warmed_up(weight, step, warm_up)
            for weight in (settings.query_regularizer_weight, settings.document_regularizer_weight)
        ]
        frequency = progress.frequency if settings.regularizer == "df-flops" else None
        if self.captured:
            loss = self.captured(batch, draws, weights, frequency)
        else:
            loss = step_loss(self.head, batch, draws, settings, weights, frequency)
            self.optimizer.zero_grad(set_to_none=True)
            (loss.relevance + loss.penalty + loss.support).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        progress.step = step + 1
        if settings.target_active_terms and step >= warm_up:
            active, target = loss.active_terms_image.item(), settings.target_active_terms
            progress.factor = adjusted_factor(progress.factor, active, target)
        return loss

    def _word_rates(self, frequency: torch.Tensor) -> torch.Tensor:
        """(V,) on the device; computed when the frequency was estimated anew."""
        if self._rates is None or self._rates[0] is not frequency:
            rates = torch.from_numpy(word_rates(frequency.cpu().numpy(), 1))
            self._rates = frequency, rates.to(self.pairs.images.device)
        return self._rates[1]

    def _needs_frequency(self) -> bool:
        return self.settings.control.word_level or self.settings.regularizer == "df-flops"

    def _estimate_frequency(self, *, first: bool) -> None:
        """Document frequency over the training images; nothing is frequent before training."""
        if first:
            size = self.head.vocabulary_size
            self.progress.frequency = torch.zeros(size, device=self.pairs.images.device)
        else:
            self.head.eval()
            self.progress.frequency = document_frequency(self.head, self.pairs.images)

    def reports_at(self, done: int) -> bool:
        every = self.settings.validate_every or self.per_epoch
        return done % every == 0 or done == self.total

    def keep(self, validation: Validation) -> bool:
        """Write the state; whether these weights are the best so far."""
        settings, progress = self.settings, self.progress
        active, limit = validation.active_terms_image, settings.select_below
        within = limit is None or active <= limit
        best = settings.select_by == "last"
        if not best:
            # Until the limit is kept, the sparsest weights so far stand in.
            value = (within, validation.measures[settings.select_by] if within else -active)
            best = value > progress.best
            progress.best = max(value, progress.best)
        self.validation = validation
        state.save(self.work, self.head, self.optimizer, progress, best=best)
        return best

    def report(self, steps: int, losses: list[float], best: bool, seconds: float) -> TrainingReport:
        done = self.progress.step
        return TrainingReport(
            epoch=-(-done // self.per_epoch),
            epochs=self.settings.epochs,
            step=done,
            steps=self.total,
            relevance_loss=losses[0] / steps,
            penalty=losses[1] / steps,
            measures=self.validation.measures,
            active_terms_query=self.validation.active_terms_query,
            active_terms_image=self.validation.active_terms_image,
            regularizer_factor=self.progress.factor,
            best=best,
            pairs_per_second=steps * min(self.settings.batch_size, len(self.pairs)) / seconds,
            seconds=seconds,
            seconds_left=seconds / steps * (self.total - done),
        )


def _linear_schedule(step: int, total: int, warm_up: float) -> float:
    """Share of the learning rate: up over the warm-up, then linearly down to 0."""
    rising = warm_up * total
    if step <= rising:
        return step / rising
    return max(0.0, (total - step) / max(total - rising, 1.0))
