"""From a collection to a lexical model: pairs or labels, head, tuning where it helps, metrics."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsr.collection.collection import Collection
from lsr.encoders.loading import load_encoder
from lsr.evaluation.evaluate import evaluate_split, term_vectors_for
from lsr.evaluation.pairs import Pairs, load_pairs, some_images
from lsr.evaluation.projected import project_split_with
from lsr.evaluation.verdict import Measured, judge
from lsr.model.checkpoint import Model, save_model
from lsr.model.projection import Projection
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import remove_folder, write_json
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.budget import Budget
from lsr.training.device import training_device
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.labels import labelled, training_split
from lsr.training.lexical.settings import LexicalSettings, TuningReport, TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.run_folder import PROGRESS, is_lexical_job, run_folder, run_to_itself
from lsr.training.stop_list import stop_list
from lsr.training.validation import validate

# Fewer validation captions than that cannot tell which of two heads is better.
_LEAST_VALIDATION = 200
_FOLDS = 5
# Below that many training images every one of the folds is tried, else one.
_FEW_IMAGES = 2_000


@dataclass(frozen=True)
class Comparison:
    """Mean reciprocal rank on held-out captions, before and after tuning."""

    before: float
    after: float
    captions: int
    where: str

    @property
    def helps(self) -> bool:
        return self.after > self.before


@dataclass(frozen=True)
class _Made:
    head: LexicalHead
    pairs: Pairs
    comparison: Comparison | None
    tuning: TuningSettings | None


def make_lexical(
    collection: Collection,
    folder: Path,
    settings: LexicalSettings | None = None,
    *,
    title: str = "",
    bundled_encoder: Path = BUNDLED_ENCODER,
) -> Iterator[TuningReport]:
    """Make a lexical model of split `train`, measured on `test` (else `val`), in `folder`.

    Iterate to the end: the model is written then. With `tuned`, the closed form is the model where
    held-out captions do not rank better after tuning.

    Raises:
        CollectionError, UnknownNameError: a split or its captions are missing or broken, or no word
            is said often enough.
        ModelError: a training run of that name is going on.
        QueryError: a setting that no head can have.
        EncoderError: labels are wanted and the collection's encoder is not here.
        DiskFullError: there is no room for the model.
    """
    settings = settings or LexicalSettings()
    settings.check()
    work = run_folder(folder)
    with run_to_itself(work):
        vocabulary = Vocabulary.load(bundled_encoder / "tokenizer.json")
        made = yield from _noted(_made(collection, vocabulary, settings), work)
        head = made.head.projection(len(vocabulary))
        _write(collection, folder, head, vocabulary, settings, made, title)
        if is_lexical_job(work):
            remove_folder(work)


def _noted(
    making: Generator[TuningReport, None, _Made], work: Path
) -> Generator[TuningReport, None, _Made]:
    """The reports, each also written down where a page follows the run."""
    while True:
        try:
            report = next(making)
        except StopIteration as end:
            made: _Made = end.value
            return made
        if is_lexical_job(work):
            write_json(work / PROGRESS, asdict(report))
        yield report


def _made(
    collection: Collection, vocabulary: Vocabulary, settings: LexicalSettings
) -> Generator[TuningReport, None, _Made]:
    if settings.method == "encoder-terms":
        encoder = load_encoder(collection.encoder)
        rows = collection.image_rows(training_split(collection))
        pairs = labelled(collection.image_vectors[rows], vocabulary, encoder, settings.seed)
        stopped, validation = np.zeros(0, np.int64), None
    else:
        pairs = load_pairs(collection, "train")
        stopped = stop_list(pairs, vocabulary)
        validation = _validation(collection)

    def fit(some: Pairs) -> LexicalHead:
        own = ClosedFormSettings(settings.target_active_terms)
        return closed_form(some, vocabulary, stopped, own)

    start = fit(pairs)
    if settings.method == "closed-form":
        return _Made(start, pairs, None, None)
    chosen, device = settings.tuning(len(pairs.texts)), training_device()
    tuning = Tuning(start, pairs, vocabulary, chosen, device)
    yield from tuning.run()
    comparison = None
    if settings.method == "tuned":
        comparison = (
            compare(start, tuning.head, validation, len(vocabulary), device=device)
            if validation is not None
            else cross_validated(pairs, fit, vocabulary, chosen, device)
        )
        if not comparison.helps:
            return _Made(start, pairs, comparison, chosen)
    return _Made(tuning.head, pairs, comparison, chosen)


def _validation(collection: Collection) -> Pairs | None:
    """The pairs of `val`, where they are enough to tell heads apart."""
    if "val" not in collection.splits or len(collection.caption_rows("val")) < _LEAST_VALIDATION:
        return None
    return load_pairs(collection, "val")


def compare(
    before: LexicalHead,
    after: LexicalHead,
    held_out: Pairs,
    n_terms: int,
    where: str = "val",
    device: str = "cpu",
) -> Comparison:
    """Both heads on pairs that neither was made of."""
    ranked = [
        validate(head.projection(n_terms).to(device), held_out).measures["MRR@10"]
        for head in (before, after)
    ]
    return Comparison(ranked[0], ranked[1], len(held_out.texts), where)


def cross_validated(
    pairs: Pairs,
    fit: Callable[[Pairs], LexicalHead],
    vocabulary: Vocabulary,
    settings: TuningSettings,
    device: str = "cpu",
) -> Comparison:
    """Closed form and tuning on held-out folds of the images, each fold's others to learn from.

    All five folds of few images, one of many.
    """
    n = len(pairs.image_vectors)
    fold_of = np.random.default_rng(settings.seed).permutation(n) % _FOLDS
    parts = []
    for fold in range(_FOLDS if n < _FEW_IMAGES else 1):
        learning, held_out = (
            some_images(pairs, fold_of != fold),
            some_images(pairs, fold_of == fold),
        )
        start = fit(learning)
        tuning = Tuning(start, learning, vocabulary, settings, device)
        for _ in tuning.run():
            pass
        parts.append(compare(start, tuning.head, held_out, len(vocabulary), device=device))
    captions = sum(part.captions for part in parts)
    before, after = (
        sum(getattr(part, name) * part.captions for part in parts) / captions
        for name in ("before", "after")
    )
    where = f"{len(parts)} of {_FOLDS} folds of the training images"
    return Comparison(before, after, captions, where)


def _write(
    collection: Collection,
    folder: Path,
    head: Projection,
    vocabulary: Vocabulary,
    settings: LexicalSettings,
    made: _Made,
    title: str,
) -> Model:
    import torch

    # The metrics are measured on the rounded weights that are stored.
    for parameter in head.parameters():
        parameter.data = parameter.data.half().float()
    active = made.head.active_terms(made.pairs.image_vectors)
    training: dict[str, Any] = {
        "method": settings.method,
        "settings": settings.as_json(),
        "collection": {"name": collection.name, "fingerprint": collection.fingerprint},
        "n_pairs": len(made.pairs.texts),
        "n_terms": len(made.head.terms),
        "active_terms_train": active,
        "budget": Budget(settings.target_active_terms, active).as_json(),
    }
    if made.tuning:
        control = made.tuning.control
        training["tuning"] = {
            **asdict(made.tuning),
            "control": str(control),
            "draws_per": control.per,
        }
        training["device"] = training_device()
    if made.comparison:
        training["held_out"] = {**asdict(made.comparison), "kept": made.comparison.helps}
    return save_model(
        folder,
        head,
        vocabulary,
        card={"title": title or folder.name, "encoder": collection.encoder},
        training=training,
        metrics=_metrics(collection, head, vocabulary, settings.method, active),
        precision=torch.float16,
    )


def _metrics(
    collection: Collection, head: Projection, vocabulary: Vocabulary, method: str, active: float
) -> dict[str, Any]:
    """Measures on a split that has captions, `test` where it can be.

    Args:
        active: terms of a training image, all that is known without any captions.
    """
    for split in ("test", "val", "train"):
        if split in collection.splits and len(collection.caption_rows(split)):
            projected = project_split_with(collection, head, vocabulary, split)
            found = evaluate_split(
                projected, term_vectors=term_vectors_for(vocabulary), method=method
            )
            return {"split": split, **found}
    verdict = judge(Measured(collection.dense_size, active), method)
    return {"split": None, "verdict": verdict.as_json()}
