"""Columns of text as sequences that need no string for every row: a row is read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import index
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Up to so many rows are strings at once, which is quicker.
FEW = 2**17
_BLOCK = 2**16


class Texts(Sequence[str]):
    """A column of text.

    Args:
        column: without anything missing.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self.column = column

    @cached_property
    def _few(self) -> list[str] | None:
        return self.column.to_pylist() if len(self.column) <= FEW else None

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if self._few is not None:
            return self._few[row]
        if isinstance(row, slice):
            return list(self.column[row].to_pylist())
        return str(self.column[index(row)].as_py())

    def __iter__(self) -> Iterator[str]:
        if self._few is not None:
            yield from self._few
            return
        for chunk in self.column.iterchunks():
            for start in range(0, len(chunk), _BLOCK):
                yield from chunk.slice(start, _BLOCK).to_pylist()

    def __contains__(self, text: object) -> bool:
        if self._few is not None:
            return text in self._few
        return isinstance(text, str) and bool(pc.index(self.column, text).as_py() >= 0)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Texts):
            return bool(self.column.equals(other.column))
        if hasattr(other, "__arrow_array__"):
            theirs = pa.chunked_array([pa.array(other)])
            return bool(self.column.cast(theirs.type).equals(theirs))
        if isinstance(other, Sequence):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def index(self, text: str, start: int = 0, stop: int | None = None) -> int:
        """The first row of a text.

        Raises:
            ValueError: there is none.
        """
        span = range(len(self))[start:stop]
        row = int(pc.index(self.column.slice(span.start, len(span)), text).as_py())
        if row < 0:
            raise ValueError(f"{text!r} is not there")
        return span.start + row

    def at(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """The texts of some rows, in their order."""
        if self._few is not None:
            return [self._few[row] for row in rows]
        if len(rows) <= FEW:
            return [self[row] for row in rows]
        return list(self.of(np.asarray(rows, np.int64)))

    def of(self, rows: np.ndarray) -> Texts:
        """The texts of some rows, in their order, as a column."""
        whole = len(rows) == len(self) and (rows == np.arange(len(self))).all()
        return self if whole else Texts(self.column.take(pa.array(rows)))

    def __repr__(self) -> str:
        return f"Texts({self[:3]!r}, {len(self):,} in all)"


class Ids(Texts):
    """Ids that tell rows from each other."""

    @cached_property
    def _row_of(self) -> dict[str, int] | None:
        few = self._few
        return None if few is None else {one: row for row, one in enumerate(few)}

    @cached_property
    def _order(self) -> np.ndarray | None:
        """(n,) rows by ascending id; None where they ascend as they are, each once."""
        column = self.column
        if pc.all(pc.less(column[:-1], column[1:])).as_py() is not False:
            return None
        return pc.sort_indices(column).to_numpy().astype(np.int32)

    @property
    def ascending(self) -> np.ndarray:
        """(n,) int: rows by ascending id."""
        return np.arange(len(self)) if self._order is None else self._order

    @cached_property
    def distinct(self) -> int:
        """How many different ids there are."""
        if self._row_of is not None:
            return len(self._row_of)
        if self._order is None:
            return len(self)
        return int(pc.count_distinct(self.column).as_py())

    def row(self, one: str) -> int | None:
        """The row of an id, None where there is none."""
        if self._row_of is not None:
            return self._row_of.get(one)
        low, high, order = 0, len(self), self._order
        while low < high:
            middle = (low + high) // 2
            if self[middle if order is None else int(order[middle])] < one:
                low = middle + 1
            else:
                high = middle
        if low == len(self):
            return None
        row = low if order is None else int(order[low])
        return row if self[row] == one else None

    def rows(self, ids: pa.ChunkedArray) -> np.ndarray:
        """(m,) int64: the row of each of some ids, -1 where there is none."""
        if self._row_of is not None:
            known = self._row_of
            return np.fromiter((known.get(one, -1) for one in ids.to_pylist()), np.int64, len(ids))
        # Captions mostly stand in the order of their images, and so need no look-up.
        begins = pc.not_equal(ids[1:], ids[:-1])
        of_first = pa.chunked_array([*ids[:1].chunks, *ids[1:].filter(begins).chunks], ids.type)
        if of_first.equals(self.column):
            return np.concatenate([[0], np.cumsum(begins.to_numpy(), dtype=np.int64)])
        found = pc.index_in(ids, value_set=self.column.combine_chunks())
        return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)
