"""A run of an ablation as it is handed to a process; reading it loads nothing that trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsr.training.settings import TrainingSettings


@dataclass(frozen=True)
class Task:
    """A run to do: where its collection is, what to train, and which file to write."""

    collection: Path
    settings: TrainingSettings
    n_images: int
    queries: str
    file: Path
    threads: int


def run_name(task: Task) -> str:
    """What to call a run in a message."""
    seed = f"seed {task.settings.seed}"
    return f"{task.settings.control}, hidden size {task.settings.hidden_size}, {seed}"
