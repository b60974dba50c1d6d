"""The command `join`: collections imported apart as one."""

from __future__ import annotations

import argparse
import time

from lsr.cli.answer import Add, Answer, Log


def add_commands(add: Add) -> None:
    """`join`."""
    one = add("join", "Make one collection of several.", join, collection=False, model=False)
    one.add_argument("collections", nargs="+", metavar="COLLECTION", help="name, folder or s3://…")
    one.add_argument("--name", required=True, metavar="NEW", help="of the new collection")
    one.add_argument(
        "--in-shards",
        action="store_true",
        help="vectors and pictures stay where they are and are read there",
    )


def join(options: argparse.Namespace, log: Log) -> Answer:
    """What was joined, and what got another name."""
    from lsr.collection.collection import load_collection
    from lsr.collection.joining import Joined, join_collections

    started = time.perf_counter()
    parts = [load_collection(place) for place in options.collections]
    answer: Answer = {}
    for report in join_collections(parts, options.name, in_shards=options.in_shards):
        if isinstance(report, Joined):
            for note in report.notes:
                log(note)
            answer = {
                "collection": report.collection.name,
                "encoder": report.collection.encoder,
                "n_images": len(report.collection.images),
                "n_captions": len(report.collection.captions),
                "parts": [
                    {
                        "name": part.name,
                        "n_images": len(part.images),
                        "fingerprint": part.fingerprint,
                    }
                    for part in parts
                ],
                "renamed": report.renamed,
                "queries": report.collection.query_sets,
                "notes": list(report.notes),
            }
        else:
            log(f"{report.stage} {report.done:,}/{report.total:,}")
    return {**answer, "seconds": time.perf_counter() - started}
