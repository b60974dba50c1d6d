"""From a collection to a lexical model: pairs or labels, head, tuning where it helps, metrics."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lsr.collection.collection import Collection
from lsr.evaluation.evaluate import (
    evaluate_split,
    function_words,
    making_told,
    term_vectors_for,
)
from lsr.evaluation.measured import Making, Measured
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import project_split_with
from lsr.evaluation.verdict import judge
from lsr.model.checkpoint import save_model
from lsr.model.expansion_thresholds import ENTRY, ExpansionThresholds
from lsr.model.projection import Projection
from lsr.model.protocol import Model
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.folders import remove_folder
from lsr.storage.places import BUNDLED_ENCODER
from lsr.training.budget import Budget
from lsr.training.device import training_device
from lsr.training.lexical.added_terms import frequent_terms
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form_by_parts
from lsr.training.lexical.head import LexicalHead
from lsr.training.lexical.held_out import Checked, check, cross_validated, n_folds
from lsr.training.lexical.material import gather
from lsr.training.lexical.settings import LexicalReport, LexicalSettings, TuningSettings
from lsr.training.lexical.steps import Steps
from lsr.training.lexical.tuning import Tuning
from lsr.training.parts import told
from lsr.training.run_folder import PROGRESS, is_followed, run_folder, run_to_itself


@dataclass(frozen=True)
class _Made:
    head: LexicalHead
    pairs: Pairs
    checked: Checked | None
    tuning: TuningSettings | None


def make_lexical(
    collection: Collection,
    folder: Path,
    settings: LexicalSettings | None = None,
    *,
    title: str = "",
    bundled_encoder: Path = BUNDLED_ENCODER,
) -> Iterator[LexicalReport]:
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
        if is_followed(work):
            remove_folder(work)


def _noted(
    making: Generator[LexicalReport, None, _Made], work: Path
) -> Generator[LexicalReport, None, _Made]:
    """The reports, each also written down where a page follows the run."""

    def note(report: LexicalReport) -> LexicalReport:
        if is_followed(work):
            write_json(work / PROGRESS, asdict(report))
        return report

    return told(making, note)


def _made(
    collection: Collection, vocabulary: Vocabulary, settings: LexicalSettings
) -> Generator[LexicalReport, None, _Made]:
    material = yield from gather(collection, vocabulary, settings)
    pairs = material.pairs

    def fit(some: Pairs) -> Generator[tuple[int, int], None, LexicalHead]:
        own = ClosedFormSettings(settings.target_active_terms)
        return closed_form_by_parts(some, vocabulary, material.stopped, own)

    start = yield from told(fit(pairs), lambda part: LexicalReport("terms", *part))
    if settings.method == "closed-form":
        return _Made(start, pairs, None, None)
    chosen, device = settings.tuning(len(pairs.texts)), training_device()
    folds = 0
    if settings.method == "tuned" and material.validation is None:
        folds = n_folds(len(pairs.image_vectors))
    steps = Steps(chosen.steps, folds)
    tuning = Tuning(start, pairs, vocabulary, chosen, device)
    yield from map(steps.report, tuning.run())
    if settings.method == "encoder-terms":
        return _Made(tuning.head, pairs, None, chosen)
    if material.validation is not None:
        held_out, images = material.validation, pairs.image_vectors
        checked = check(start, tuning.head, images, held_out, vocabulary, chosen.seed, device)
    else:
        checking = cross_validated(pairs, fit, vocabulary, chosen, device)
        checked = yield from told(checking, lambda one: steps.report(one.tuning, one.fold))
    return _Made(tuning.head if checked.comparison.helps else start, pairs, checked, chosen)


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
        "n_labels": int((made.pairs.caption_rows < 0).sum()),
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
    if made.checked:
        compared = made.checked.comparison
        training["held_out"] = {**asdict(compared), "kept": compared.helps}
    thresholds = _thresholds(made, head, vocabulary)
    card: dict[str, Any] = {"title": title or folder.name, "encoder": collection.encoder}
    if made.checked and thresholds:
        card[ENTRY] = thresholds.as_json()
        training["added_terms"] = made.checked.added.as_json()
    return save_model(
        folder,
        head,
        vocabulary,
        card=card,
        training=training,
        metrics=_metrics(collection, head, vocabulary, thresholds, making_told(training), active),
        precision=torch.float16,
    )


def _thresholds(
    made: _Made, head: Projection, vocabulary: Vocabulary
) -> ExpansionThresholds | None:
    """Those of a tuned head; None where tuning was not kept, or all added terms are worth it."""
    if not made.checked or not made.checked.comparison.helps or not made.checked.added.chosen:
        return None
    frequent = frequent_terms(head, made.pairs.image_vectors)
    return made.checked.added.thresholds(frequent, vocabulary)


def _metrics(
    collection: Collection,
    head: Projection,
    vocabulary: Vocabulary,
    thresholds: ExpansionThresholds | None,
    making: Making,
    active: float,
) -> dict[str, Any]:
    """Measures on a split that has captions, `test` where it can be.

    Args:
        active: terms of a training image, all that is known without any captions.
    """
    for split in ("test", "val", "train"):
        if split in collection.splits and len(collection.caption_rows(split)):
            projected = project_split_with(
                collection, head, vocabulary, split, thresholds=thresholds
            )
            found = evaluate_split(
                projected,
                term_vectors=term_vectors_for(vocabulary),
                making=making,
                empty_words=function_words(vocabulary),
            )
            return {"split": split, **found}
    verdict = judge(Measured(collection.dense_size, active), making)
    return {"split": None, "verdict": verdict.as_json()}
