"""The commands `export` and `split-shards`: vectors, runs and pictures for other tools."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from lsr.cli.answer import Add, Answer, Log, add_queries_option

# Written out, because reading them from their room would load numpy and pyarrow for every `--help`.
FORMATS = "anserini, anserini-float, trec, ciff, csv, parquet or sentence-transformers"


def add_commands(add: Add) -> None:
    """`export` and `split-shards`."""
    _add_export_options(add("export", "Write vectors and runs for other tools.", export))
    does = "Write pictures and captions as WebDataset shards."
    one = add("split-shards", does, split_shards, model=False)
    one.add_argument(
        "--out", required=True, metavar="FOLDER", help="a folder of its own, or s3://…"
    )
    one.add_argument(
        "--images-per-shard", type=int, default=10_000, metavar="N", help="at most (10000)"
    )


def _add_export_options(one: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    one.add_argument("--format", required=True, metavar="NAME", help=FORMATS)
    one.add_argument(
        "--out", required=True, metavar="FOLDER", help="a folder of its own, or s3://…"
    )
    one.add_argument("--split", default="test", help="a split, or all (test)")
    one.add_argument(
        "--side",
        default="both",
        help="images, captions or both; where there are queries, what they search (both)",
    )
    one.add_argument("--dense-only", action="store_true", help="no terms, no model (csv, parquet)")
    one.add_argument("--k", type=int, default=100, metavar="N", help="hits a query in a run (100)")
    one.add_argument(
        "--scale", type=int, default=100, metavar="N", help="times a weight, rounded (100)"
    )
    add_queries_option(one)


def export(options: argparse.Namespace, log: Log) -> Answer:
    """Which files were written, with their rows and bytes."""
    from lsr.exports.exporting import CARD
    from lsr.storage.remote import written_there

    with written_there(options.out, CARD) as folder:
        return {**_exported(options, folder, log), "out": options.out}


def _exported(options: argparse.Namespace, folder: Path, log: Log) -> Answer:
    from lsr.exports.exporting import Exported, ExportRequest, run_export

    request = ExportRequest(
        options.collection,
        None if options.dense_only else options.model,
        options.format,
        folder,
        options.split,
        options.side,
        options.k,
        options.scale,
        options.queries,
    )
    answer: Answer = {}
    for report in run_export(request):
        if isinstance(report, Exported):
            answer = {
                "out": str(report.folder),
                "format": request.format,
                "collection": request.collection,
                "model": request.model,
                "split": request.split,
                "queries": request.queries or None,
                "files": [asdict(one) for one in report.files],
                "notes": list(report.notes),
                "seconds": report.seconds,
            }
        else:
            what = "vectors " if report.reads else ""
            log(f"{report.file}  {what}{report.done:,}/{report.total:,}")
    return answer


def split_shards(options: argparse.Namespace, log: Log) -> Answer:
    """Which shards were written."""
    from lsr.collection.collection import load_collection
    from lsr.exports.exporting import CARD
    from lsr.exports.shards import Sharded, write_shards
    from lsr.storage.remote import written_there

    started = time.perf_counter()
    collection = load_collection(options.collection)
    answer: Answer = {}
    with written_there(options.out, CARD) as folder:
        for report in write_shards(collection, folder, options.images_per_shard):
            if isinstance(report, Sharded):
                answer = {
                    "out": options.out,
                    "collection": collection.name,
                    "n_images": report.n_images,
                    "files": [asdict(one) for one in report.files],
                    "notes": list(report.notes),
                }
            else:
                log(f"{report.file}  {report.done:,}/{report.total:,}")
    return {**answer, "seconds": time.perf_counter() - started}
