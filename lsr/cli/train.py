"""The command `train`: a head on the pairs of a collection."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import ModelError, QueryError
from lsr.storage.places import own_folder
from lsr.training.options import (
    add_training_options,
    training_option_names,
    training_settings,
)

METHODS = ("trained", "closed-form")
# What a head in closed form has besides; every other option is of training.
_OF_BOTH = ("target_active_terms",)


def add_commands(add: Add) -> None:
    """`train`."""
    one = add("train", "Train a model.", train, model=False)
    one.add_argument("--out", required=True, metavar="NAME", help="name of the new model")
    one.add_argument(
        "--method",
        choices=METHODS,
        default="trained",
        help="trained step by step, or closed-form: seconds, from vectors and captions (trained)",
    )
    one.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    add_training_options(one)


def train(options: argparse.Namespace, log: Log) -> Answer:
    """A new model from the pairs of a collection."""
    from lsr.collection.collection import load_collection
    from lsr.storage.files import read_json
    from lsr.training.train_model import train_model

    if options.method == "closed-form":
        return _closed_form(options, log)
    settings = training_settings(options)
    folder = own_folder("models", options.out)
    reports = []
    collection = load_collection(options.collection)
    run = train_model(collection, folder, settings, resume=options.resume)
    for report in run:
        reports.append(asdict(report))
        log(
            f"epoch {report.epoch}/{report.epochs}  loss {report.relevance_loss:.3f}  "
            f"R@1 {report.measures['R@1']:.3f}  active terms {report.active_terms_query:.0f} a "
            f"caption, {report.active_terms_image:.0f} an image  {report.seconds:.0f} s, "
            f"{report.seconds_left:.0f} s left"
        )
    metrics = read_json(folder / "metrics.json", ModelError)
    return {"model": options.out, "epochs": reports, "metrics": metrics}


def _closed_form(options: argparse.Namespace, log: Log) -> Answer:
    """A model without a training step."""
    from lsr.collection.collection import load_collection
    from lsr.storage.files import read_json
    from lsr.training.closed_form import ClosedFormSettings, make_closed_form

    names = [*training_option_names(), "resume"]
    others = [name for name in names if getattr(options, name) and name not in _OF_BOTH]
    if others:
        raise QueryError(
            f"--{others[0].replace('_', '-')} belongs to training. Leave it out with --method "
            "closed-form, whose only setting is --target-active-terms."
        )
    settings = ClosedFormSettings()
    if options.target_active_terms is not None:
        settings = replace(settings, target_active_terms=options.target_active_terms)
    folder = own_folder("models", options.out)
    model = make_closed_form(load_collection(options.collection), folder, settings)
    training = read_json(folder / "training.json", ModelError)
    log(
        f"{training['n_terms']:,} terms from {training['n_pairs']:,} captions, "
        f"{training['active_terms_train']:.0f} active in a training image"
    )
    metrics = read_json(folder / "metrics.json", ModelError)
    return {"model": model.name, "epochs": [], "metrics": metrics}
