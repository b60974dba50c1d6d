"""Exact search in this process beside other engines: time, memory, and what is found.

    python -m benchmarks.search --sizes 20000 200000
    python -m benchmarks.search --sizes 1000000 --engines ours-float16 scipy --queries 50

Synthetic vectors: 30,522 terms, 110 of them in an image, drawn with a chance in proportion to
1 / (rank + --offset); weights log(1 + e), e exponential. Queries are drawn alike, with 15 and 100
terms. `demo` as a size takes the bundled collection's images and test captions. All engines answer
the same queries in one run, taking turns, so that noise of the machine meets all of them; medians
over all queries and rounds. Batches use --threads threads, single queries one.

To a single query ours answers with rows, scores and contributions, as what each of the query's
terms weighs in each hit; the others with rows and scores, and brute force with rows alone. Seismic,
PISA and Milvus give rows as texts. Ours goes without contributions in batches.

Engines of others are left out, and said so, where they are not installed. `make peers` has Seismic
and `make milvus` Milvus Lite, which is searched in a local file. The rest, PISA with the TBB that
its wheel was built with, which `--target` would drop:

    pip install --target build/peers --no-deps sparse_dot_topn psutil pyterrier-pisa==0.4.9
    pip install --prefix build/peers --no-deps --ignore-installed "tbb<2021"

Seismic is searched with the cheapest of its settings that reaches recall@10 of .99, if one does.
PISA's impacts are 8-bit integers; its recall is against the unrounded weights.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.search_engines import ENGINES, Engine, engine_of
from benchmarks.search_workloads import (
    Answer,
    Workload,
    brute_force,
    bundled,
    recall,
    rows_of,
    synthetic,
)

PEERS = Path(__file__).resolve().parents[1] / "build" / "peers"

_PAUSE = 0.1


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
        if engine.many:  # loops are compiled and threads started outside of the time measured
            engine.many(batch[:10], options.threads)
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
                # Threads of the engine before may still be looking for work.
                time.sleep(_PAUSE)
                work = [_seconds(lambda e=engine: e.many(batch, options.threads)) for _ in "ab"]
                lines[engine.name].batch.append(work[1] / batch.shape[0])
        time.sleep(_PAUSE)
    return lines


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(workload: Workload, options: argparse.Namespace) -> Iterator[str]:
    """The lines of a workload's tables."""
    engines, built = [], {}
    with ExitStack() as opened:
        for name in options.engines:
            started = time.perf_counter()
            try:
                engine = engine_of(name, workload.images)
            except ImportError as problem:
                yield f"{name} is not installed ({problem})"
                continue
            opened.callback(engine.close)
            built[name] = time.perf_counter() - started
            engines.append(engine)
        gc.collect()
        yield from _tables(workload, engines, built, options)


def _tables(
    workload: Workload, engines: list[Engine], built: dict[str, float], options: argparse.Namespace
) -> Iterator[str]:
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
        f"| {engine.name} | {median:.3f} | {p95:.3f} | {batch:.4f} | {single_ratio:.1f} | "
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
