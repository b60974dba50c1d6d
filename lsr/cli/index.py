"""The command `index`: build and store the index of a collection and a model."""

from __future__ import annotations

import argparse
import time

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import QueryError
from lsr.index.engines import ENGINES


def add_commands(add: Add) -> None:
    """`index`."""
    one = add("index", "Build and store an index.", index)
    one.add_argument(
        "--engine",
        choices=(*ENGINES, "ray"),
        default="memory",
        help="where it is searched; or ray, which projects the images for memory (memory)",
    )
    one.add_argument("--again", action="store_true", help="in Milvus: remove what is there first")
    one.add_argument("--weights", default="float32", help="float32, float16 or int8 (float32)")


def index(options: argparse.Namespace, log: Log) -> Answer:
    """Build and store the index of a collection and a model."""
    from lsr.collection.collection import load_collection
    from lsr.index.memory.files import index_folder, index_origin, save_index, share_index
    from lsr.index.memory.precision import check_precision
    from lsr.model.loading import load_model
    from lsr.search.searcher import projected_index
    from lsr.storage.spreading import spreading

    precision = check_precision(options.weights)
    if options.engine == "milvus":
        if precision != "float32":
            raise QueryError("Milvus keeps weights as float32. Leave out --weights.")
        return _index_in_milvus(options, log)
    if options.again:
        raise QueryError("--again is for Milvus; an index of this process is always built anew.")
    started = time.perf_counter()
    collection = load_collection(options.collection)
    model = load_model(options.model)
    with spreading("ray" if options.engine == "ray" else "threads") as spread:
        built = projected_index(collection, model, precision, spread)
    log(f"{len(built):,} images projected")
    marks = collection.fingerprint, model.fingerprint
    folder = index_folder(*marks)
    stored = save_index(built, folder, index_origin(*marks))
    shared = share_index(folder)
    return {
        "collection": options.collection,
        "model": options.model,
        "engine": stored.engine,
        "n_images": len(stored),
        "n_postings": int(stored.document_frequency.sum()),
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
        **({"address": shared} if shared else {}),
        "seconds": time.perf_counter() - started,
    }


def _index_in_milvus(options: argparse.Namespace, log: Log) -> Answer:
    """The images of a collection, stored in the Milvus of `$LEXISCOPE_MILVUS_URI`."""
    from lsr.collection.collection import load_collection
    from lsr.evaluation.projected import check_fit
    from lsr.index.milvus.of_collection import build_milvus, milvus_name
    from lsr.index.milvus.server import place_from_environment
    from lsr.model.loading import load_model

    collection = load_collection(options.collection)
    model = load_model(options.model)
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
