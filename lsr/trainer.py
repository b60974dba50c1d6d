"""From a collection to a model folder: pairs, head, training, metrics."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsr.catalog import BUNDLED_ENCODER
from lsr.checkpoint import save_model
from lsr.collection import Collection
from lsr.encoders.bundled import BundledEncoder
from lsr.evaluation import evaluate
from lsr.exceptions import ModelError, QueryError
from lsr.judged import judge_head
from lsr.pairs import load_pairs
from lsr.storage import read_json, write_json
from lsr.training import EpochReport, TrainingSettings, new_head, settings_as_json, train
from lsr.vocabulary import Vocabulary

COMPACT_RECIPE = TrainingSettings(
    epochs=8,
    hidden_size=256,
    query_regularizer_weight=5e-3,
    document_regularizer_weight=5e-3,
    temperature=1e-2,
    projection_learning_rate=2e-3,
    learning_rate=1e-3,
    noise=0.1,
)
"""Settings for a collection of some ten thousand captions on two CPU cores, in minutes."""


def train_model(
    collection: Collection,
    folder: Path,
    settings: TrainingSettings = COMPACT_RECIPE,
    *,
    title: str = "",
    resume: bool = False,
    precision: torch.dtype = torch.float16,
    word_vectors: Path = BUNDLED_ENCODER,
) -> Iterator[EpochReport]:
    """Train on split `train`, validate on `val`, measure on `test`, write `folder`.

    The unfinished run lives beside `folder` until the model is written; `folder` is replaced
    only then.

    Args:
        resume: go on with an unfinished run of that name.
        precision: of the stored weights.
        word_vectors: folder of a bundled encoder, whose tokenizer gives the vocabulary and
            whose token vectors start the vocabulary weights.

    Raises:
        CollectionError, UnknownNameError: a split or its captions are missing.
        ModelError: an unfinished run of that name exists and `resume` is false, or it was
            started with other settings.
    """
    _check(settings)
    bundled = BundledEncoder.load(word_vectors)
    vocabulary = Vocabulary.load(word_vectors / "tokenizer.json")
    encoder = bundled if collection.encoder == bundled.name else None
    training = load_pairs(collection, "train", encoder)
    validation = load_pairs(collection, "val", encoder)
    work = folder.with_name(f".{folder.name}-training")
    _open_run(work, settings, collection, resume)
    head = new_head(collection.dense_size, vocabulary, settings, bundled.token_vectors)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    curve: list[dict[str, Any]] = _read_curve(work)
    for report in train(head, training, validation, vocabulary, settings, work, device):
        curve = [*curve[: report.epoch - 1], asdict(report)]
        write_json(work / "curve.json", {"epochs": curve})
        yield report
    description = {
        "settings": settings_as_json(settings),
        "collection": {"name": collection.name, "fingerprint": collection.fingerprint},
        "vocabulary_start": "bundled token vectors",
        "device": device,
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "curve": curve,
    }
    card = {"title": title or folder.name, "encoder": collection.encoder}
    # The metrics are measured on the rounded weights that are stored.
    for parameter in head.cpu().parameters():
        parameter.data = parameter.data.to(precision).float()
    split = "test" if "test" in collection.splits else "val"
    judged = judge_head(collection, head, vocabulary, split, encoder)
    metrics = evaluate(judged, term_vectors=bundled.token_vectors)
    save_model(
        folder,
        head,
        vocabulary,
        card=card,
        training=description,
        metrics={"split": split, **metrics},
        precision=precision,
    )
    shutil.rmtree(work)


def _check(settings: TrainingSettings) -> None:
    """Refuse settings that cannot train."""
    limits = {
        "epochs": (1, 10_000),
        "batch_size": (2, 65_536),
        "hidden_size": (1, 8_192),
        "temperature": (1e-6, 100),
        "projection_learning_rate": (0, 10),
        "learning_rate": (0, 10),
        "query_regularizer_weight": (0, 1e3),
        "document_regularizer_weight": (0, 1e3),
        "noise": (0, 10),
    }
    for name, (low, high) in limits.items():
        value = getattr(settings, name)
        if not (np.isfinite(value) and low <= value <= high):
            noun = name.replace("_", " ")
            raise QueryError(f"The {noun} is {value:g}. Use a number from {low:g} to {high:g}.")


def _open_run(work: Path, settings: TrainingSettings, collection: Collection, resume: bool) -> None:
    """Start a run's folder, or make sure that the one there may be gone on with."""
    wanted = {**settings_as_json(settings), "collection": collection.fingerprint}
    path = work / "run.json"
    if not path.exists():
        write_json(path, wanted)
        return
    name = work.name.removeprefix(".").removesuffix("-training")
    if not resume:
        raise ModelError(
            f"An unfinished training run of model `{name}` exists. Add --resume to go on with it, "
            f"or remove `{work}`."
        )
    started = read_json(path, ModelError)
    # Tuples become lists in JSON; compare what JSON keeps.
    differing = sorted(k for k in wanted if started.get(k) != wanted[k])
    if differing:
        raise ModelError(
            f"The unfinished run of model `{name}` has other settings ({', '.join(differing)}). "
            f"Use the same ones, or remove `{work}`."
        )


def _read_curve(work: Path) -> list[dict[str, Any]]:
    path = work / "curve.json"
    return list(read_json(path, ModelError)["epochs"]) if path.exists() else []


def with_overrides(settings: TrainingSettings, **changes: Any) -> TrainingSettings:
    """The settings with those changes that are not None."""
    return replace(settings, **{name: v for name, v in changes.items() if v is not None})
