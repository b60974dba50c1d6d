"""The command `evaluate`: a model beside its teacher."""

from __future__ import annotations

import argparse

from lsr.cli.answer import Add, Answer, Log, add_queries_option


def add_commands(add: Add) -> None:
    """`evaluate`."""
    one = add("evaluate", "Measure a model beside its teacher.", evaluate)
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")
    add_queries_option(one)


def evaluate(options: argparse.Namespace, log: Log) -> Answer:
    """The measures of a model on a split, beside its teacher."""
    from lsr.collection.collection import load_collection
    from lsr.evaluation.evaluate import evaluate
    from lsr.model.loading import load_model

    collection, model = load_collection(options.collection), load_model(options.model)
    return evaluate(collection, model, options.split, options.direction, options.queries)
