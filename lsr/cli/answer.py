"""What every command of the command line shares: its options, its log and its answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Protocol

Answer = dict[str, Any]
"""What a command answers: a dictionary with the documented keys."""
Log = Callable[[str], None]
"""Says a line of progress on standard error."""
Run = Callable[[argparse.Namespace, Log], Answer]


def add_queries_option(one: argparse.ArgumentParser) -> None:
    """`--queries` of the commands that measure."""
    one.add_argument(
        "--queries", default="", metavar="NAME", help="a query set in place of the captions"
    )


def add_engine_option(one: argparse.ArgumentParser) -> None:
    """`--engine` of the commands that spread their work."""
    one.add_argument(
        "--engine",
        default="threads",
        help="threads of this process, or ray, at RAY_ADDRESS or on this machine (threads)",
    )


class Add(Protocol):
    """Adds a command to the parser and gives its own parser, for its options."""

    def __call__(
        self, name: str, does: str, run: Run, *, collection: bool = True, model: bool = True
    ) -> argparse.ArgumentParser: ...
