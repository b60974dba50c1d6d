"""Models of the kind `vectors` at size: how long opening takes, and how much memory an import.

    python -m benchmarks.stored_vectors --images 200000 --rows 50000 500000

Synthetic vectors as in `benchmarks.search`: 30,522 terms, 110 of them in an image. A `vectors`
model opens by mapping its arrays and checking them; beside it stand the same vectors as a projected
model keeps them after its first search. Both are then indexed and searched with the same queries.
Imports read JSON lines of `--terms` terms a row in a process of their own; its peak is read when
the last row is stored, and when the model is there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from benchmarks.search_workloads import drawn, rows_of, synthetic

_OFFSET = 20.0


def main() -> None:
    """Measure and print."""
    one = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    one.add_argument("--images", type=int, default=200_000, help="of the model that is opened")
    one.add_argument("--rows", type=int, nargs="*", default=[50_000, 500_000], help="imported")
    one.add_argument("--terms", type=int, default=32, help="of an imported row")
    one.add_argument("--queries", type=int, default=100)
    options = one.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEXISCOPE_HOME"] = folder
        if options.images:
            _open(Path(folder), options.images, options.queries)
        for n in options.rows:
            _import(Path(folder), n, options.terms)


def _open(home: Path, n: int, n_queries: int) -> None:
    """Open a stored and a projected model of the same vectors, and search both."""
    from lsr.index.memory.index import MemoryIndex
    from lsr.model import projection_cache
    from lsr.model.loading import load_model
    from lsr.model.protocol import Items
    from lsr.model.sparse import SparseVectors
    from lsr.model.stored import finish_stored
    from lsr.model.stored_files import write_ids, writing_side
    from lsr.model.term_list import numbered

    work = synthetic(n, n_queries, _OFFSET)
    ids = [f"image-{row:07}" for row in range(n)]
    folder = home / "models" / "stored"
    folder.mkdir(parents=True)
    with writing_side(folder, "images") as writer:
        writer.add(work.images)
    write_ids(folder, "images", ids)
    finish_stored(folder, numbered(work.images.shape[1]), {"title": "stored", "collection": "many"})
    kept = projection_cache.cache_folder() / "kept.safetensors"
    projection_cache._keep(kept, work.images)

    def stored() -> sp.csr_matrix:
        return load_model("stored").sparse(Items("images", ids, lambda: np.zeros((n, 0))))

    def projected() -> sp.csr_matrix | None:
        return projection_cache._read(kept, work.images.shape)

    print(f"{n:,} images of {work.images.nnz // n} terms   open s   index s   15 terms ms   100 ms")
    for name, opened in (("vectors", stored), ("projected", projected)):
        seconds, matrix = _best(opened)
        indexing, index = _once(
            lambda matrix=matrix: MemoryIndex(SparseVectors(matrix, tuple(ids), "terms"))
        )
        times = [_median_ms(index, queries) for queries in work.queries.values()]
        print(
            f"  {name:24} {seconds:10.2f} {indexing:9.2f} "
            + " ".join(f"{one:13.3f}" for one in times)
        )


def _best(call: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The shortest time of a few calls, and what the last gave."""
    runs = [_once(call) for _ in range(times)]
    return min(seconds for seconds, _ in runs), runs[-1][1]


def _once(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = call()
    return time.perf_counter() - started, found


def _median_ms(index: Any, queries: sp.csr_matrix) -> float:
    rows = rows_of(queries)
    for terms, weights in rows[:3]:  # what is compiled first
        index.find_rows(terms, weights, 10)
    taken = []
    for terms, weights in rows:
        taken.append(_once(lambda t=terms, w=weights: index.find_rows(t, w, 10))[0])
    return statistics.median(taken) * 1e3


def _import(home: Path, n: int, each: int) -> None:
    """Import n rows of JSON lines in a process of their own."""
    path = home / "codes.jsonl"
    source = drawn(n, each, _OFFSET, 1)
    with path.open("w") as file:
        for row, (terms, weights) in enumerate(rows_of(source)):
            vector = dict(zip(map(str, terms.tolist()), weights.tolist(), strict=True))
            file.write(json.dumps({"id": f"image-{row:07}", "vector": vector}) + "\n")
    size = path.stat().st_size
    del source
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        seconds, start, stored, peak = pool.apply(_imported, (n, str(path)))
    print(
        f"import of {n:,} rows of {each} terms ({size / 2**20:,.0f} MB): {seconds:.0f} s, "
        f"{n / seconds:,.0f} rows a second; peak {stored:,.0f} MB when all rows are stored, "
        f"{peak:,.0f} MB at the end, {start:,.0f} MB before"
    )
    path.unlink()


def _imported(n: int, path: str) -> tuple[float, float, float, float]:
    """Seconds; megabytes before, when the rows are stored, and at the end."""
    from lsr.imports.sparse.importing import SparseFiles, import_vectors

    collection = _collection(n)
    start = _peak()
    stored = start
    started = time.perf_counter()
    for report in import_vectors(collection, f"codes-{n}", SparseFiles(path)):
        if report.side == "images":
            stored = _peak()
    return time.perf_counter() - started, start, stored, _peak()


def _collection(n: int) -> Any:
    """Images without pictures or captions."""
    from lsr.collection.writing import write_collection
    from lsr.storage.places import home

    ids = [f"image-{row:07}" for row in range(n)]
    nothing = pa.nulls(n, pa.string())
    sizes = pa.nulls(n, pa.int64())
    columns = {"id": ids, "file": nothing, "url": nothing, "width": sizes, "height": sizes}
    images = pa.table({**columns, "split": ["test"] * n})
    text = pa.array([], pa.string())
    captions = pa.table(dict.fromkeys(("id", "image_id", "text", "split"), text))
    told = {"name": "many", "title": "Many", "licence": "none", "source": "drawn", "encoder": "x"}
    return write_collection(
        home() / "collections" / f"many-{n}",
        card={**told, "name": f"many-{n}"},
        images=images,
        captions=captions,
        image_vectors=np.full((n, 4), 0.5, np.float16),
        caption_vectors=np.zeros((0, 4), np.float16),
    )


def _peak() -> float:
    """The most memory that this process has had, in megabytes."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else float("nan")


if __name__ == "__main__":
    main()
