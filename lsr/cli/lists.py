"""What each command of the command line answers: a dictionary with the documented keys."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lsr.collection.collection import load_collection
from lsr.encoders.loading import can_encode, load_encoder
from lsr.exceptions import CollectionError, ModelError, QueryError
from lsr.model.checkpoint import load_model
from lsr.storage.files import read_json
from lsr.storage.places import find, folders, own_folder
from lsr.training.options import training_settings

Answer = dict[str, Any]
Log = Callable[[str], None]


def list_collections(_: argparse.Namespace, log: Log) -> Answer:
    """The collections that are installed."""
    cards = [
        (folder, read_json(folder / "collection.json", CollectionError))
        for folder in folders("collections")
    ]
    return {
        "collections": [
            {
                "name": folder.name,
                "title": card.get("title", folder.name),
                "n_images": card.get("counts", {}).get("images", 0),
                "n_captions": card.get("counts", {}).get("captions", 0),
                "encoder": card.get("encoder"),
            }
            for folder, card in cards
        ]
    }


def list_models(_: argparse.Namespace, log: Log) -> Answer:
    """The models that are installed."""
    cards = [(f, read_json(f / "config.json", ModelError)) for f in folders("models")]
    return {
        "models": [
            {
                "name": folder.name,
                "title": card.get("title", folder.name),
                "encoder": card.get("encoder"),
                "dense_size": card.get("dense_size"),
                "hidden_size": card.get("hidden_size"),
                "vocabulary_size": card.get("vocabulary_size"),
            }
            for folder, card in cards
        ]
    }


def inspect(options: argparse.Namespace, log: Log) -> Answer:
    """The strongest terms of an image or a picture file."""
    from lsr.exceptions import UnknownNameError
    from lsr.search.searcher import Searcher
    from lsr.storage.pictures import read_picture

    searcher = Searcher.open(options.collection, options.model)
    try:
        seen = searcher.inspect(options.image, options.top)
    except UnknownNameError:
        path = Path(options.image)
        # A name without a folder or an ending is meant as an id, so that message stands.
        if "\0" in options.image or not (path.suffix or path.parent.name or path.exists()):
            raise
        seen = searcher.inspect_picture(read_picture(path), path.name, options.top)
    return {
        "image_id": seen.image_id,
        "terms": [term._asdict() for term in seen.terms],
        "active_terms": seen.active_terms,
        "captions": seen.captions,
    }


def term(options: argparse.Namespace, log: Log) -> Answer:
    """The images that a term activates."""
    from lsr.search.searcher import Searcher

    if options.top < 1:
        raise QueryError(f"The number of images is {options.top}. Use 1 or more.")
    card = Searcher.open(options.collection, options.model).term(options.word, options.top)
    return {
        "term": card.term,
        "document_frequency": card.document_frequency,
        "images": [{"image_id": i, "weight": w} for i, w in card.images],
        "co_activated": [other._asdict() for other in card.co_activated],
    }


def evaluate(options: argparse.Namespace, log: Log) -> Answer:
    """The measures of a model on a split, beside its teacher."""
    from lsr.evaluation.evaluate import evaluate, evaluate_probes, term_vectors_for
    from lsr.evaluation.judged import judge
    from lsr.evaluation.task import check_direction

    check_direction(options.direction)
    collection = load_collection(find("collections", options.collection))
    model = load_model(find("models", options.model))
    judged = judge(collection, model, options.split)
    log(f"{len(judged.captions):,} captions and {len(judged.images):,} images projected")
    vectors = term_vectors_for(model.vocabulary)
    answer = evaluate(judged, options.direction, vectors)
    if collection.probes and can_encode(collection.encoder):
        probes = evaluate_probes(collection, model, load_encoder(collection.encoder))
        answer["unseen_words"] = probes
    return answer


def train(options: argparse.Namespace, log: Log) -> Answer:
    """A new model from the pairs of a collection."""
    from lsr.training.train_model import train_model

    settings = training_settings(options)
    folder = own_folder("models", options.out)
    reports = []
    collection = load_collection(find("collections", options.collection))
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


def world_build(options: argparse.Namespace, log: Log) -> Answer:
    """The bundled collection, encoder and models, remade from the font."""
    from lsr.world.build import build

    stages = []
    for report in build(Path(options.work).expanduser(), Path(options.out).expanduser()):
        log(f"{report.stage}: {report.done}/{report.total}  {report.note}")
        if report.done == report.total:
            stages.append({"stage": report.stage, "seconds": report.seconds})
    return {"out": options.out, "stages": stages}
