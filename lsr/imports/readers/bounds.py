"""How long a source is looked through, and how many of its files, before an answer is due."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple, TypeVar

from lsr.exceptions import CollectionError, shorten

Entry = TypeVar("Entry")
MOST_FILES = 2_000_000


class _Bounds(NamedTuple):
    """files: of each look. seconds: of all looks together. ends: when they are over."""

    files: int
    seconds: float
    ends: float


_BOUNDS: ContextVar[_Bounds] = ContextVar("bounds")
_NONE = _Bounds(MOST_FILES, math.inf, math.inf)


@contextmanager
def within(files: int, seconds: float) -> Iterator[None]:
    """Let every look through a source that happens in the block end by then.

    Args:
        files: files and folders that one look may meet.
        seconds: that all looks may take together.
    """
    token = _BOUNDS.set(_Bounds(files, seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _BOUNDS.reset(token)


class Look:
    """One look through a source, which counts what it meets."""

    def __init__(self, label: str) -> None:
        self._label = shorten(label)
        self._bounds = _BOUNDS.get(_NONE)
        self._met = 0

    def over(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries as they are, each counted.

        Raises:
            CollectionError: these are too many, or it takes too long.
        """
        for entry in entries:
            self._met += 1
            if self._met > self._bounds.files:
                raise CollectionError(
                    f"`{self._label}` holds more than {self._bounds.files:,} files and folders, "
                    "the most that are looked through here. Import it in parts."
                )
            if time.monotonic() > self._bounds.ends:
                raise CollectionError(
                    f"Looking through `{self._label}` took more than {self._bounds.seconds:g} s, "
                    f"the most that is allowed here; it met {self._met:,} files and folders. "
                    "Import it in parts, or with the command line."
                )
            yield entry


def entries_in(folder: Path) -> Iterator[Path]:
    """What lies in a folder itself, each counted.

    Raises:
        CollectionError: as `Look.over`.
    """
    return Look(folder.name).over(folder.iterdir())
