"""Work that yields after each part of it, so that it can be followed and stopped in between."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

Part = TypeVar("Part")
Report = TypeVar("Report")
Made = TypeVar("Made")


def returned(work: Generator[Any, None, Made]) -> Made:
    """What the work returns once all of it is done."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: Made = end.value
            return made


def told(
    work: Generator[Part, None, Made], report: Callable[[Part], Report]
) -> Generator[Report, None, Made]:
    """The work, with what `report` makes of each of its parts."""
    while True:
        try:
            part = next(work)
        except StopIteration as end:
            made: Made = end.value
            return made
        yield report(part)
