"""`python -m lsr index`: what a search engine needs, made before the first search."""

from __future__ import annotations

import argparse
import time

from lsr.catalog import find
from lsr.checkpoint import Model, load_model
from lsr.collection import Collection, load_collection
from lsr.commands import Answer, Log
from lsr.engines import build_milvus, milvus_name
from lsr.index.milvus_server import place_from_environment
from lsr.judged import check_fit


def add_index_options(parser: argparse.ArgumentParser) -> None:
    """The options of `index`."""
    parser.add_argument("--engine", choices=["milvus"], default="milvus")
    parser.add_argument("--again", action="store_true", help="remove what is there and start anew")


def index(options: argparse.Namespace, log: Log) -> Answer:
    """The images of a collection, stored where an engine searches them."""
    collection = load_collection(find("collections", options.collection))
    return index_in_milvus(collection, load_model(find("models", options.model)), options, log)


def index_in_milvus(
    collection: Collection, model: Model, options: argparse.Namespace, log: Log
) -> Answer:
    """The images of a collection, stored in the Milvus of `$LEXISCOPE_MILVUS_URI`."""
    check_fit(collection, model)
    place = place_from_environment()
    started = time.perf_counter()
    for report in build_milvus(collection, model, place, again=options.again):
        log(
            f"{report.done:,} of {report.total:,} images  {report.per_second:,.0f} a second, "
            f"{report.seconds_left:,.0f} s left"
        )
    return {
        "engine": "milvus",
        "place": str(place),
        "name": milvus_name(collection, model),
        "n_images": len(collection.searchable_rows),
        "seconds": time.perf_counter() - started,
    }
