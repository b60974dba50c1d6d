"""Sets of image ids as rows of an index."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from lsr.index.memory.rows import find

# Up to so many ids are looked up one by one; more are compared with every id of the index.
_FEW = 1_000


class RowFilter:
    """Which rows some ids have; for a frozen set the answer is kept, since a split is asked often.

    Args:
        ids: of all rows, ascending.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._known: Any = lru_cache(maxsize=16)(self._found)

    def __call__(self, only: Container[str]) -> np.ndarray:
        """(n,) bool, to be changed by who asked."""
        return self._known(only).copy() if isinstance(only, frozenset) else self._found(only)

    def _found(self, only: Container[str]) -> np.ndarray:
        if len(only) > _FEW:
            return np.fromiter((i in only for i in self._ids), bool, len(self._ids))
        allowed = np.zeros(len(self._ids), bool)
        allowed[[row for i in only if (row := find(self._ids, i)) is not None]] = True
        return allowed
