"""Image ids as rows of an index: in ascending order, of several parts, and chosen by filters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection as Container
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa

from lsr.index.protocol import ImageSubset

if TYPE_CHECKING:
    from lsr.index.memory.segment import Segment

# Up to so many ids are looked up one by one; more are compared with every id of the index.
_FEW = 1_000


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

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:
        """The same memory as a column of Arrow's, for what compares or looks up many ids."""
        buffers = [None, pa.py_buffer(self.ends), pa.py_buffer(self.text)]
        found = pa.Array.from_buffers(pa.large_string(), len(self), buffers)
        return found if type is None else found.cast(type)

    def __iter__(self) -> Iterator[str]:
        text, ends = self.text.tobytes(), self.ends.tolist()
        for start, stop in pairwise(ends):
            yield text[start:stop].decode()


def find(ids: Sequence[str], image_id: str) -> int | None:
    """The row of an id among ascending ids, or None."""
    row = bisect_left(ids, image_id)
    return row if row < len(ids) and ids[row] == image_id else None


class RowOf(Mapping[str, int]):
    """The row of every one of ascending ids, looked up among them."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids

    def __getitem__(self, image_id: str) -> int:
        if (row := find(self._ids, image_id)) is None:
            raise KeyError(image_id)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def merged(
    segments: Sequence[Segment], alive: Sequence[np.ndarray | None]
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The living ids of all parts, ascending, and for every part the row of each of its ids."""
    ids = [image_id for segment in segments for image_id in segment.ids]
    living = np.concatenate(
        [
            np.ones(len(segment), bool) if one is None else one
            for segment, one in zip(segments, alive, strict=True)
        ]
    )
    order = sorted(np.flatnonzero(living).tolist(), key=ids.__getitem__)
    row_here = np.full(len(ids), -1, np.int32)
    row_here[order] = np.arange(len(order), dtype=np.int32)
    ends = np.cumsum([len(segment) for segment in segments])[:-1]
    return tuple(ids[i] for i in order), np.split(row_here, ends)


class RowFilter:
    """Which rows some ids have; for a frozen set the answer is kept, as it may be asked again.

    A subset of the same ids tells its rows, so that no id is read.

    Args:
        ids: of all rows, ascending.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._known: Any = lru_cache(maxsize=16)(self._found)
        # What was last compared with all ids, and whether it is the same.
        self._compared: tuple[Sequence[str], bool] = ids, True

    def __call__(self, only: Container[str]) -> np.ndarray:
        """(n,) bool, to be changed by who asked."""
        if isinstance(only, ImageSubset) and self._same(only.ids):
            return only.passing.copy()
        return self._known(only).copy() if isinstance(only, frozenset) else self._found(only)

    def _same(self, ids: Sequence[str]) -> bool:
        if self._compared[0] is not ids:
            self._compared = ids, len(ids) == len(self._ids) and ids == self._ids
        before, same = self._compared
        return same if before is ids else self._same(ids)

    def _found(self, only: Container[str]) -> np.ndarray:
        if len(only) > _FEW:
            only = only if isinstance(only, Set) else set(only)
            return np.fromiter((i in only for i in self._ids), bool, len(self._ids))
        allowed = np.zeros(len(self._ids), bool)
        allowed[[row for i in only if (row := find(self._ids, i)) is not None]] = True
        return allowed
