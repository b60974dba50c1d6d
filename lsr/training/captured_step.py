"""A training step on a GPU, captured once and replayed.

A step is some two hundred kernels. Launched one by one from Python they take several times as long
as they run; as a CUDA graph they are launched at once. What changes from step to step (the batch,
the draws, the rates and weights) is copied into tensors that the graph reads from.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import torch
from torch import Tensor

from lsr.model.projection import Projection
from lsr.training.batches import Batch
from lsr.training.settings import TrainingSettings
from lsr.training.step import Draws, StepLoss, step_loss

# Steps taken before the capture, so that libraries and optimizer have made what they need.
_EAGER_STEPS = 3


class CapturedStep:
    """Loss, gradient and optimizer step of one batch.

    The optimizer is capturable, with learning rates that are tensors on the GPU; batches have one
    size.
    """

    def __init__(
        self, head: Projection, optimizer: torch.optim.Optimizer, settings: TrainingSettings
    ) -> None:
        self.head, self.optimizer, self.settings = head, optimizer, settings
        self._device = head.proj.weight.device
        self._taken = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._read: tuple[Batch, Draws, Tensor, Tensor | None] | None = None
        self._loss: StepLoss | None = None

    def __call__(
        self, batch: Batch, draws: Draws, weights: Sequence[float], frequency: Tensor | None
    ) -> StepLoss:
        """Take one step; the loss's tensors are overwritten by the next.

        Args:
            weights, frequency: as in `lsr.training.step.step_loss`.
        """
        given = (batch, draws.to(self._device), self._on_device(weights), frequency)
        if self._read is None:
            draws = Draws(*map(_clone, _parts(given[1])))  # type: ignore[arg-type]
            copied = Batch(*(part.clone() for part in _parts(batch) if part is not None))
            self._read = (copied, draws, given[2].clone(), _clone(frequency))
        else:
            for old, new in zip(_tensors(self._read), _tensors(given), strict=True):
                old.copy_(new)
        self._taken += 1
        if self._taken <= _EAGER_STEPS:
            return self._eagerly()
        if self._graph is None:
            self._capture()
        assert self._graph is not None  # noqa: S101 - captured just now
        self._graph.replay()
        assert self._loss is not None  # noqa: S101 - as above
        return self._loss

    def _on_device(self, weights: Sequence[float]) -> Tensor:
        return torch.tensor(list(weights)).pin_memory().to(self._device, non_blocking=True)

    def _step(self) -> StepLoss:
        assert self._read is not None  # noqa: S101 - set before the first step
        batch, draws, weights, frequency = self._read
        loss = step_loss(self.head, batch, draws, self.settings, weights, frequency, whole=True)
        (loss.relevance + loss.penalty + loss.support).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return StepLoss(*(getattr(loss, field.name).detach() for field in fields(StepLoss)))

    def _eagerly(self) -> StepLoss:
        """On a stream of its own, as what comes before a capture must be."""
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self._step()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        return loss

    def _capture(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss = self._step()


def _parts(of: Batch | Draws) -> list[Tensor | None]:
    return [getattr(of, field.name) for field in fields(of)]


def _clone(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.clone()


def _tensors(given: Sequence[Batch | Draws | Tensor | None]) -> Iterator[Tensor]:
    for one in given:
        if isinstance(one, Tensor):
            yield one
        elif one is not None:
            yield from (part for part in _parts(one) if part is not None)
