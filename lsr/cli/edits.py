"""The command `edit-terms`: merge, rename or delete terms of a model."""

from __future__ import annotations

import argparse
import time

from lsr.cli.answer import Add, Answer, Log, add_queries_option


def add_commands(add: Add) -> None:
    """`edit-terms`."""
    one = add("edit-terms", "Merge, rename or delete terms, and measure what that does.", edit)
    one.add_argument(
        "--edit",
        action="append",
        default=[],
        required=True,
        metavar="EDIT",
        help="merge:dogs:dog, rename:puppy:little-dog or delete:the; repeatable, in this order",
    )
    one.add_argument("--split", default="test", help="where it is measured (test)")
    one.add_argument("--out", metavar="NAME", help="keep the edited model under this name")
    add_queries_option(one)


def edit(options: argparse.Namespace, log: Log) -> Answer:
    """Accuracy and cost before and after edits of terms."""
    from lsr.collection.collection import load_collection
    from lsr.model.edited import edit_terms, save_edited_as
    from lsr.model.loading import load_model
    from lsr.model.term_edits import parse_edits
    from lsr.sweep.edited_terms import SHOWN, measure_edits

    started = time.perf_counter()
    edits = parse_edits(",".join(options.edit))
    collection, model = load_collection(options.collection), load_model(options.model)
    log(f"{len(edits)} edits of {model.name}")
    found = measure_edits(collection, model, edits, options.split, options.queries)
    saved = save_edited_as(options.out, edit_terms(model, edits)) if options.out else None
    return {
        "model": model.name,
        "split": options.split,
        "queries": options.queries or None,
        "edits": [one.in_words() for one in edits],
        "before": {name: found.before[name] for name in SHOWN},
        "after": {name: found.after[name] for name in SHOWN},
        "saved": saved.name if saved else None,
        "seconds": time.perf_counter() - started,
    }
