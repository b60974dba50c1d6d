"""From a collection to a model folder: pairs, head, training, metrics."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsr.collection.collection import Collection
from lsr.encoders.bundled import BundledEncoder
from lsr.evaluation.evaluate import evaluate_split, function_words, making_told
from lsr.evaluation.pairs import Pairs, first_images, load_pairs
from lsr.evaluation.projected import ProjectedSplit, project_split_with
from lsr.exceptions import ModelError
from lsr.model.checkpoint import save_model
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.folders import remove_folder
from lsr.storage.places import BUNDLED_ENCODER
from lsr.storage.room import check_room, told_when_full
from lsr.training.budget import Budget, active_terms
from lsr.training.device import training_device
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.loop import train
from lsr.training.recipes import COMPACT_RECIPE
from lsr.training.run_folder import open_run, read_curve, run_folder, run_to_itself
from lsr.training.settings import TrainingReport, TrainingSettings, settings_as_json
from lsr.training.splits import check_training_splits, has_pairs
from lsr.training.stop_list import stop_list
from lsr.training.vocabulary_start import LEXICAL, apply, load_start

# Weights, two moments and the best weights, float32, and a second copy of the first three while the
# state is replaced.
_BYTES_A_WEIGHT = 7 * 4


def train_model(
    collection: Collection,
    folder: Path,
    settings: TrainingSettings = COMPACT_RECIPE,
    *,
    title: str = "",
    resume: bool = False,
    precision: torch.dtype = torch.float16,
    bundled_encoder: Path = BUNDLED_ENCODER,
) -> Iterator[TrainingReport]:
    """Train on split `train`, validate on `val`, measure on `test`, write `folder`.

    Without a `val` nothing is validated, which only settings that select the last weights allow;
    without a `test`, `val` or else `train` is measured.

    The unfinished run lives beside `folder` until the model is written; `folder` is replaced
    only then.

    Args:
        resume: go on with an unfinished run of that name.
        precision: of the stored weights.
        bundled_encoder: its folder; its tokenizer gives the vocabulary.

    Raises:
        CollectionError, UnknownNameError: a split or its captions are missing or broken.
        ModelError: an unfinished run of that name exists and `resume` is false, or it was
            started with other settings, or another process is at it; the vocabulary start does
            not fit.
        DiskFullError: there is no room for the state or the model.
    """
    settings.check()
    with told_when_full(folder), run_to_itself(run_folder(folder)):
        ready = prepare(collection, settings, bundled_encoder)
        yield from _train_model(collection, folder, ready, settings, title, resume, precision)


def _train_model(
    collection: Collection,
    folder: Path,
    ready: Prepared,
    settings: TrainingSettings,
    title: str,
    resume: bool,
    precision: torch.dtype,
) -> Iterator[TrainingReport]:
    """`train_model`, once nobody else can write into the run's folder."""
    head = ready.head
    work = run_folder(folder)
    open_run(work, settings, collection, resume)
    pairs = (ready.training, ready.validation)
    weights = sum(parameter.numel() for parameter in head.parameters())
    check_room(weights * _BYTES_A_WEIGHT, folder)
    curve: list[dict[str, Any]] = read_curve(work)
    for report in train(head, *pairs, ready.vocabulary, settings, work, training_device()):
        curve = [*(r for r in curve if r["step"] < report.step), asdict(report)]
        write_json(work / "curve.json", {"reports": curve})
        yield report
    description: dict[str, Any] = {
        "settings": settings_as_json(settings),
        "collection": {"name": collection.name, "fingerprint": collection.fingerprint},
        "vocabulary_start": ready.start,
        "stopped_terms": ready.stopped_words,
        "n_stopped_terms": len(ready.stopped),
        "n_pairs": len(ready.training.texts),
        "device": training_device(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "curve": curve,
    }
    card = {"title": title or folder.name, "encoder": collection.encoder}
    # The metrics are measured on the rounded weights that are stored.
    for parameter in head.cpu().parameters():
        parameter.data = parameter.data.to(precision).float()
    if settings.target_active_terms:
        met = active_terms(head, ready.training.image_vectors)
        budget = Budget(settings.target_active_terms, met, at_most=True)
        description["budget"] = budget.as_json()
    split, projected = project_with_trained(collection, ready)
    metrics = evaluate_split(
        projected,
        term_vectors=ready.bundled.token_vectors,
        making=making_told(description),
        empty_words=function_words(ready.vocabulary),
    )
    save_model(
        folder,
        head,
        ready.vocabulary,
        card=card,
        training=description,
        metrics={"split": split, **metrics},
        precision=precision,
    )
    remove_folder(work)


@dataclass(frozen=True)
class Prepared:
    """A head before its first step and what it is trained on.

    validation: None where the collection has no split `val` and the settings select nothing by it.
    start: what its vocabulary weights start from. stopped: ids of the terms switched off,
    ascending. bundled: the encoder whose tokenizer gives the vocabulary.
    """

    head: Projection
    training: Pairs
    validation: Pairs | None
    vocabulary: Vocabulary
    start: str
    stopped: np.ndarray
    bundled: BundledEncoder

    @property
    def stopped_words(self) -> list[str]:
        words = (self.vocabulary.terms[i] for i in self.stopped)
        return [word for word in words if word.isalpha() and word.isascii()]


def prepare(
    collection: Collection,
    settings: TrainingSettings,
    bundled_encoder: Path = BUNDLED_ENCODER,
    n_images: int = 0,
) -> Prepared:
    """What training with these settings starts from.

    Args:
        n_images: train on that many images, the first ones, and their captions; 0 means all.

    Raises:
        CollectionError, UnknownNameError, ModelError: as `train_model`.
    """
    bundled = BundledEncoder.load(bundled_encoder)
    vocabulary = Vocabulary.load(bundled_encoder / "tokenizer.json")
    encoder = bundled if collection.encoder == bundled.name else None
    check_training_splits(collection, settings.select_by)
    training = load_pairs(collection, "train", encoder)
    if n_images:
        training = first_images(training, n_images)
    held_out = has_pairs(collection, "val")
    validation = load_pairs(collection, "val", encoder) if held_out else None
    stopped = stop_list(training, vocabulary) if settings.terms == "content" else np.zeros(0, int)
    head, start = new_head(training, vocabulary, settings, stopped, bundled_encoder)
    return Prepared(head, training, validation, vocabulary, start, stopped, bundled)


def measured_split(collection: Collection) -> str:
    """The split that a trained head is measured on: `test`, else `val`, else `train`."""
    return next(name for name in ("test", "val", "train") if has_pairs(collection, name))


def project_with_trained(
    collection: Collection, ready: Prepared, queries: str = ""
) -> tuple[str, ProjectedSplit]:
    """The split that a trained head is measured on, projected.

    Args:
        queries: name of a query set that takes the place of the captions.
    """
    split = measured_split(collection)
    encoder = ready.bundled if collection.encoder == ready.bundled.name else None
    head, vocabulary = ready.head, ready.vocabulary
    return split, project_split_with(collection, head, vocabulary, split, encoder, queries)


def new_head(
    pairs: Pairs,
    vocabulary: Vocabulary,
    settings: TrainingSettings,
    stopped: np.ndarray,
    bundled_encoder: Path = BUNDLED_ENCODER,
) -> tuple[Projection, str]:
    """An untrained head of the pairs, and what it starts from.

    A lexical one is computed from the pairs. Others draw their weights from the settings' seed;
    then the start fills what it has.

    Args:
        stopped: ids of terms that are never used.

    Raises:
        ModelError, UnknownNameError: the start cannot be read or does not fit.
        CollectionError: no two captions say the same word, for a lexical start.
    """
    chosen, size = settings.vocabulary_start, pairs.image_vectors.shape[1]
    if chosen == LEXICAL:
        return _lexical_head(pairs, vocabulary, settings, stopped), LEXICAL
    start = load_start(str(bundled_encoder) if chosen == "bundled" else chosen, vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = Projection(size, settings.hidden_size, len(vocabulary))
    apply(head, start)
    head.switch_off(torch.from_numpy(stopped))
    return head, start.name


def _lexical_head(
    pairs: Pairs, vocabulary: Vocabulary, settings: TrainingSettings, stopped: np.ndarray
) -> Projection:
    """The closed form of the pairs; terms that hardly any caption says stay switched off."""
    if settings.hidden_size != (size := pairs.image_vectors.shape[1]):
        raise ModelError(
            f"A lexical head of vectors of size {size} has hidden size {size}, not "
            f"{settings.hidden_size}. Use --hidden-size {size}, or leave it out."
        )
    own = ClosedFormSettings()
    if settings.target_active_terms:
        own = ClosedFormSettings(settings.target_active_terms)
    return closed_form(pairs, vocabulary, stopped, own).projection(len(vocabulary))
