"""What every search engine offers."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from lsr.exceptions import QueryError


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
        split: str | None = None,
    ) -> list[Hit]:
        """The k best images that share a term with the query, fewer where fewer do.

        Args:
            terms, weights: (t,) term numbers, each once, and their weights ≥ 0.
            only: image ids that may be hits; all where None.
            split: the split whose images may be hits; all where None.
        """
        ...

    def vectors(self, image_ids: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(terms int32, weights float32) of some images, terms ascending: what scores are of."""
        ...


def check_query(
    terms: np.ndarray, weights: np.ndarray, k: int, n_terms: int
) -> tuple[np.ndarray, np.ndarray]:
    """Terms as int32 and weights as float32, where they can be searched with.

    Raises:
        QueryError: k is below 1, a weight is negative or not a number, or a term is out of range.
    """
    if k < 1:
        raise QueryError(f"k is {k}, but a search needs at least 1 result. Use k from 1 up.")
    terms, weights = np.asarray(terms, np.int32), np.asarray(weights, np.float32)
    if len(terms) and not (terms.min() >= 0 and terms.max() < n_terms):
        raise QueryError(f"A query term lies outside the vocabulary of {n_terms:,} terms.")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise QueryError("A query weight is negative or not a number. Use weights from 0 up.")
    return terms, weights
