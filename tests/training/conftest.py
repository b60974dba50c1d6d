"""Pairs of a tiny collection, and a way to run a training on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lsr.evaluation.pairs import Pairs, load_pairs
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.training.loop import train
from lsr.training.settings import TrainingReport, TrainingSettings
from tests.conftest import D, FakeEncoder, make_collection

SETTINGS = TrainingSettings(epochs=4, batch_size=8, hidden_size=6, temperature=0.1, noise=0.1)
SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4

Run = Callable[..., tuple[Projection, list[TrainingReport]]]


@pytest.fixture
def pairs(home: Path, fake_encoder: FakeEncoder) -> tuple[Pairs, Pairs]:
    tiny = make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)
    return load_pairs(tiny, "train"), load_pairs(tiny, "val")


def head_of(vocabulary: Vocabulary, settings: TrainingSettings) -> Projection:
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        return Projection(D, settings.hidden_size, len(vocabulary))


@pytest.fixture
def run(pairs: tuple[Pairs, Pairs], vocabulary: Vocabulary, tmp_path: Path) -> Run:
    """Train SETTINGS with changes in a folder of that name; stop after some reports."""

    def run(
        name: str = "run", stop_after: int | None = None, **changes: object
    ) -> tuple[Projection, list[TrainingReport]]:
        settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
        head = head_of(vocabulary, settings)
        reports = []
        for report in train(head, *pairs, vocabulary, settings, tmp_path / name):
            reports.append(report)
            if len(reports) == stop_after:
                break
        return head, reports

    return run
