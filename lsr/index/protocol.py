"""What every search engine offers."""

from __future__ import annotations

from collections.abc import Collection as Container
from typing import NamedTuple, Protocol

import numpy as np


class Hit(NamedTuple):
    """An image that shares a term with the query, and its score above 0."""

    image_id: str
    score: float


class Index(Protocol):
    """Exact search by inner product. Hits: score descending, ties by image id."""

    @property
    def engine(self) -> str: ...

    def __len__(self) -> int: ...

    def search(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
    ) -> list[Hit]:
        """The k best images that share a term with the query, fewer where fewer do.

        Args:
            terms, weights: (t,) term numbers and their weights ≥ 0.
            only: image ids that may be hits; all where None.
        """
        ...
