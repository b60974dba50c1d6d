"""The command `evaluate`: a model beside its teacher."""

from __future__ import annotations

import argparse

from lsr.cli.answer import Add, Answer, Log


def add_commands(add: Add) -> None:
    """`evaluate`."""
    one = add("evaluate", "Measure a model beside its teacher.", evaluate)
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")


def evaluate(options: argparse.Namespace, log: Log) -> Answer:
    """The measures of a model on a split, beside its teacher."""
    from lsr.collection.collection import load_collection
    from lsr.encoders.loading import can_encode, load_encoder
    from lsr.evaluation.evaluate import evaluate, evaluate_probes, term_vectors_for
    from lsr.evaluation.projected import project_split
    from lsr.evaluation.task import check_direction
    from lsr.model.checkpoint import load_model

    check_direction(options.direction)
    collection = load_collection(options.collection)
    model = load_model(options.model)
    projected = project_split(collection, model, options.split)
    log(f"{len(projected.captions):,} captions and {len(projected.images):,} images projected")
    vectors = term_vectors_for(model.vocabulary)
    answer = evaluate(projected, options.direction, vectors)
    if collection.probes and can_encode(collection.encoder):
        probes = evaluate_probes(collection, model, load_encoder(collection.encoder))
        answer["unseen_words"] = probes
    return answer
