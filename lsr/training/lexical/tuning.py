"""Tuning a lexical head: its rows, thresholds and sharpness learn to rank as the teacher does.

The loss is the paper's: distillation in both directions, an L1 regularizer, and Bernoulli
variables that decide which captions may expand. What differs from free training is the start and
the freedom. The head starts as words; each row keeps unit length, the space stays as it is, and
strong noise on the vectors keeps few pairs from being known by heart. So the words stay words,
and some hundred steps are enough. The budget of active terms holds throughout: all thresholds move
together so that the batch's images activate as many terms as asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import said_by_owner
from lsr.model.vocabulary import Vocabulary
from lsr.training.adam import Adam
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.said_terms import SaidTerms
from lsr.training.lexical.settings import TuningReport, TuningSettings
from lsr.training.losses import distillation_loss, l1_penalty
from lsr.training.said import said_terms

_WARM_UP = 0.1
_REPORTS = 20
# How fast the common threshold follows the batches.
_FOLLOW = 0.1
# Share of the steps over which a schedule of control runs: what captions may add is learnt in the
# rest, while the learning rates are still high enough to unlearn what does not belong.
_CONTROLLED = 0.42


class Draws(NamedTuple):
    """What chance decides in a step, on the device.

    captions: (B,) int64, rows of the captions. image_noise, caption_noise: (B, d) standard normal.
    expansion: (B, 1) or (1, 1) uniform; a caption may expand where it is below the rate.
    """

    captions: Tensor
    image_noise: Tensor
    caption_noise: Tensor
    expansion: Tensor


class Tuning:
    """A head on its way; iterate over `run` to the end, then take `head`."""

    def __init__(
        self,
        start: LexicalHead,
        pairs: Pairs,
        vocabulary: Vocabulary,
        settings: TuningSettings,
        device: str = "cpu",
    ) -> None:
        settings.check()
        self.settings, self.device, self.start = settings, torch.device(device), start
        self.pairs = pairs
        said = said_terms(pairs, vocabulary)[:, start.terms].tocsr()
        supported = said_by_owner(said, pairs.relevant, len(pairs.image_vectors))
        self.said, self.supported = (SaidTerms(one, self.device) for one in (said, supported))
        self.images = self._tensor(pairs.image_vectors)
        self.captions = self._tensor(pairs.caption_vectors)
        self.owners = torch.from_numpy(pairs.relevant.astype(np.int64)).to(self.device)
        self.space = [self._tensor(part) for part in (start.space.weight, start.space.bias)]
        self.rows = self._tensor(start.rows).requires_grad_(True)
        self.thresholds = self._tensor(start.thresholds).requires_grad_(True)
        self.log_sharpness = self._tensor(np.log(start.sharpness)).requires_grad_(True)
        self.common = torch.zeros((), dtype=torch.float64, device=self.device)
        self.charge = self._tensor(np.array([[settings.unsupported_charge]]))

    @property
    def head(self) -> LexicalHead:
        """The head as it is now, its budget kept on the training images."""
        with torch.no_grad():
            rows = functional.normalize(self.rows, dim=1).double().cpu().numpy()
            thresholds = (self.thresholds.double() + self.common).cpu().numpy()
            sharpness = self.log_sharpness.exp().double().cpu().numpy()
        made = replace(self.start, rows=rows, thresholds=thresholds, sharpness=sharpness)
        return made.with_budget(self.pairs.image_vectors, self.settings.target_active_terms)

    def run(self) -> Iterator[TuningReport]:
        """Tune, with about twenty reports."""
        settings, began = self.settings, time.perf_counter()
        total, losses = settings.steps, []
        every = max(1, total // _REPORTS)
        for step, (loss, active) in enumerate(self._steps()):
            losses.append(loss.detach())
            if (step + 1) % every == 0 or step + 1 == total:
                mean = float(torch.stack(losses).mean())
                left = (time.perf_counter() - began) / (step + 1) * (total - step - 1)
                yield TuningReport(step + 1, total, mean, float(active), left)
                losses = []

    def seconds_a_step(self, steps: int) -> float:
        """Mean time of some first steps, after one that is not counted; they change the head.

        On a CPU, of its own work spread over its threads, so that it does not depend on what else
        keeps the cores busy at that moment.
        """
        taken = self._steps()
        next(taken)
        began = self._clock()
        for _ in range(steps):
            next(taken)
        return (self._clock() - began) / steps

    def _clock(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            return time.perf_counter()
        return time.process_time() / torch.get_num_threads()

    def _steps(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Loss and active terms of an image, after each step."""
        settings, total = self.settings, self.settings.steps
        rates = (settings.row_rate, settings.threshold_rate, settings.sharpness_rate)
        parameters = (self.rows, self.thresholds, self.log_sharpness)
        optimizer = Adam(
            [{"params": [one], "lr": rate} for one, rate in zip(parameters, rates, strict=True)]
        )
        generator = torch.Generator(self.device).manual_seed(settings.seed)
        for step in range(total):
            share = _share_of_rate(step, total)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
            loss, active = self._loss(step / total, self.draw(generator))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            yield loss, active

    def draw(self, generator: torch.Generator) -> Draws:
        """The next step's draws; the generator is one of the device."""
        settings, size = self.settings, (min(self.settings.batch_size, len(self.owners)),)
        shape = (*size, self.images.shape[1])
        where: dict[str, Any] = {"generator": generator, "device": self.device}
        return Draws(
            torch.randperm(len(self.owners), **where)[: size[0]],
            torch.randn(shape, **where),
            torch.randn(shape, **where),
            torch.rand(size[0] if settings.control.per == "caption" else 1, 1, **where),
        )

    def _loss(self, progress: float, draws: Draws) -> tuple[Tensor, Tensor]:
        settings, owners = self.settings, self.owners[draws.captions]
        images, captions = self.images[owners], self.captions[draws.captions]
        rows = functional.normalize(self.rows, dim=1)
        active = self._follow(images, rows)
        seen = self._weights(images, rows, draws.image_noise)
        told = self._weights(captions, rows, draws.caption_noise)
        rate = settings.control.rate_at(min(1.0, progress / _CONTROLLED))
        expands = (draws.expansion < rate).float()
        if not bool(expands.all()):
            told = told * self.said.of(draws.captions, expands)
        relevance = distillation_loss(seen @ told.T, images @ captions.T, settings.temperature)
        if settings.unsupported_charge != 1:
            charges = self.supported.of(owners, self.charge)
            seen, told = seen * charges, told * charges
        penalty = (l1_penalty(seen) + l1_penalty(told)) * settings.regularizer_weight
        return relevance + penalty, active

    def _weights(self, vectors: Tensor, rows: Tensor, noise: Tensor) -> Tensor:
        """(B, t) weights of vectors under noise."""
        units = self._units(vectors)
        units = functional.normalize(
            units + noise * (self.settings.noise / units.shape[1] ** 0.5), dim=1
        )
        # In place where no gradient wants what was there: memory is what a step waits for.
        above = (units @ rows.T).sub_(self.thresholds + self.common)
        return torch.log1p((self.log_sharpness.exp() * above).relu_())

    @torch.no_grad()
    def _follow(self, images: Tensor, rows: Tensor) -> Tensor:
        """Move the common threshold towards the budget; the active terms of an image before."""
        above = (self._units(images) @ rows.T).sub_(self.thresholds)
        active = (above > self.common).sum() / len(images)
        wanted = min(self.settings.target_active_terms * len(images), above.numel() - 1)
        # All at once: nothing here may wait for the device.
        self.common += _FOLLOW * (_largest(above.flatten(), wanted) - self.common)
        return active

    def _units(self, vectors: Tensor) -> Tensor:
        weight, bias = self.space
        return functional.normalize(functional.linear(vectors, weight, bias), dim=1)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.device)


def _share_of_rate(step: int, total: int) -> float:
    """Share of the learning rate: up over the warm-up, then linearly down to 0."""
    rising = max(1.0, _WARM_UP * total)
    return min(1.0, (step + 1) / rising) * (1 - step / total)


def _largest(values: Tensor, k: int) -> Tensor:
    """The k-th largest of (n,) values, counted from 0.

    On a GPU `topk` spreads the work, where `kthvalue` gives it to one block; on a CPU numpy's
    partition is quicker than either by ten times and more.
    """
    if values.device.type == "cuda":
        return values.topk(k + 1, sorted=False).values.min()
    place = len(values) - k - 1
    return torch.from_numpy(np.partition(values.numpy(), place)[place : place + 1])[0]
