"""The command line: `python -m lsr COMMAND`. Answers go to stdout, progress to stderr."""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lsr.cli import (
    ablate,
    app,
    copy,
    doctor,
    edits,
    encoders,
    evaluate,
    export,
    failures,
    imports,
    index,
    join,
    lists,
    models,
    queries,
    search,
    sweep,
    train,
    vectors,
    world,
)
from lsr.cli.answer import Run
from lsr.cli.text import as_text
from lsr.exceptions import InputError
from lsr.storage.places import home
from lsr.storage.room import disk_full, is_no_room

# In the order of the help.
_ROOMS = (
    lists,
    search,
    index,
    evaluate,
    failures,
    sweep,
    train,
    ablate,
    imports,
    models,
    edits,
    encoders,
    vectors,
    join,
    copy,
    queries,
    export,
    app,
    doctor,
    world,
)


# Seconds in which a second signal says no more than the first.
_PATIENCE = 2.0


@functools.cache
def build_parser() -> argparse.ArgumentParser:
    """Every command with its options, made once for all calls of `main` in a process."""
    name = "lexiscope" if Path(sys.argv[0]).stem == "lexiscope" else "python -m lsr"
    parser = _Parser(prog=name, description="See the words an image activates.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, does: str, run: Run, *, collection: bool = True, model: bool = True
    ) -> argparse.ArgumentParser:
        one = subparsers.add_parser(name, help=does, description=does)
        one.add_argument("--json", action="store_true", help="answer with one JSON object")
        if collection:
            one.add_argument("--collection", default="demo", help="name, folder or s3://… (demo)")
        if model:
            one.add_argument("--model", default="demo", help="name, folder or s3://… (demo)")
        one.set_defaults(run=run)
        return one

    for room in _ROOMS:
        room.add_commands(add)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        sys.stderr.write(f"{message[0].upper()}{message[1:]}. See `{self.prog} --help`.\n")
        raise SystemExit(2)


def _log(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class _Interrupt:
    """Ends a command on SIGTERM and on Ctrl+C; who is impatient does not cut short how it ends."""

    def __init__(self) -> None:
        self._last = -math.inf

    def __call__(self, *_: object) -> None:
        now = time.monotonic()
        if now - self._last > _PATIENCE:
            self._last = now
            raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it answered, 2 with one line on a user's mistake."""
    if arguments is None:  # a process of its own, not a call from other code
        interrupt = _Interrupt()
        signal.signal(signal.SIGTERM, interrupt)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            signal.signal(signal.SIGINT, interrupt)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # Windows would write its own code page
                stream.reconfigure(encoding="utf-8")
    given = sys.argv[1:] if arguments is None else arguments
    if strange := [one for one in given if any("\ud800" <= letter <= "\udfff" for letter in one)]:
        _log(f"The argument {strange[0]!a} is not UTF-8. Type it again, or rename the file.")
        return 2
    options = build_parser().parse_args(given)
    options.line = shlex.join(["python", "-m", "lsr", *given])
    try:
        # Only the answer goes to standard output, whatever a package that is at work prints.
        with contextlib.redirect_stdout(sys.stderr):
            answer = options.run(options, _log)
    except InputError as problem:
        _log(str(problem))
        return 2
    except Exception as problem:
        if not is_no_room(problem):
            raise
        _log(str(disk_full(home())))  # whoever wrote did not say so itself
        return 2
    except KeyboardInterrupt as stopped:
        if arguments is None:  # however late another signal comes, it does not cut this line
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _log(str(stopped) or "Stopped. What was reported is kept.")
        return 130
    try:
        text = json.dumps(answer, ensure_ascii=False) if options.json else as_text(answer)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`); leave without a complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
