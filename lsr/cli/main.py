"""The command line: `python -m lsr COMMAND`. Answers go to stdout, progress to stderr."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from lsr.cli import ablate, encoders, export, imports, lists, search, sweep, vectors
from lsr.cli.text import as_text
from lsr.exceptions import InputError
from lsr.index.engines import ENGINES
from lsr.training.options import add_training_options


def _common(*, collection: bool = True, model: bool = True) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    if collection:
        parser.add_argument("--collection", default="demo", help="name or folder (demo)")
    if model:
        parser.add_argument("--model", default="demo", help="name or folder (demo)")
    return parser


def build_parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    parser = _Parser(prog="python -m lsr", description="See the words an image activates.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    plain = _common(collection=False, model=False)
    full = _common()

    def add(name: str, does: str, run: Any, parents: list[Any]) -> argparse.ArgumentParser:
        one = subparsers.add_parser(name, help=does, description=does, parents=parents)
        one.set_defaults(run=run)
        return one

    add("collections", "List the collections.", lists.list_collections, [plain])
    add("models", "List the models.", lists.list_models, [plain])

    one = add("search", "Search images with words or a picture.", search.search, [full])
    one.add_argument("query", nargs="?", help="a few words")
    one.add_argument("--k", type=int, help="most results (10)")
    one.add_argument(
        "--engine", choices=ENGINES, default="memory", help="which engine answers (memory)"
    )
    one.add_argument("--image", metavar="FILE", help="search with this picture instead of words")
    one.add_argument(
        "--expansion", choices=["on", "off"], default="on", help="off: only terms the text says"
    )
    one.add_argument("--max-query-terms", type=int, metavar="N", help="keep the N strongest terms")
    one.add_argument(
        "--boost",
        action="append",
        default=[],
        metavar="TERM=FACTOR",
        help="multiply the weight of a term of the query; may be given again",
    )
    one.add_argument(
        "--mute",
        action="append",
        default=[],
        metavar="TERM",
        help="leave a term out of the query; may be given again",
    )
    search.add_search_options(one)

    one = add("index", "Build and store an index.", search.index, [full])
    search.add_index_options(one)

    one = add("inspect", "Show the terms an image activates.", lists.inspect, [full])
    one.add_argument("image", help="an image id or a picture file")
    one.add_argument("--top", type=int, default=20, help="most terms (20)")

    one = add("term", "Show the images a term activates.", lists.term, [full])
    one.add_argument("word", help="a term of the vocabulary")
    one.add_argument("--top", type=int, default=12, help="most images and terms (12)")

    one = add("evaluate", "Measure a model beside its teacher.", lists.evaluate, [full])
    one.add_argument("--split", default="test")
    one.add_argument("--direction", default="text-to-image", help="or image-to-text")

    one = add("sweep", "Sparsity against accuracy over one knob.", sweep.sweep, [full])
    sweep.add_sweep_options(one)

    one = add(
        "cheapest",
        "Find the cheapest setting that keeps the accuracy.",
        sweep.cheapest,
        [full],
    )
    sweep.add_cheapest_options(one)

    one = add("report", "Write all curves into a folder.", sweep.report, [full])
    sweep.add_report_options(one)

    one = add("train", "Train a model.", lists.train, [_common(model=False)])
    one.add_argument("--out", required=True, metavar="NAME", help="name of the new model")
    one.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    add_training_options(one)

    one = add("ablate", "Train a grid of heads.", ablate.ablate, [_common(model=False)])
    ablate.add_ablate_options(one)

    one = add("import", "Load pictures or what others made.", imports.run, [plain])
    imports.add_import_options(one)

    one = add("encoder", "Load and check an encoder.", encoders.encoder, [plain])
    one.add_argument("encoder", metavar="SPEC", help="such as clip:FOLDER or lavis:albef")

    one = add("convert", "Convert a LAVIS checkpoint.", encoders.convert, [plain])
    encoders.add_convert_options(one)

    one = add("encode", "Encode a collection with another encoder.", vectors.encode, [plain])
    vectors.add_encode_options(one)

    one = add("attach", "Use vectors computed elsewhere.", vectors.attach, [plain])
    vectors.add_attach_options(one)

    one = add("fetch", "Get what the paper's authors publish.", vectors.fetch, [plain])
    vectors.add_fetch_options(one)

    one = add("export", "Write vectors and runs for other tools.", export.export, [full])
    export.add_export_options(one)

    one = add("world", "Rebuild the bundled collection.", lists.world_build, [plain])
    one.add_argument("action", choices=["build"])
    one.add_argument("--out", default="assets", help="folder to write into (assets)")
    one.add_argument("--work", default="build/world", help="folder for unfinished work")
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        sys.stderr.write(f"{message[0].upper()}{message[1:]}. See `{self.prog} --help`.\n")
        raise SystemExit(2)


def _log(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it answered, 2 with one line on a user's mistake."""
    given = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(given)
    options.line = shlex.join(["python", "-m", "lsr", *given])
    try:
        answer = options.run(options, _log)
    except InputError as problem:
        _log(str(problem))
        return 2
    except KeyboardInterrupt:
        _log("Stopped. What was reported is kept.")
        return 130
    try:
        text = json.dumps(answer, ensure_ascii=False) if options.json else as_text(answer)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`); leave without a complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
