"""The command `queries`: a query set brought to a collection, or taken along."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log
from lsr.exceptions import QueryError

if TYPE_CHECKING:
    from lsr.imports.query_files import QueryFile


def add_commands(add: Add) -> None:
    """`queries`."""
    one = add("queries", "Bring a query set to a collection, or take it along.", run, model=False)
    one.add_argument("action", choices=["import", "export"])
    one.add_argument(
        "file", nargs="?", help="import: lines of id, text and image id, or of text and image id"
    )
    one.add_argument("--queries", required=True, metavar="NAME", help="of the query set")
    one.add_argument(
        "--topics", metavar="FILE", help="import: topics of TREC or BEIR in place of a file"
    )
    one.add_argument("--qrels", metavar="FILE", help="import: the judgements of the topics")
    one.add_argument(
        "--name", metavar="NEW", help="import: of a new collection with the same images (this one)"
    )
    one.add_argument("--out", metavar="FOLDER", help="export: where the files go")
    one.add_argument("--format", default="tsv", help="export: tsv or trec (tsv)")


def run(options: argparse.Namespace, log: Log) -> Answer:
    """What was brought, or which files were written."""
    started = time.perf_counter()
    bring = options.action == "import"
    kept = ("out",) if bring else ("file", "topics", "qrels", "name")
    if idle := [one for one in kept if getattr(options, one) is not None]:
        named = "a file" if idle[0] == "file" else f"--{idle[0]}"
        raise QueryError(
            f"`queries {options.action}` does not take {named}. Leave it out, or use `queries "
            f"{'export' if bring else 'import'}`."
        )
    answer = _imported(options) if bring else _exported(options)
    return {**answer, "seconds": time.perf_counter() - started}


def _imported(options: argparse.Namespace) -> Answer:
    from lsr.collection.collection import load_collection
    from lsr.imports.query_sets import import_queries

    read = _read(options)
    made = import_queries(load_collection(options.collection), options.queries, read, options.name)
    return {
        "collection": made.collection.name,
        "queries": made.queries.name,
        "n_queries": len(made.queries),
        "n_answers": len(made.queries.image_rows),
        "not_relevant": made.not_relevant,
        "replaced": made.replaced,
    }


def _read(options: argparse.Namespace) -> QueryFile:
    from lsr.imports.query_files import read_trec, read_tsv

    trec = [one for one in (options.topics, options.qrels) if one is not None]
    if options.file is not None and not trec:
        return read_tsv(Path(options.file).expanduser())
    if options.file is None and len(trec) == 2:
        topics, qrels = (Path(one).expanduser() for one in trec)
        return read_trec(topics, qrels)
    raise QueryError("Give one file of lines, or both --topics and --qrels.")


def _exported(options: argparse.Namespace) -> Answer:
    from lsr.collection.collection import load_collection
    from lsr.exports.query_sets import export_queries

    if options.out is None:
        raise QueryError("Say with --out which folder the files go into.")
    out = Path(options.out).expanduser()
    collection = load_collection(options.collection)
    files = export_queries(collection, options.queries, out, options.format)
    found = collection.query_set(options.queries)
    return {
        "collection": collection.name,
        "queries": found.name,
        "format": options.format,
        "out": str(out),
        "n_queries": len(found),
        "n_answers": len(found.image_rows),
        "files": [{"name": one.path.name, "rows": one.rows} for one in files],
    }
