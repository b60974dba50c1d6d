"""The command `search`: with words, a picture, or a whole file of queries."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import QueryError, shorten
from lsr.index.engines import ENGINES

if TYPE_CHECKING:
    from lsr.search.results import SearchResult, SearchSettings
    from lsr.search.searcher import Searcher

_DEFAULT_K = 10
_SHARE = 0.5  # of a picture beside words
_REPEATED = (
    (
        "--boost",
        "TERM=FACTOR",
        "multiply the weight of a term of the query; may be given again",
    ),
    ("--mute", "TERM", "leave a term out of the query; may be given again"),
    ("--include", "TERM", "only images that activate this term"),
    ("--exclude", "TERM", "no image that activates this term"),
)


def add_commands(add: Add) -> None:
    """`search`."""
    one = add("search", "Search images with words or a picture.", search)
    one.add_argument("query", nargs="?", help="a few words, or terms with weights: lion:2, desert")
    one.add_argument("--k", type=int, help="most results (10)")
    one.add_argument(
        "--engine", choices=ENGINES, default="memory", help="which engine answers (memory)"
    )
    one.add_argument(
        "--image", metavar="FILE", help="search with this picture, alone or together with words"
    )
    one.add_argument("--share", type=float, help="of the picture beside words, from 0 to 1 (0.5)")
    one.add_argument(
        "--expansion", choices=["on", "off"], default="on", help="off: only terms the text says"
    )
    one.add_argument("--max-query-terms", type=int, metavar="N", help="keep the N strongest terms")
    one.add_argument("--split", help="only images of this split")
    for name, metavar, does in _REPEATED:
        one.add_argument(name, action="append", default=[], metavar=metavar, help=does)
    one.add_argument(
        "--queries",
        metavar="FILE",
        help="search with each line: a text, ID<TAB>text, or BEIR's queries.jsonl",
    )
    one.add_argument(
        "--run", metavar="OUT", dest="out", help="with --queries: the TREC run to write"
    )


def search(options: argparse.Namespace, log: Log) -> Answer:
    """Images for a text, a picture or both, or for terms alone, with reasons."""
    from lsr.search.results import SearchSettings, hits_as_json

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
    if options.query is None and options.image is None:
        raise QueryError("Give a query text, --image FILE, or both.")
    if options.share is not None and (options.query is None or options.image is None):
        raise QueryError("--share needs words and a picture. Give a text and --image FILE.")
    if options.out is not None:
        raise QueryError("--run writes the hits of a query file. Name one with --queries FILE.")
    result = (_by_words if options.image is None else _by_picture)(options, settings, log)
    return {
        "query": result.query,
        "query_terms": [term._asdict() for term in result.query_terms],
        "hits": hits_as_json(result.hits),
        "seconds": result.seconds,
    }


def _by_words(options: argparse.Namespace, settings: SearchSettings, log: Log) -> SearchResult:
    from lsr.search.forms import parse_terms
    from lsr.search.query import check_text

    check_text(options.query)
    if weights := parse_terms(options.query):
        return _opened(options).search_terms(weights, options.query, settings)
    return _opened(options).search_text(options.query, settings)


def _by_picture(options: argparse.Namespace, settings: SearchSettings, log: Log) -> SearchResult:
    from lsr.encoders.drawn_scenes import drawn_scenes
    from lsr.search.forms import check_share
    from lsr.storage.pictures import read_picture

    share = _SHARE if options.share is None else options.share
    check_share(share)
    path = Path(options.image)
    picture = read_picture(path)
    searcher = _opened(options)
    if warning := drawn_scenes(searcher.collection.encoder):
        log(warning)
    items = searcher.picture_items(picture)
    if options.query is None:
        return searcher.search_items(items, path.name, settings)
    return searcher.search_mixed(options.query, items, share, settings)


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
    if not options.out:
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
