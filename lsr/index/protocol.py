"""What every search engine offers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection as Container
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp


class Hit(NamedTuple):
    """An image that shares a term with the query, and its score above 0."""

    image_id: str
    score: float


class Found(NamedTuple):
    """Hits with what makes their scores: a hit's weights times the query's add up to its score.

    image_ids: best first. scores (hits,) float64. image_weights (hits, t) float32: what each of the
    query's terms weighs in each image, 0 where it is not active.
    """

    image_ids: list[str]
    scores: np.ndarray
    image_weights: np.ndarray


class ImageSubset(Container[str]):
    """Some of the images that are searched: as ids, and by rows or a split where an engine can.

    Args:
        ids: of all images that are searched, ascending.
        passing: (n,) bool, which of them are in the subset.
        split: its name, where the subset is all images of a split that are searched.
    """

    def __init__(self, ids: Sequence[str], passing: np.ndarray, split: str | None = None) -> None:
        self.ids, self.passing, self.split = ids, passing, split

    def __len__(self) -> int:
        return int(np.count_nonzero(self.passing))

    def __iter__(self) -> Iterator[str]:
        return (self.ids[row] for row in np.flatnonzero(self.passing).tolist())

    def __contains__(self, image_id: object) -> bool:
        if not isinstance(image_id, str):
            return False
        row = bisect_left(self.ids, image_id)
        return row < len(self.ids) and self.ids[row] == image_id and bool(self.passing[row])


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
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[Hit]:
        """The k best images that share a term with the query, fewer where fewer do.

        Args:
            terms, weights: (t,) term numbers, each once, and their weights ≥ 0.
            only: image ids that may be hits, such as an `ImageSubset`; all where None.
            include: terms that every hit activates. exclude: terms that no hit activates.

        Raises:
            QueryError: k is not from 1 to MAX_K, or a term or weight cannot be used.
        """
        ...

    def find(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> Found:
        """As `search`, with what each term of the query weighs in each hit."""
        ...

    def search_many(
        self,
        queries: sp.csr_matrix,
        k: int,
        only: Container[str] | None = None,
        *,
        include: Iterable[int] = (),
        exclude: Iterable[int] = (),
    ) -> list[list[Hit]]:
        """The hits of many queries (m, V), each as `search` gives them."""
        ...

    def vectors(self, image_ids: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """(terms int32, weights float32) of some images, terms ascending: what scores are of."""
        ...
