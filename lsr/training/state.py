"""The unfinished run on disk: whole or not at all, so that a killed one goes on exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from lsr.exceptions import ModelError
from lsr.model.projection import Projection
from lsr.storage.files import replacing_file
from lsr.storage.untrusted import DamagedError, parsed

_STATE = "state.safetensors"
_BEST = "best.safetensors"
_MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # of Adam


@dataclass
class Progress:
    """Where a run stands.

    step: steps done. factor: of the regularizer's weights, moved by the target.
    best: of the weights to keep so far, whether they keep the sparsity limit, and then the
    measure that selects (or, while no weights keep it, minus their active terms).
    frequency: (V,) document frequency as a share, as last estimated; None when not needed.
    """

    step: int = 0
    factor: float = 1.0
    best: tuple[bool, float] = (False, -math.inf)
    frequency: Tensor | None = None


def save(
    work: Path,
    head: Projection,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    *,
    best: bool,
) -> None:
    """Write weights, optimizer moments and progress; the weights also as the best ones."""
    weights = {name: value.detach() for name, value in head.state_dict().items()}
    tensors = {f"head.{name}": value for name, value in weights.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
    if progress.frequency is not None:
        tensors["frequency"] = progress.frequency
    words = {
        "step": str(progress.step),
        "factor": repr(progress.factor),
        "within": str(int(progress.best[0])),
        "best": repr(progress.best[1]),
    }
    # The best weights first: a kill between the two repeats the steps that led to them.
    if best:
        with replacing_file(work / _BEST) as temporary:
            save_file(_on_cpu(weights), temporary)
    with replacing_file(work / _STATE) as temporary:
        save_file(_on_cpu(tensors), temporary, metadata=words)


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.cpu().contiguous() for name, value in tensors.items()}


def restore(work: Path, head: Projection, optimizer: torch.optim.Optimizer) -> Progress:
    """Read what `save` wrote into head and optimizer; a fresh start without it.

    Raises:
        ModelError: the state is damaged.
    """
    path = work / _STATE
    if not path.exists():
        return Progress()
    with _told(path):
        with safe_open(path, framework="pt") as file:
            words = file.metadata()
        # Copies: Windows replaces no file that is mapped into memory.
        tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
        progress = Progress(
            int(words["step"]),
            float(words["factor"]),
            (words["within"] == "1", float(words["best"])),
            tensors.get("frequency"),
        )
        head.load_state_dict(_part(tensors, "head."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, "optimizer.").items():
            number, moment = name.split(".", 1)
            state.setdefault(int(number), {})[moment] = value
        _check_moments(state, optimizer)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return progress


def _check_moments(state: dict[int, dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> None:
    """Refuse moments that are not those of the weights; torch would only see it at the next step.

    Raises:
        DamagedError: one is missing, of another shape, or belongs to nothing.
    """
    weights = [one for group in optimizer.param_groups for one in group["params"]]
    if not set(state) <= set(range(len(weights))):
        raise DamagedError(
            f"moments of {len(state):,} weights, of which there are {len(weights):,}"
        )
    for number, moments in state.items():
        shapes = {name: tuple(one.shape) for name, one in moments.items() if name != "step"}
        if set(moments) != _MOMENTS or set(shapes.values()) != {tuple(weights[number].shape)}:
            raise DamagedError(
                f"moments of shape {shapes} for weights {tuple(weights[number].shape)}"
            )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn whatever a damaged state makes its readers raise into one sentence."""
    try:
        with parsed():
            yield
    except (DamagedError, OSError) as problem:
        raise ModelError(
            f"`{path}` is damaged ({problem}). Remove `{path.parent}` and train anew."
        ) from None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def load_best(work: Path, head: Projection) -> None:
    """Put the best weights of the run into `head`.

    Raises:
        ModelError: they are damaged.
    """
    with _told(work / _BEST):
        head.load_state_dict(load_file(work / _BEST))
