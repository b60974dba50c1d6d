"""The engines that `benchmarks.search` compares."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.search_pisa import Searcher
from benchmarks.search_workloads import Answer, K, brute_force, recall, rows_of
from lsr.index.memory.index import MemoryIndex
from lsr.index.milvus import index as milvus
from lsr.index.milvus.server import FILE_CALL_SECONDS, Place
from lsr.model.sparse import SparseVectors

ENGINES = (
    "ours-float32",
    "ours-float16",
    "ours-int8",
    "scipy",
    "topn",
    "seismic",
    "pisa",
    "milvus",
    "brute",
)
# Postings kept a term, blocks visited: from quick to careful.
SEISMIC = [(5, 0.9), (8, 0.8), (10, 0.7), (15, 0.6), (30, 0.5), (100, 0.3), (100, 0.0)]


def _bytes_of(matrix: Any) -> int:
    return matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes


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

    def close(self) -> None:
        """Remove what the engine keeps outside of this process's memory."""


class Ours(Engine):
    """The in-process index in one of its precisions."""

    def __init__(self, images: sp.csr_matrix, precision: Any) -> None:
        self.name = f"ours-{precision}"
        ids = tuple(f"{row:08d}" for row in range(images.shape[0]))
        self.index = MemoryIndex(SparseVectors(images, ids, "made"), precision)

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        return self.index.find_rows(*query, K)

    def many(self, queries: sp.csr_matrix, threads: int) -> Any:
        return self.index.search_rows(queries, K, threads=threads)

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
        return _bytes_of(self.columns)


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
        return _bytes_of(self.images)


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


class Pisa(Engine):
    """PISA with blocks of SIMD-BP128 and MaxScore, here quicker than its block-max ways.

    It knows whole numbers only: weights become 1 to 255, 255 for the largest of all images, and so
    do those of a query, 255 for its largest. Its recall is against the unrounded weights. The MB
    are those of its files, which it maps into memory.
    """

    name = "pisa"

    def __init__(self, images: sp.csr_matrix) -> None:
        impacts = images.tocsc()
        impacts.data = self.rounded(impacts.data)
        self.folder = TemporaryDirectory(prefix="pisa-")
        try:
            self.index = Searcher(Path(self.folder.name), impacts)
        except BaseException:
            self.folder.cleanup()
            raise
        self.words = np.array([str(term) for term in range(images.shape[1])], object)

    @staticmethod
    def rounded(weights: np.ndarray) -> np.ndarray:
        """1 to 255, float64."""
        return np.maximum(np.rint(weights * (255.0 / weights.max(initial=1e-9))), 1.0)

    def _asked(self, query: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
        weights = self.rounded(query[1]).tolist()
        return dict(zip(self.words[query[0]].tolist(), weights, strict=True))

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        return self.index.search([self._asked(query)], K, "maxscore")

    def many(self, queries: sp.csr_matrix, threads: int) -> Any:
        asked = [self._asked(query) for query in rows_of(queries)]
        return self.index.search(asked, K, "maxscore", threads)

    def rows(self, answer: Any) -> Answer:
        return [int(row) for row in answer[1]]

    @property
    def nbytes(self) -> float:
        return self.index.nbytes

    def close(self) -> None:
        del self.index
        self.folder.cleanup()


class Milvus(Engine):
    """Milvus Lite in a local file, searched as the app does; exact: see `lsr.index.milvus`."""

    name = "milvus"

    def __init__(self, images: sp.csr_matrix) -> None:
        for package in ("pymilvus", "milvus_lite"):
            importlib.import_module(package)
        n, n_terms = images.shape
        ids = [f"{row:08d}" for row in range(n)]
        self.folder = TemporaryDirectory(prefix="milvus-")
        self.place = Place(f"{self.folder.name}/milvus.db", call_seconds=FILE_CALL_SECONDS)
        try:
            rows = milvus.Rows("images", ids, ["made"] * n, n_terms, lambda a, b: images[a:b])
            for _ in milvus.build(self.place, rows):
                pass
            self.index = milvus.MilvusIndex(self.place, "images", n, n_terms)
        except BaseException:
            self.close()
            raise

    def one(self, query: tuple[np.ndarray, np.ndarray]) -> Any:
        return self.index.search(*query, K)

    def rows(self, answer: Any) -> Answer:
        return [int(hit.image_id) for hit in answer]

    def close(self) -> None:
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(str(self.place.path))
        self.folder.cleanup()


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
    kinds = (Scipy, TopN, Seismic, Pisa, Milvus, Brute)
    return {kind.name: kind for kind in kinds}[name](images)
