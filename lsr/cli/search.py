"""Commands around the index: build it, search with a query or with a whole file of them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.lists import Answer, Log
from lsr.exceptions import QueryError, shorten
from lsr.index.engines import ENGINES

if TYPE_CHECKING:
    from lsr.search.results import SearchSettings
    from lsr.search.searcher import Searcher

_DEFAULT_K = 10


def add_search_options(one: argparse.ArgumentParser) -> None:
    """The options of `search` that name filters and files."""
    one.add_argument("--split", help="only images of this split")
    one.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="TERM",
        help="only images that activate this term",
    )
    one.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="TERM",
        help="no image that activates this term",
    )
    one.add_argument(
        "--queries", metavar="FILE", help="search with each line, a text or ID<TAB>text"
    )
    one.add_argument(
        "--run", metavar="OUT", dest="out", help="with --queries: the TREC run to write"
    )


def add_index_options(one: argparse.ArgumentParser) -> None:
    """The options of `index`."""
    one.add_argument(
        "--engine", choices=ENGINES, default="memory", help="where it is searched (memory)"
    )
    one.add_argument("--again", action="store_true", help="in Milvus: remove what is there first")
    one.add_argument("--weights", default="float32", help="float32, float16 or int8 (float32)")


def search(options: argparse.Namespace, log: Log) -> Answer:
    """Images for a text or a picture, with reasons."""
    from lsr.search.query import check_text
    from lsr.search.results import hits_as_json
    from lsr.search.searcher import SearchSettings
    from lsr.storage.pictures import read_picture

    settings = SearchSettings(
        k=_DEFAULT_K if options.k is None else options.k,
        expansion=options.expansion == "on",
        max_query_terms=options.max_query_terms,
        boost=dict(_boost(text) for text in options.boost),
        mute=tuple(options.mute),
        split=options.split,
        include=tuple(options.include),
        exclude=tuple(options.exclude),
    )
    if options.queries is not None:
        return _search_file(options, settings, log)
    if (options.query is None) == (options.image is None):
        raise QueryError("Give either a query text or --image FILE, and not both.")
    if options.out is not None:
        raise QueryError("--run writes the hits of a query file. Name one with --queries FILE.")
    if options.image is None:
        check_text(options.query)
        result = _opened(options).search_text(options.query, settings)
    else:
        path = Path(options.image)
        picture = read_picture(path)
        result = _opened(options).search_picture(picture, path.name, settings)
    return {
        "query": result.query,
        "query_terms": [term._asdict() for term in result.query_terms],
        "hits": hits_as_json(result.hits),
        "seconds": result.seconds,
    }


def _opened(options: argparse.Namespace) -> Searcher:
    """The searcher of a collection that has as many images as are asked for."""
    from lsr.index.limits import MAX_K
    from lsr.search.searcher import Searcher

    searcher = Searcher.open(options.collection, options.model, options.engine)
    n = len(searcher.index)
    if options.k is not None and options.k > n:
        raise QueryError(
            f"k is {options.k:,}, but collection `{options.collection}` has {n:,} images. Use --k "
            f"from 1 to {min(n, MAX_K):,}."
        )
    return searcher


def _boost(text: str) -> tuple[str, float]:
    word, _, factor = text.rpartition("=")
    try:
        return word, float(factor)
    except ValueError:
        message = f"`{shorten(text)}` is no boost. Write it as term=1.5."
        raise QueryError(message) from None


def _search_file(options: argparse.Namespace, settings: SearchSettings, log: Log) -> Answer:
    """Search with every query of a file and write a TREC run."""
    from lsr.search.trec_run import read_queries, write_run

    if options.query is not None or options.image is not None:
        raise QueryError("--queries already names the queries. Leave out the text and --image.")
    if options.out is None:
        raise QueryError("--queries needs a file for the results. Name it with --run OUT.")
    started = time.perf_counter()
    queries = read_queries(Path(options.queries))
    searcher = _opened(options)
    n_hits = 0
    for report in write_run(searcher, queries, Path(options.out), settings):
        n_hits = report.hits
        log(f"{report.done:,} of {report.total:,} queries, {report.hits:,} hits")
    return {
        "run": options.out,
        "n_queries": len(queries),
        "n_hits": n_hits,
        "seconds": time.perf_counter() - started,
    }


def index(options: argparse.Namespace, log: Log) -> Answer:
    """Build and store the index of a collection and a model."""
    from lsr.collection.collection import load_collection
    from lsr.index.memory.files import save_index
    from lsr.index.memory.precision import check_precision
    from lsr.index.memory.stored import index_folder, made_from
    from lsr.model.checkpoint import load_model
    from lsr.search.searcher import projected_index
    from lsr.storage.places import find

    precision = check_precision(options.weights)
    if options.engine == "milvus":
        if precision != "float32":
            raise QueryError("Milvus keeps weights as float32. Leave out --weights.")
        return _index_in_milvus(options, log)
    if options.again:
        raise QueryError("--again is for Milvus; an index of this process is always built anew.")
    started = time.perf_counter()
    collection = load_collection(find("collections", options.collection))
    model = load_model(find("models", options.model))
    built = projected_index(collection, model, precision)
    log(f"{len(built):,} images projected")
    marks = collection.fingerprint, model.fingerprint
    folder = index_folder(*marks)
    stored = save_index(built, folder, made_from(*marks))
    return {
        "collection": options.collection,
        "model": options.model,
        "engine": stored.engine,
        "n_images": len(stored),
        "n_postings": int(stored.document_frequency.sum()),
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
        "seconds": time.perf_counter() - started,
    }


def _index_in_milvus(options: argparse.Namespace, log: Log) -> Answer:
    """The images of a collection, stored in the Milvus of `$LEXISCOPE_MILVUS_URI`."""
    from lsr.collection.collection import load_collection
    from lsr.evaluation.judged import check_fit
    from lsr.index.milvus.of_collection import build_milvus, milvus_name
    from lsr.index.milvus.server import place_from_environment
    from lsr.model.checkpoint import load_model
    from lsr.storage.places import find

    collection = load_collection(find("collections", options.collection))
    model = load_model(find("models", options.model))
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
