"""Exact search in this process: an inverted index in numpy arrays, loops compiled by numba."""

from __future__ import annotations

from collections.abc import Collection as Container

import numpy as np

from lsr.exceptions import QueryError
from lsr.index import kernels
from lsr.index.protocol import Hit
from lsr.sparse import SparseVectors


class MemoryIndex:
    """An inverted index over sparse image vectors.

    Rows inside are sorted by image id, so that equal scores come out in the order of the ids.
    """

    engine = "memory"

    def __init__(self, images: SparseVectors) -> None:
        order = sorted(range(len(images)), key=images.ids.__getitem__)
        self.images = images.select(order)
        postings = self.images.matrix.tocsc()
        postings.sort_indices()
        self.starts = postings.indptr.astype(np.int64, copy=False)
        self.rows = postings.indices.astype(np.int32, copy=False)
        self.weights = postings.data.astype(np.float32, copy=False)
        self._row_of = {image_id: row for row, image_id in enumerate(self.images.ids)}
        # Reads the compiled loops from their cache now, so that no search waits for it.
        self.search(np.zeros(0, np.int32), np.zeros(0, np.float32), 1)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def n_terms(self) -> int:
        return len(self.starts) - 1

    def row_of(self, image_id: str) -> int:
        """The row of an image inside this index."""
        return self._row_of[image_id]

    def postings(self, term: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows, weights) of the images that activate a term, rows ascending."""
        span = slice(self.starts[term], self.starts[term + 1])
        return self.rows[span], self.weights[span]

    def score_all(self, terms: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n,) float32: the inner product of the query with every image.

        Raises:
            QueryError: a weight is negative or not a number, or a term is out of range.
        """
        terms, weights = np.asarray(terms, np.int32), np.asarray(weights, np.float32)
        if len(terms) and not (terms.min() >= 0 and terms.max() < self.n_terms):
            raise QueryError(f"A query term lies outside the vocabulary of {self.n_terms:,} terms.")
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise QueryError("A query weight is negative or not a number. Use weights from 0 up.")
        scores = np.zeros(len(self), np.float32)
        kernels.score_images(self.starts, self.rows, self.weights, terms, weights, scores)
        return scores

    def search(
        self,
        terms: np.ndarray,
        weights: np.ndarray,
        k: int,
        only: Container[str] | None = None,
    ) -> list[Hit]:
        """See `lsr.index.protocol.Index.search`.

        Raises:
            QueryError: k is below 1, or a term or weight cannot be used.
        """
        if k < 1:
            raise QueryError(f"k is {k}, but a search needs at least 1 result. Use k from 1 up.")
        scores = self.score_all(terms, weights)
        allowed = np.ones(len(self), bool)
        if only is not None:
            allowed = np.fromiter((i in only for i in self.images.ids), bool, len(self))
        best = kernels.best_rows(scores, allowed, max(min(k, len(self)), 1))
        return [Hit(self.images.ids[row], float(scores[row])) for row in best]
