"""The command `copy`: collections and models into an object storage, and out of it."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log

if TYPE_CHECKING:  # reading a collection loads pyarrow
    from lsr.collection.collection import Collection
    from lsr.model.protocol import Model


def add_commands(add: Add) -> None:
    """`copy`."""
    does = "Copy a collection or model to an object storage or from it."
    one = add("copy", does, copy, collection=False, model=False)
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("--collection", help="name, folder or s3://…")
    what.add_argument("--model", help="name, folder or s3://…")
    one.add_argument(
        "--out", required=True, metavar="TARGET", help="s3://bucket/folder, or a new name here"
    )


def copy(options: argparse.Namespace, log: Log) -> Answer:
    """What was copied, and where it stands."""
    from lsr.collection.collection import load_collection
    from lsr.collection.copying import copy_here, send
    from lsr.model.loading import load_model
    from lsr.storage.remote import is_remote

    started = time.perf_counter()
    if options.collection:
        noun = "collection"
        made: Collection | Model = load_collection(options.collection)
    else:
        noun, made = "model", load_model(options.model)
    log(f"copying {noun} {made.name} to {options.out}")
    files, size = (send if is_remote(options.out) else copy_here)(made, options.out)
    return {
        noun: made.name,
        "out": options.out,
        "n_files": files,
        "bytes": size,
        "seconds": time.perf_counter() - started,
    }
