"""The command `train`: a head on the pairs of a collection."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import ModelError, QueryError
from lsr.storage.places import own_folder
from lsr.training.options import (
    add_training_options,
    training_option_names,
    training_settings,
)

if TYPE_CHECKING:  # reading a collection loads pyarrow
    from lsr.collection.collection import Collection
    from lsr.training.lexical.settings import LexicalReport, LexicalSettings

METHODS = ("tuned", "closed-form", "encoder-terms", "trained", "splice", "sae")
# What a method has besides; every other option is of training.
_OF_METHOD = {
    "closed-form": ("target_active_terms",),
    "tuned": ("target_active_terms", "control", "draws_per", "noise", "seed"),
    "encoder-terms": ("target_active_terms", "control", "draws_per", "noise", "seed"),
    "splice": ("target_active_terms",),
    "sae": ("target_active_terms", "batch_size", "learning_rate", "seed", "resume"),
}


def add_commands(add: Add) -> None:
    """`train`."""
    one = add("train", "Train a model.", train, model=False)
    one.add_argument("--out", required=True, metavar="NAME", help="name of the new model")
    one.add_argument(
        "--method",
        choices=METHODS,
        help="tuned: a head of the captions' own words, then some hundred steps; closed-form: "
        "without a step; encoder-terms: from images alone; trained: freely, step by step; splice: "
        "sums of the encoder's own term vectors; sae: an autoencoder with few active latents "
        "(tuned, or trained where an option of training is given)",
    )
    one.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    add_training_options(one)


def train(options: argparse.Namespace, log: Log) -> Answer:
    """A new model from the pairs of a collection."""
    from lsr.collection.collection import load_collection

    collection = load_collection(options.collection)
    others = [name for name in (*training_option_names(), "resume") if getattr(options, name)]
    method = options.method
    if method is None:
        method = "tuned" if set(others) <= set(_OF_METHOD["tuned"]) else "trained"
        if method == "tuned" and not len(collection.captions):
            method = "encoder-terms"
            log("There are no captions, so the encoder's own words take their place.")
    if method == "trained":
        return _trained(collection, options, log)
    if wrong := [name for name in others if name not in _OF_METHOD[method]]:
        known = ", ".join(f"--{name.replace('_', '-')}" for name in _OF_METHOD[method])
        raise QueryError(
            f"--{wrong[0].replace('_', '-')} belongs to training. Leave it out with --method "
            f"{method}, which takes {known}."
        )
    if method == "splice":
        return _splice(collection, options, log)
    if method == "sae":
        return _autoencoder(collection, options, log)
    return _lexical(collection, method, options, log)


def _splice(collection: Collection, options: argparse.Namespace, log: Log) -> Answer:
    """A model of sums of term vectors."""
    from lsr.training.splice import SpliceSettings, make_splice

    given = _given(options, {"target_active_terms": "target_active_terms"})
    folder = own_folder("models", options.out)
    for done, total in make_splice(collection, folder, SpliceSettings(**given)):
        log(f"terms become vectors: {done:,} of {total:,}")
    answer = {"model": options.out, "method": "splice", "epochs": []}
    return {**answer, **_of_model(folder, log)}


def _autoencoder(collection: Collection, options: argparse.Namespace, log: Log) -> Answer:
    """A model of an autoencoder's latents."""
    from lsr.training.autoencoder import make_autoencoder
    from lsr.training.autoencoder_settings import AutoencoderSettings

    names = {"target_active_terms": "k", "batch_size": "", "learning_rate": "", "seed": ""}
    given = _given(options, {name: other or name for name, other in names.items()})
    folder = own_folder("models", options.out)
    reports = []
    settings = AutoencoderSettings(**given)
    for report in make_autoencoder(collection, folder, settings, resume=options.resume):
        reports.append(asdict(report))
        log(
            f"step {report.step:,}/{report.steps:,}  {report.explained:.0%} of the variance  "
            f"{report.dead:,} dead latents  {report.seconds_left:.0f} s left"
        )
    answer = {"model": options.out, "method": "sae", "epochs": reports}
    return {**answer, **_of_model(folder, log)}


def _given(options: argparse.Namespace, names: dict[str, str]) -> dict[str, Any]:
    """The options that were given, by what a setting is called."""
    values = {setting: getattr(options, option) for option, setting in names.items()}
    return {setting: value for setting, value in values.items() if value is not None}


