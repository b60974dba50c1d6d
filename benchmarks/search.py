"""Exact search in this process beside other engines: time, memory, and what is found.

    python -m benchmarks.search --sizes 20000 200000
    python -m benchmarks.search --sizes 1000000 --engines ours-float16 scipy --queries 50

Synthetic vectors: 30,522 terms, 110 of them in an image, drawn with a chance in proportion to
1 / (rank + --offset); weights log(1 + e), e exponential. Queries are drawn alike, with 15 and 100
terms. `demo` as a size takes the bundled collection's images and test captions. All engines answer
the same queries in one run, taking turns, so that noise of the machine meets all of them; medians
over all queries and rounds. Batches use --threads threads, single queries one.

Engines of others are left out, and said so, where they are not installed (`make peers` has Seismic;
`pip install --target build/peers --no-deps sparse_dot_topn`). Seismic is searched with the
cheapest of its settings that reaches recall@10 of .99, if one does.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import njit

from lsr.index.memory import MemoryIndex
from lsr.sparse import SparseVectors

N_TERMS, EACH, K = 30_522, 110, 10
PEERS = Path(__file__).resolve().parents[1] / "build" / "peers"
ENGINES = ("ours-float32", "ours-float16", "ours-int8", "scipy", "topn", "seismic", "brute")
# Postings kept a term, blocks visited: from quick to careful.
SEISMIC = [(5, 0.9), (8, 0.8), (10, 0.7), (15, 0.6), (30, 0.5), (100, 0.3), (100, 0.0)]
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
    from lsr.catalog import find
    from lsr.checkpoint import load_model
    from lsr.collection import load_collection
    from lsr.judged import judge

    judged = judge(
        load_collection(find("collections", "demo")), load_model(find("models", "demo")), "test"
    )
    captions = judged.captions.matrix
    rows = np.linspace(0, captions.shape[0] - 1, n_queries).astype(int)
    return Workload("demo", judged.images.matrix, {"captions": captions[rows]})


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
        return self.index.search(*query, K)

    def many(self, queries: sp.csr_matrix, threads: int) -> Any:
        return self.index.search_many(queries, K, threads=threads)

    def rows(self, answer: Any) -> Answer:
        return [int(hit.image_id) for hit in answer]

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
        return best[np.lexsort((best, -scores[best]))]

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
        return self.multiply(row, self.images, K, n_threads=1, sort=True).indices

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


def recall(found: list[Answer], truth: list[Answer]) -> float:
    """Share of the true ten that were found."""
    pairs = zip(found, truth, strict=True)
    return statistics.mean(len({*a} & {*b}) / max(len(b), 1) for a, b in pairs)


@dataclass
class Line:
    """What one engine took for one set of queries, seconds."""

    single: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)
    recall: float = 0.0
    exact: float = 0.0


def measured(
    engines: list[Engine], queries: sp.csr_matrix, truth: list[Answer], options: argparse.Namespace
) -> dict[str, Line]:
    """All engines on the same queries, in turns."""
    lines = {engine.name: Line() for engine in engines}
    single = rows_of(queries)
    batch = sp.csr_matrix(sp.vstack([queries] * -(-1000 // queries.shape[0]))[:1000])
    batch.sort_indices()
    for engine in engines:
        engine.prepare(queries, truth)
        found = [engine.rows(engine.one(query)) for query in single]
        lines[engine.name].recall = recall(found, truth)
        lines[engine.name].exact = statistics.mean(
            a == b for a, b in zip(found, truth, strict=True)
        )
    for turn in range(options.rounds):
        for engine in engines:
            if engine.name == "brute" and turn:
                continue
            for query in single:
                lines[engine.name].single.append(_seconds(lambda e=engine, q=query: e.one(q)))
        for engine in engines:
            if engine.many and turn < options.batch_rounds:
                work = _seconds(lambda e=engine: e.many(batch, options.threads))
                lines[engine.name].batch.append(work / batch.shape[0])
    return lines


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(workload: Workload, options: argparse.Namespace) -> Iterator[str]:
    """The lines of a workload's tables."""
    engines, built = [], {}
    for name in options.engines:
        started = time.perf_counter()
        try:
            engine = engine_of(name, workload.images)
        except ImportError as problem:
            yield f"{name} is not installed ({problem})"
            continue
        built[name] = time.perf_counter() - started
        engines.append(engine)
    gc.collect()
    double = workload.images.astype(np.float64)
    for title, queries in workload.queries.items():
        truth = [brute_force(double, query) for query in rows_of(queries)]
        postings = workload.images.getnnz(axis=0)
        shared = postings[queries.indices].sum() / queries.shape[0] / workload.images.shape[0]
        yield f"\n{workload.name} images, {title}; {shared:.2f} shared terms an image and query"
        yield (
            "| engine | median ms | p95 ms | batch ms | of ours-float16: single | batch "
            "| recall@10 | exact | build s | MB |\n|---|---|---|---|---|---|---|---|---|---|"
        )
        lines = measured(engines, queries, truth, options)
        ours = lines.get("ours-float16") or next(iter(lines.values()))
        for engine in engines:
            yield _row(engine, lines[engine.name], ours, built[engine.name])


def _row(engine: Engine, line: Line, ours: Line, built: float) -> str:
    median = statistics.median(line.single) * 1e3
    p95 = float(np.percentile(line.single, 95)) * 1e3
    batch = statistics.median(line.batch) * 1e3 if line.batch else float("nan")
    single_ratio = median / statistics.median(ours.single) / 1e3
    batch_ratio = batch / statistics.median(ours.batch) / 1e3 if ours.batch else float("nan")
    return (
        f"| {engine.name} | {median:.3f} | {p95:.3f} | {batch:.3f} | {single_ratio:.1f} | "
        f"{batch_ratio:.1f} | {line.recall:.3f} | {line.exact:.0%} | {built:.1f} | "
        f"{engine.nbytes / 1e6:.0f} |"
    )


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["demo", "20000", "200000"])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--offset", type=float, default=2.7, help="of the rank, Mandelbrot's 2.7")
    parser.add_argument("--peers", default=str(PEERS), help="folder of the others' packages")
    options = parser.parse_args()
    sys.path.append(options.peers)
    for size in options.sizes:
        n = options.queries
        workload = bundled(n) if size == "demo" else synthetic(int(size), n, options.offset)
        for line in report(workload, options):
            print(line, flush=True)


if __name__ == "__main__":
    main()
