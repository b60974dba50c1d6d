"""What `benchmarks.search` searches: images, queries, and the true ten of each query."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit

N_TERMS, EACH, K = 30_522, 110, 10
Answer = list[int]


@njit(cache=True)
def _draw(chances: Any, n: int, each: int, seed: int, terms: Any, weights: Any) -> None:
    np.random.seed(seed)
    seen = np.full(len(chances), -1, np.int64)
    for row in range(n):
        base = row * each
        count = 0
        while count < each:
            term = np.searchsorted(chances, np.random.random())
            if seen[term] != row:
                seen[term] = row
                terms[base + count] = term
                count += 1
        terms[base : base + each].sort()
        for i in range(each):
            weights[base + i] = np.log1p(np.random.exponential(1.0))


def drawn(n: int, each: int, offset: float, seed: int) -> sp.csr_matrix:
    """(n, N_TERMS) float32 with `each` entries a row."""
    share = 1 / (np.arange(1, N_TERMS + 1) + offset)
    chances = np.cumsum(share / share.sum())
    chances[-1] = 1
    terms, weights = np.empty(n * each, np.int32), np.empty(n * each, np.float32)
    _draw(chances, n, each, seed, terms, weights)
    return sp.csr_matrix((weights, terms, np.arange(n + 1) * each), shape=(n, N_TERMS))


@dataclass(frozen=True)
class Workload:
    """Images and sets of queries by name."""

    name: str
    images: sp.csr_matrix
    queries: dict[str, sp.csr_matrix]


def synthetic(n: int, n_queries: int, offset: float) -> Workload:
    """Images and queries of `drawn`."""
    queries = {f"{t} terms": drawn(n_queries, t, offset, t) for t in (15, 100)}
    return Workload(f"{n:,}", drawn(n, EACH, offset, 0), queries)


def bundled(n_queries: int) -> Workload:
    """The bundled collection with its model."""
    from lsr.collection.collection import load_collection
    from lsr.evaluation.projected import project_split
    from lsr.model.loading import load_model

    projected = project_split(load_collection("demo"), load_model("demo"), "test")
    captions = projected.captions.matrix
    rows = np.linspace(0, captions.shape[0] - 1, n_queries).astype(int)
    return Workload("demo", projected.images.matrix, {"captions": captions[rows]})


def rows_of(matrix: sp.csr_matrix) -> list[tuple[np.ndarray, np.ndarray]]:
    """(terms, weights) of every row."""
    bounds = zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    return [(matrix.indices[a:b], matrix.data[a:b]) for a, b in bounds]


def brute_force(images: sp.csr_matrix, query: tuple[np.ndarray, np.ndarray]) -> Answer:
    """The ten best by a float64 product with every image, ties by row."""
    dense = np.zeros(images.shape[1])
    dense[query[0]] = query[1]
    scores = images.astype(np.float64, copy=False) @ dense
    # Only what reaches the tenth score is sorted.
    least = np.partition(scores, -K)[-K] if len(scores) > K else 0.0
    rows = np.flatnonzero((scores >= least) & (scores > 0))
    return rows[np.lexsort((rows, -scores[rows]))][:K].tolist()


def recall(found: list[Answer], truth: list[Answer]) -> float:
    """Share of the true ten that were found."""
    pairs = zip(found, truth, strict=True)
    return statistics.mean(len({*a} & {*b}) / max(len(b), 1) for a, b in pairs)
