"""Checkpoints of a training run in safetensors: weights, optimiser state, epochs done."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lsr.storage.files import replacing_file

WEIGHTS = "weights."
OPTIMIZER = "optimizer."


def save_state(
    path: Path, learner: nn.Module, optimizer: torch.optim.Optimizer, epochs: int
) -> None:
    """Write what `load_state` needs to go on after `epochs` epochs."""
    tensors = {WEIGHTS + name: tensor for name, tensor in learner.state_dict().items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{OPTIMIZER}{number}.{key}": tensor for key, tensor in state.items()}
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing_file(path) as temporary:
        save_file(stored, temporary, {"epochs": str(epochs)})


def epochs_done(path: Path) -> int:
    """How many epochs the checkpoint has behind it; 0 where there is none."""
    if not path.is_file():
        return 0
    with safe_open(path, framework="pt") as file:
        return int(file.metadata()["epochs"])


def load_weights(path: Path, learner: nn.Module, part: str = "") -> None:
    """Give the learner the weights of a checkpoint, or those of its part `part`."""
    learner.load_state_dict(_tensors(path, f"{WEIGHTS}{part}"))


def load_optimizer(path: Path, optimizer: torch.optim.Optimizer) -> None:
    """Give an optimiser over the same learner the state of a checkpoint."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _tensors(path, OPTIMIZER).items():
        number, key = name.split(".")
        parameter = parameters[int(number)]
        if tensor.shape == parameter.shape:
            # The fused step walks weights and moments in memory order: keep one layout.
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(number), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _tensors(path: Path, prefix: str) -> dict[str, Tensor]:
    """The checkpoint's tensors whose names start with the prefix, without it."""
    with safe_open(path, framework="pt") as file:
        return {
            name.removeprefix(prefix): file.get_tensor(name)
            for name in file.keys()  # noqa: SIM118 - the reader is not a dict
            if name.startswith(prefix)
        }
