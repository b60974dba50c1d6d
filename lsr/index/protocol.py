"""What every search engine offers."""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Iterable, Sequence
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


class SplitImages(frozenset[str]):
    """The ids of the images of a split, with its name: an engine may filter by that instead."""

    split: str

    def __new__(cls, split: str, image_ids: Iterable[str]) -> SplitImages:
        images = super().__new__(cls, image_ids)
        images.split = split
        return images


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
            only: image ids that may be hits, or `SplitImages`; all where None.
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
