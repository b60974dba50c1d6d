"""The command `train`: a head on the pairs of a collection."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import ModelError
from lsr.storage.places import own_folder
from lsr.training.options import add_training_options, training_settings


def add_commands(add: Add) -> None:
    """`train`."""
    one = add("train", "Train a model.", train, model=False)
    one.add_argument("--out", required=True, metavar="NAME", help="name of the new model")
    one.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    add_training_options(one)


def train(options: argparse.Namespace, log: Log) -> Answer:
    """A new model from the pairs of a collection."""
    from lsr.collection.collection import load_collection
    from lsr.storage.files import read_json
    from lsr.training.train_model import train_model

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
