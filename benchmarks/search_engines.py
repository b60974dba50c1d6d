"""The engines that `benchmarks.search` compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.search_workloads import Answer, K, brute_force, recall, rows_of
from lsr.index.memory import MemoryIndex
from lsr.sparse import SparseVectors

ENGINES = ("ours-float32", "ours-float16", "ours-int8", "scipy", "topn", "seismic", "brute")
# Postings kept a term, blocks visited: from quick to careful.
SEISMIC = [(5, 0.9), (8, 0.8), (10, 0.7), (15, 0.6), (30, 0.5), (100, 0.3), (100, 0.0)]


class Engine:
    """An engine over images; a batch is one call."""

    name = ""

    def __init__(self, images: sp.csr_matrix) -> None:
        self.images = images

    def prepare(self, queries: sp.csr_matrix, truth: list[Answer]) -> None:
        """Choose settings for a set of queries, outside of the time measured."""

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any: ...

    many: Callable[[sp.csr_matrix, int], Any] | None = None

    def rows(self, answer: Any) -> Answer:
        return list(answer)

    @property
    def nbytes(self) -> float:
        return float("nan")


class Ours(Engine):
    """The in-process index in one of its precisions."""

    def __init__(self, images: sp.csr_matrix, precision: Any) -> None:
        self.name = f"ours-{precision}"
        ids = tuple(f"{row:08d}" for row in range(images.shape[0]))
        self.index = MemoryIndex(SparseVectors(images, ids, "made"), precision)

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        return self.index.find(*query, K)

    def many(self, queries: sp.csr_matrix, threads: int) -> Any:
        return self.index.search_many(queries, K, threads=threads)

    def rows(self, answer: Any) -> Answer:
        return answer.rows.tolist()

    @property
    def nbytes(self) -> float:
        return self.index.nbytes


class Scipy(Engine):
    """Columns of a csc matrix times the weights, then the ten largest."""

    name = "scipy"

    def __init__(self, images: sp.csr_matrix) -> None:
        self.columns = images.tocsc()

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        scores = self.columns[:, query[0]] @ query[1]
        best = np.argpartition(-scores, K)[:K]
        best = best[np.lexsort((best, -scores[best]))]
        return best, scores[best]

    def rows(self, answer: Any) -> Answer:
        return answer[0].tolist()

    @property
    def nbytes(self) -> float:
        one = self.columns
        return one.data.nbytes + one.indices.nbytes + one.indptr.nbytes


class TopN(Engine):
    """sparse_dot_topn; a single query is a batch of one."""

    name = "topn"

    def __init__(self, images: sp.csr_matrix) -> None:
        from sparse_dot_topn import sp_matmul_topn

        self.multiply = sp_matmul_topn
        self.images = images.T.tocsr()

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        row = sp.csr_matrix((query[1], query[0], [0, len(query[0])]), (1, self.images.shape[0]))
        return self.multiply(row, self.images, K, n_threads=1, sort=True)

    def rows(self, answer: Any) -> Answer:
        return answer.indices.tolist()

    def many(self, queries: sp.csr_matrix, threads: int) -> Any:
        return self.multiply(queries, self.images, K, n_threads=threads, sort=True)

    @property
    def nbytes(self) -> float:
        one = self.images
        return one.data.nbytes + one.indices.nbytes + one.indptr.nbytes


class Seismic(Engine):
    """Seismic, approximate; its settings are the cheapest that reach recall@10 of .99."""

    name = "seismic"

    def __init__(self, images: sp.csr_matrix) -> None:
        from seismic import SeismicDataset, SeismicIndex, get_seismic_string

        self.words = np.array(
            [str(term) for term in range(images.shape[1])], dtype=get_seismic_string()
        )
        vectors = SeismicDataset()
        for row, (terms, weights) in enumerate(rows_of(images)):
            vectors.add_document(str(row), self.words[terms], weights)
        self.index = SeismicIndex.build_from_dataset(vectors)
        self.setting = SEISMIC[-1]

    def prepare(self, queries: sp.csr_matrix, truth: list[Answer]) -> None:
        for setting in SEISMIC:
            self.setting = setting
            found = [self.rows(self.one(query)) for query in rows_of(queries)]
            if recall(found, truth) >= 0.99:
                return

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        cut, heap = self.setting
        return self.index.search("q", self.words[query[0]], query[1], K, cut, heap, sorted=True)

    def rows(self, answer: Any) -> Answer:
        return [int(found[2]) for found in answer]


class Brute(Engine):
    """A float64 product with every image."""

    name = "brute"

    def __init__(self, images: sp.csr_matrix) -> None:
        self.images = images.astype(np.float64)

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        return brute_force(self.images, query)

    @property
    def nbytes(self) -> float:
        return self.images.data.nbytes + self.images.indices.nbytes


def engine_of(name: str, images: sp.csr_matrix) -> Engine:
    """Build an engine by its name."""
    if name.startswith("ours-"):
        return Ours(images, name.removeprefix("ours-"))
    return {"scipy": Scipy, "topn": TopN, "seismic": Seismic, "brute": Brute}[name](images)
