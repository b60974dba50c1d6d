"""Image ids in ascending order, as they lie in a file: their bytes and where each ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np


class IdTable(Sequence[str]):
    """Ids that are decoded when they are asked for, so that a large index opens at once.

    Args:
        ends: (n + 1,) int64, where the ids begin and end in `text`.
        text: uint8, their UTF-8 bytes one after the other.
    """

    def __init__(self, ends: np.ndarray, text: np.ndarray) -> None:
        self.ends, self.text = ends, text

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdTable:
        """The table of some ids."""
        parts = [one.encode() for one in ids]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return cls(ends, np.frombuffer(b"".join(parts), np.uint8))

    def __len__(self) -> int:
        return len(self.ends) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self):,} ids")
        start, stop = self.ends[row % len(self)], self.ends[row % len(self) + 1]
        return self.text[start:stop].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        text, ends = self.text.tobytes(), self.ends.tolist()
        for start, stop in pairwise(ends):
            yield text[start:stop].decode()


def find(ids: Sequence[str], image_id: str) -> int | None:
    """The row of an id among ascending ids, or None."""
    row = bisect_left(ids, image_id)
    return row if row < len(ids) and ids[row] == image_id else None
