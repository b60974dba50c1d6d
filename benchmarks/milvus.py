"""A Milvus of any form beside the exact engine: building, recall, and time with many clients.

    python -m benchmarks.milvus http://localhost:19530
    python -m benchmarks.milvus https://cluster:19530 --images 1000000 --queries 1000
    python -m benchmarks.milvus /tmp/milvus.db --images 20000 --queries 200

Synthetic vectors as in `benchmarks.search`: 30,522 terms, 110 in an image, queries of 15. They are
stored under a name of their own, which is removed at the end. Token and certificate are those of
`$LEXISCOPE_MILVUS_TOKEN` and `$LEXISCOPE_MILVUS_CERTIFICATE`. Each client is a thread that searches
one query after the other; recall is of the ten best against the memory engine's, ids and order.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.search_workloads import EACH, N_TERMS, K, drawn, rows_of
from lsr.index.memory.index import MemoryIndex
from lsr.index.milvus.build import Rows
from lsr.index.milvus.index import MilvusIndex, build
from lsr.index.milvus.server import FILE_CALL_SECONDS, connect, place_from_environment
from lsr.model.sparse import SparseVectors

_OFFSET = 20.0
_NAME = "lexiscope_benchmark"
Query = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Build, search, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("uri", help="http://host:19530, https://host:19530, or a file in .db")
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    options = parser.parse_args()
    place = replace(place_from_environment(), uri=options.uri)
    if place.is_file:
        place = replace(place, call_seconds=FILE_CALL_SECONDS)
    images = drawn(options.images, EACH, _OFFSET, 0)
    ids = [f"image-{row:08}" for row in range(options.images)]
    batch = drawn(options.queries, 15, _OFFSET, 15)
    queries = rows_of(batch)
    memory = MemoryIndex(SparseVectors(images, tuple(ids), "terms"))
    truth = [[hit.image_id for hit in memory.search(*query, K)] for query in queries]
    rows = Rows(_NAME, ids, ["test"] * len(ids), N_TERMS, lambda a, b: images[a:b])
    client = connect(place, create=True)
    try:
        started = time.perf_counter()
        for _ in build(place, rows, again=True):
            pass
        building = time.perf_counter() - started
        version = client.get_server_version()
        print(f"Milvus {version}, {len(ids):,} images, {os.cpu_count()} processors here\n")
        print("| | |\n|---|---|")
        print(f"| built | {building:.1f} s, {len(ids) / building:,.0f} images a second |")
        index = MilvusIndex(place, _NAME, len(ids), N_TERMS)
        print(f"| recall@{K} | {_recall(index, queries, truth)} |", flush=True)
        started = time.perf_counter()
        index.search_many(batch, K)
        taken = time.perf_counter() - started
        rate = len(queries) / taken
        print(f"| a batch of {len(queries):,} | {taken:.1f} s, {rate:,.0f} a second |")
        for clients in options.clients:
            print(f"| {clients} clients | {_under_load(index, queries, clients)} |", flush=True)
    finally:
        client.drop_collection(_NAME)


def _recall(index: MilvusIndex, queries: Sequence[Query], truth: Sequence[list[str]]) -> str:
    """How much of the truth is found, and how often in its order."""
    found = [[hit.image_id for hit in index.search(*query, K)] for query in queries]
    pairs = list(zip(found, truth, strict=True))
    kept = statistics.mean(len({*a} & {*b}) / max(len(b), 1) for a, b in pairs)
    equal = statistics.mean(a == b for a, b in pairs)
    return f"{kept:.4f}; {equal:.1%} of {len(queries):,} lists equal"


def _under_load(index: MilvusIndex, queries: Sequence[Query], clients: int) -> str:
    """How long a query takes where so many clients ask."""

    def client(number: int) -> list[float]:
        taken = []
        for query in queries[number::clients]:
            started = time.perf_counter()
            index.search(*query, K)
            taken.append(time.perf_counter() - started)
        return taken

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = [one * 1e3 for each in pool.map(client, range(clients)) for one in each]
    rate = len(times) / (time.perf_counter() - started)
    p50, p95 = np.percentile(times, [50, 95])
    return f"p50 {p50:,.1f} ms, p95 {p95:,.1f} ms, {rate:,.0f} queries a second"


if __name__ == "__main__":
    main()