def _trained(collection: Collection, options: argparse.Namespace, log: Log) -> Answer:
    """A model trained freely, step by step."""
    from lsr.training.train_model import train_model
    from lsr.training.vocabulary_start import LEXICAL

    settings = training_settings(options)
    if settings.vocabulary_start == LEXICAL and options.hidden_size is None:
        settings = replace(settings, hidden_size=collection.dense_size)
    folder = own_folder("models", options.out)
    reports = []
    run = train_model(collection, folder, settings, resume=options.resume)
    for report in run:
        reports.append(asdict(report))
        log(
            f"epoch {report.epoch}/{report.epochs}  loss {report.relevance_loss:.3f}  "
            f"{_recall(report.measures)}active terms {report.active_terms_query:.0f} a "
            f"caption, {report.active_terms_image:.0f} an image  {report.seconds:.0f} s, "
            f"{report.seconds_left:.0f} s left"
        )
    answer = {"model": options.out, "method": "trained", "epochs": reports}
    return {**answer, **_of_model(folder, log)}


def _recall(measures: dict[str, float]) -> str:
    """R@1 on the validation split, where there is one."""
    return f"R@1 {measures['R@1']:.3f}  " if measures else ""


def _lexical(collection: Collection, method: str, options: argparse.Namespace, log: Log) -> Answer:
    """A model whose terms are words from the start."""
    from lsr.storage.files import read_json
    from lsr.training.lexical.labels import texts_of
    from lsr.training.lexical.make_model import make_lexical
    from lsr.training.splits import check_training_splits

    settings = lexical_settings(method, options)
    folder = own_folder("models", options.out)
    if method != "encoder-terms":
        check_training_splits(collection)
        texts = texts_of(collection, method)
        if texts.says:
            log(texts.says)
        log(settings.reasons(texts.captions + texts.labels))
    try:
        for report in make_lexical(collection, folder, settings):
            log(_in_words(report))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "Stopped. This head is made in one piece, so nothing of it is kept. Start it again."
        ) from None
    training = read_json(folder / "training.json", ModelError)
    log(
        f"{training['n_terms']:,} terms from {training['n_pairs']:,} texts, "
        f"{training['active_terms_train']:.0f} active in a training image"
    )
    if held_out := training.get("held_out"):
        log(
            f"Held-out captions ({held_out['where']}): MRR@10 {held_out['before']:.3f} in closed "
            f"form, {held_out['after']:.3f} tuned: the {'tuned' if held_out['kept'] else 'closed'} "
            "form is the model."
        )
    if added := training.get("added_terms"):
        log(added["says"])
    answer = {"model": options.out, "method": method, "epochs": []}
    told = {name: training.get(name) for name in ("held_out", "added_terms")}
    return {**answer, **_of_model(folder, log), **told}


def _in_words(report: LexicalReport) -> str:
    """A line on how far the making of a lexical model is."""
    if report.stage != "steps":
        return report.says
    parts = [f"step {report.step:,}/{report.steps:,}"]
    if report.fold:
        parts.append(f"fold {report.fold}/{report.folds}")
    if report.tuning:
        parts += [
            f"loss {report.tuning.loss:.3f}",
            f"active terms {report.tuning.active_terms_image:.0f} an image",
        ]
    if report.seconds_left is not None:
        parts.append(f"{report.seconds_left:.0f} s left")
    return "  ".join(parts)


def lexical_settings(method: str, options: argparse.Namespace) -> LexicalSettings:
    """What the options ask of a lexical method.

    Raises:
        QueryError: the control is none.
    """
    from lsr.model.expansion import parse_control
    from lsr.training.lexical.settings import LexicalSettings

    settings = LexicalSettings(method)  # type: ignore[arg-type]
    given = {name: getattr(options, name) for name in ("target_active_terms", "noise", "seed")}
    settings = replace(settings, **{n: v for n, v in given.items() if v is not None})
    if options.control or options.draws_per:
        control = parse_control(options.control or str(settings.tuning(1).control))
        settings = replace(settings, control=replace(control, per=options.draws_per or "caption"))
    return settings


def _of_model(folder: Path, log: Log) -> Answer:
    """What a finished model tells: its measures, whether its budget is met, and the verdict."""
    from lsr.storage.files import read_json

    metrics = read_json(folder / "metrics.json", ModelError)
    budget = read_json(folder / "training.json", ModelError).get("budget")
    if budget and not budget["ok"]:
        log(budget["says"])
    return {"metrics": metrics, "budget": budget, "verdict": metrics["verdict"]}
