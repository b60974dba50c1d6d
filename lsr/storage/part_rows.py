"""Rows of several arrays read as those of one, each where it lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class PartRows:
    """The (n, d) rows of some arrays, one after the other; only what is asked for is read.

    It is indexed as an array is, by a slice or by rows, and gives arrays. `np.asarray` reads all.
    """

    ndim = 2

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = tuple(parts)
        self.dtype = np.result_type(*self.parts)
        self._ends = np.cumsum([0, *(len(part) for part in self.parts)])
        self.shape = int(self._ends[-1]), int(self.parts[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (row for part in self.parts for row in part)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.concatenate(self.parts, dtype=dtype or self.dtype)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """(rows, d), in the order that is asked for.

        Raises:
            IndexError: there is no such row.
        """
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return self._span(start, max(start, stop))
            rows = np.arange(start, stop, step)
        wanted = np.asarray(rows)
        if wanted.dtype == bool:
            wanted = np.flatnonzero(wanted)
        wanted = np.where(wanted < 0, wanted + len(self), wanted).astype(np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of {len(self)}")
        found = np.empty((len(wanted), self.shape[1]), self.dtype)
        whose = np.searchsorted(self._ends, wanted, "right") - 1
        for number in np.unique(whose):
            mine = whose == number
            found[mine] = self.parts[number][wanted[mine] - self._ends[number]]
        return found

    def _span(self, start: int, stop: int) -> np.ndarray:
        pieces = [
            part[max(start - first, 0) : max(stop - first, 0)]
            for part, first in zip(self.parts, self._ends, strict=False)
        ]
        held = [piece for piece in pieces if len(piece)]
        if len(held) == 1:
            return held[0].astype(self.dtype, copy=False)
        return np.concatenate(held or pieces[:1], dtype=self.dtype)
