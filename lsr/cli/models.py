"""The commands `import-model`, `compare-models` and `match-terms`: models of any kind."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.answer import Add, Answer, Log, add_queries_option

if TYPE_CHECKING:  # it brings numpy and pyarrow, which `--help` does not need
    from lsr.imports.sparse.importing import SparseReport

_SECONDS_BETWEEN_LINES = 2.0


def add_commands(add: Add) -> None:
    """`import-model`, `compare-models` and `match-terms`."""
    _add_import_options(
        add("import-model", "Load a sparse model made elsewhere.", import_model, model=False)
    )
    two = add("compare-models", "Measure models beside each other.", compare, model=False)
    two.add_argument("--models", nargs="+", required=True, metavar="NAME", help="to be compared")
    two.add_argument("--split", default="test")
    two.add_argument(
        "--budgets",
        nargs="+",
        type=int,
        metavar="K",
        help="strongest terms that every vector keeps (4 8 16 32)",
    )
    two.add_argument("--chart", metavar="FILE", help="write the chart as a page of HTML")
    add_queries_option(two)
    words = add("match-terms", "What another model calls the terms of --model.", match)
    words.add_argument("--against", required=True, metavar="MODEL", help="the other model")
    words.add_argument("--split", default="test", help="where it is measured (test)")
    words.add_argument(
        "--term", action="append", default=[], metavar="WORD", help="only this term; repeatable"
    )
    add_queries_option(words)


def _add_import_options(one: argparse.ArgumentParser) -> None:
    """What is imported, and whose the vectors are."""
    one.add_argument(
        "source",
        help="sparse vectors: .npz, .jsonl, .parquet or .safetensors of the images, or a folder "
        "with those of images and captions; a published head; or a SparseEncoder, as a folder or, "
        "with --kind sparse-encoder, a hub name",
    )
    one.add_argument("--name", required=True, help="name of the new model")
    one.add_argument("--kind", help="recognised, or vectors, projection or sparse-encoder")
    one.add_argument("--captions", metavar="FILE", help="sparse vectors of the captions")
    one.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="tokenizer.json, vocab.txt, or a JSON list; terms are as they come without one",
    )
    labels = "CSV that says whose the rows are: columns row, "
    one.add_argument("--image-ids", metavar="CSV", help=f"{labels}id or image")
    one.add_argument("--caption-ids", metavar="CSV", help=f"{labels}id, or image and caption")
    one.add_argument(
        "--encoder", metavar="SPEC", default="", help="whose dense vectors a head reads"
    )


def import_model(options: argparse.Namespace, log: Log) -> Answer:
    """A model that others made, as an ordinary one."""
    from lsr.collection.collection import load_collection
    from lsr.imports.sparse.importing import SparseFiles, import_vectors
    from lsr.imports.sparse.kinds import import_head, kind_of_source
    from lsr.model.protocol import Model

    started = time.perf_counter()
    model: Model | None
    notes: list[str] = []
    kind = kind_of_source(options.source, options.kind)
    if kind == "projection":
        model = import_head(options.source, options.name, options.encoder)
    elif kind == "sparse-encoder":
        from lsr.imports.sparse.encoders import import_encoder

        collection = load_collection(options.collection)
        last = _logged(import_encoder(collection, options.source, options.name), log)
        model, notes = last.model, last.notes
    else:
        files = SparseFiles(
            options.source,
            options.captions,
            options.vocabulary,
            options.image_ids,
            options.caption_ids,
        )
        collection = load_collection(options.collection)
        last = _logged(import_vectors(collection, options.name, files), log)
        model, notes = last.model, last.notes
    assert model is not None  # noqa: S101  # the last report always has it
    for note in notes:
        log(note)
    return {
        "model": model.name,
        "kind": model.kind,
        "n_terms": len(model.vocabulary),
        "notes": notes,
        "seconds": time.perf_counter() - started,
    }


def _logged(reports: Iterable[SparseReport], log: Log) -> SparseReport:
    """The last report; a line for the first of each stage, and every few seconds."""
    said, side = 0.0, ""
    for report in reports:
        now = time.perf_counter()
        if report.side and (report.side != side or now - said > _SECONDS_BETWEEN_LINES):
            log(f"{report.side} {report.rows:,}" if report.rows else report.side)
            said, side = now, report.side
    return report


def compare(options: argparse.Namespace, log: Log) -> Answer:
    """Models on one split, with all their terms and at equal numbers of them."""
    from lsr.collection.collection import load_collection
    from lsr.model.loading import load_model
    from lsr.sweep.comparing import BUDGETS, compare_models

    collection = load_collection(options.collection)
    models = [load_model(name) for name in options.models]
    found = []
    budgets = options.budgets or BUDGETS
    for one in compare_models(collection, models, options.split, options.queries, budgets):
        found.append(one)
        log(f"{one.model}: R@1 {one.points[0].R1:.3f} with all terms")
    rows = [row for one in found for row in one.rows()]
    if options.chart:
        from lsr.figures.compared import compared_figure
        from lsr.figures.style import LIGHT
        from lsr.storage.files import replacing_file

        with replacing_file(Path(options.chart).expanduser()) as temporary:
            temporary.write_text(compared_figure(rows, found[0].dense, LIGHT).to_html(), "utf-8")
    return {
        "collection": collection.name,
        "split": options.split,
        "queries": options.queries or None,
        "dense_R@1": found[0].dense,
        "rows": rows,
    }


def match(options: argparse.Namespace, log: Log) -> Answer:
    """A dictionary between two models, and what it brings back of the other's R@1."""
    from lsr.collection.collection import load_collection
    from lsr.model.loading import load_model
    from lsr.sweep.term_matching import match_terms

    started = time.perf_counter()
    collection = load_collection(options.collection)
    model, other = load_model(options.model), load_model(options.against)
    wanted = {model.vocabulary.id_of(word) for word in options.term}
    log(f"matching the terms of {model.name} and {other.name}")
    found = match_terms(collection, model, other, options.split, options.queries)
    ours, theirs = model.vocabulary.terms, other.vocabulary.terms
    return {
        "model": model.name,
        "against": other.name,
        "learned_on": found.learned_on,
        "measured_on": found.measured_on,
        "queries": options.queries or None,
        "n_pairs": len(found.pairs),
        "R@1": {**asdict(found.found), "share": found.found.share},
        "pairs": [
            {
                "term": ours[pair.term],
                "other": theirs[pair.other],
                "sureness": pair.sureness,
                "cosine": pair.cosine,
                "runner_up": theirs[pair.runner_up] if pair.runner_up >= 0 else None,
            }
            for pair in found.pairs
            if not wanted or pair.term in wanted
        ],
        "seconds": time.perf_counter() - started,
    }
