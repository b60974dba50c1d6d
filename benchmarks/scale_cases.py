"""What `benchmarks.scale` measures: collections that it draws, commands that it kills."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from benchmarks.search_workloads import EACH, K, brute_force, drawn, rows_of
from lsr.collection.collection import load_collection
from lsr.collection.writing import write_collection

ROOT = Path(__file__).resolve().parents[1]
OFFSET = 20.0
_BLOCK = 2**16
_TIMED = ("seconds", "pairs_per_second", "peak_memory")
# Writes down every picture that it gets, so that it can be counted what was encoded twice.
_ENCODER = """
import hashlib
import os
from pathlib import Path

import numpy as np


class Encoder:
    name = "own"
    dense_size = 64
    fingerprint = "own-1"

    def encode_images(self, pictures):
        marks = [hashlib.sha256(one.tobytes()).hexdigest() for one in pictures]
        # Whoever loads it shows it other pictures first.
        drawn = [mark for mark, one in zip(marks, pictures) if one.size == (320, 240)]
        with Path(__file__).with_name("seen").open("a") as seen:
            seen.write("".join(one + "\\n" for one in drawn))
        return self._rows(marks)

    def encode_texts(self, texts):
        return self._rows([hashlib.sha256(one.encode()).hexdigest() for one in texts])

    def _rows(self, marks):
        bits = np.unpackbits(np.frombuffer(bytes.fromhex("".join(marks)), np.uint8))
        rows = bits.reshape(len(marks), -1)[:, :64] * 2.0 - 1
        return (rows / 8).astype(np.float32)


def load():
    return Encoder()
"""


class Commands:
    """Commands of this checkout, each a process of its own, with a home for all of them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "encoders").mkdir(parents=True)
        (home / "encoders" / "own.py").write_text(_ENCODER)
        os.environ["LEXISCOPE_HOME"] = str(home)
        self.address = ""

    def start(self, line: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "RAY_ADDRESS": self.address}
        return subprocess.Popen(
            [sys.executable, "-m", "lsr", *shlex.split(line), "--json"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, line: str) -> dict[str, Any]:
        return answer_of(self.start(line))


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a command answers; it must succeed."""
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return dict(json.loads(out))


def seconds_of(commands: Commands, line: str) -> tuple[float, dict[str, Any]]:
    """(seconds of a whole command, what it answers)."""
    started = time.perf_counter()
    answer = commands.run(line)
    return time.perf_counter() - started, answer


def draw_collection(home: Path, name: str, n: int) -> None:
    """A collection of n pictures of 320 × 240 pixels with a caption each."""
    if (home / "collections" / name).exists():
        return
    pictures = home / "drawn" / name
    pictures.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for row in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        coarse.resize((320, 240), Image.Resampling.BICUBIC).save(pictures / f"{row:07}.jpg")
    _written(home, name, n, [f"{row:07}.jpg" for row in range(n)], pictures)


def many_rows(home: Path, name: str, n: int) -> None:
    """A collection of n images with a caption each, whose pictures are a hundred small files."""
    pictures = home / "drawn" / name
    pictures.mkdir(parents=True)
    for number in range(100):
        Image.new("RGB", (16, 12), (number, 2 * number, 90)).save(pictures / f"{number:02}.png")
    _written(home, name, n, [f"{row % 100:02}.png" for row in range(n)], pictures)


def _written(
    home: Path,
    name: str,
    n: int,
    files: list[str],
    pictures: Path | None,
    splits: tuple[str, ...] = ("test",),
) -> None:
    """A collection of random vectors; its splits take turns."""
    split = [splits[row % len(splits)] for row in range(n)]
    ids = [f"image-{row:07}" for row in range(n)]
    images = pa.table(
        {
            "id": ids,
            "file": pa.array(files or [None] * n, pa.string()),
            "url": pa.nulls(n, pa.string()),
            "width": pa.array([320] * n, pa.int32()),
            "height": pa.array([240] * n, pa.int32()),
            "split": split,
        }
    )
    captions = pa.table(
        {
            "id": [f"caption-{row:07}" for row in range(n)],
            "image_id": ids,
            "text": [f"a dog beside house {row}" for row in range(n)],
            "split": split,
        }
    )
    demo = load_collection("demo")
    rng, size = np.random.default_rng(1), demo.image_vectors.shape[1]
    vectors = np.empty((n, size), np.float16)
    for first in range(0, n, _BLOCK):
        block = rng.standard_normal((min(_BLOCK, n - first), size), np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        vectors[first : first + _BLOCK] = block
    card = {"name": name, "title": name, "licence": "none", "source": "drawn", "encoder": "bundled"}
    write_collection(
        home / "collections" / name,
        card=card,
        images=images,
        captions=captions,
        image_vectors=vectors,
        caption_vectors=vectors,
        pictures=pictures,
    )


@dataclass(frozen=True)
class Case:
    """A command on Ray, and what it leaves. clean: removes that."""

    name: str
    line: str
    left: Callable[[], dict[str, bytes]]
    clean: Callable[[], None]

    def unharmed(self, commands: Commands) -> dict[str, bytes]:
        self.clean()
        commands.run(self.line)
        return self.left()


def encode_case(commands: Commands) -> Case:
    """2,560 pictures and captions, ten tasks each, with the bundled encoder."""
    draw_collection(commands.home, "few", 2_560)
    made = commands.home / "collections" / "made"
    line = "encode --collection few --encoder bundled --name made --engine ray"
    return Case("encode", line, lambda: _files(made), lambda: _remove(commands, made))


def index_case(commands: Commands) -> Case:
    """10,000 vectors projected with the bundled model."""
    _written(commands.home, "vectors", 10_000, [], None)
    made = commands.home / "indexes"
    line = "index --collection vectors --model demo --engine ray"
    return Case("index", line, lambda: _files(made), lambda: _remove(commands, made))


def ablation_case(commands: Commands) -> Case:
    """Five runs of two steps: with 600 vectors one took over a minute of a core."""
    _written(commands.home, "pairs", 100, [], None, ("train", "train", "train", "val", "test"))
    out = commands.home / "ablation"
    line = (
        f"ablate --collection pairs --out {out} --study size --seeds 1 --epochs 1 --batch-size 30 "
        "--workers 2 --engine ray"
    )

    def left() -> dict[str, bytes]:
        tables = {name: pq.read_table(out / f"{name}.parquet") for name in ("runs", "mismatch")}
        return {
            name: repr(table.drop_columns([c for c in _TIMED if c in table.column_names])
                       .to_pylist()).encode()
            for name, table in tables.items()
        }  # fmt: skip

    return Case("ablate", line, left, lambda: _remove(commands, out))


def _remove(commands: Commands, made: Path) -> None:
    for one in (made, commands.home / "cache"):
        shutil.rmtree(one, ignore_errors=True)


def _files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TwoNodes:
    """A Ray of two node processes on this machine, a core each; the second one can be killed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        os.environ.setdefault("RAY_worker_niceness", "0")
        self._node = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 2**27}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._node)
        self.address = self._cluster.address
        self._second = self._cluster.add_node(**self._node)

    def renew(self) -> None:
        """A second node in the place of the one that was killed."""
        self._second = self._cluster.add_node(**self._node)

    def workers(self) -> list[psutil.Process]:
        """Processes of the second node that have a task."""
        [raylet] = self._second.all_processes["raylet"]
        found = []
        for one in psutil.Process(raylet.process.pid).children(recursive=True):
            try:
                title = one.cmdline()[0]
            except (psutil.Error, IndexError):
                continue
            if title.startswith("ray::") and not title.startswith("ray::IDLE"):
                found.append(one)
        return found

    def kill(self) -> None:
        """The second node, its workers first, with SIGKILL."""
        for one in self.workers():
            one.kill()
        self._cluster.remove_node(self._second, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def two_nodes(commands: Commands) -> Iterator[TwoNodes]:
    """Commands go to this Ray meanwhile."""
    nodes = TwoNodes()
    commands.address = nodes.address
    try:
        yield nodes
    finally:
        commands.address = ""
        nodes.close()


def killed_worker(
    commands: Commands, nodes: TwoNodes, case: Case, seed: int
) -> tuple[dict[str, bytes], bool]:
    """What a command leaves whose second node is killed, and whether that was in time."""
    case.clean()
    process = commands.start(case.line)
    while process.poll() is None and not nodes.workers():
        time.sleep(0.02)
    time.sleep(random.Random(seed).uniform(0, 2))
    in_time = process.poll() is None and bool(nodes.workers())
    nodes.kill()
    answer_of(process)
    nodes.renew()
    return case.left(), in_time


@dataclass(frozen=True)
class Resumed:
    """An encoding that was killed: pictures in all, kept, encoded twice; does it end the same?"""

    total: int
    kept: int
    again: int
    same: bool


def killed_driver(commands: Commands, name: str) -> Resumed:
    """Kill an encoding once a third is kept, and call it again."""
    line = f"encode --collection {name} --encoder own --engine"
    seen = commands.home / "encoders" / "seen"
    commands.run(f"{line} threads --name plain")
    seen.unlink()
    process = commands.start(f"{line} ray --name again")
    total = len(load_collection(name).image_ids)
    kept = 0
    while process.poll() is None and kept < total / 3:
        kept = _kept(commands.home)
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept, before = _kept(commands.home), -1
    while before != (before := len(seen.read_text())):  # until the last of its workers has ended
        time.sleep(3)
    commands.run(f"{line} ray --name again")
    marks = seen.read_text().splitlines()
    plain, again = (load_collection(one) for one in ("plain", "again"))
    same = bool(np.array_equal(plain.image_vectors, again.image_vectors))
    return Resumed(total, kept, len(marks) - len(set(marks)), same)


def _kept(home: Path) -> int:
    """Rows that the journal of an encoding counts."""
    for journal in (home / "cache" / "encoding").glob("*/image_vectors.journal"):
        lines = journal.read_text().splitlines()
        if len(lines) > 1:
            return int(json.loads(lines[-1])["done"])
    return 0


def prepare_index(folder: Path, n: int) -> None:
    """A stored index of synthetic images."""
    from lsr.index.memory.files import save_index
    from lsr.index.memory.index import MemoryIndex
    from lsr.model.sparse import SparseVectors

    images = SparseVectors(
        drawn(n, EACH, OFFSET, 0), tuple(f"image-{row:08}" for row in range(n)), "terms"
    )
    save_index(MemoryIndex(images, "float16"), folder, {"collection": "drawn"})


def searched_index(folder: Path, n_queries: int) -> dict[str, Any]:
    """Open and search the stored index in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scale_cases", str(folder), str(n_queries)]
    out = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(out))


def _search(folder: Path, n_queries: int) -> dict[str, Any]:
    from lsr.index.memory.files import open_index

    queries = rows_of(drawn(n_queries, 15, OFFSET, 15))
    started = time.perf_counter()
    index = open_index(folder)
    opened = time.perf_counter()
    found = [index.find_rows(*queries[0], K)]
    first = time.perf_counter()
    taken: dict[int | None, list[float]] = {1: [], None: []}
    for query in queries[1:]:
        for threads, seconds in taken.items():
            begun = time.perf_counter()
            hits = index.find_rows(*query, K, threads=threads)
            seconds.append(time.perf_counter() - begun)
        found.append(hits)
    peak = psutil.Process().memory_info().rss
    matrix = index.images.matrix
    checked = list(zip(queries, found, strict=True))[:20]
    exact = sum(brute_force(matrix, query) == hits.rows.tolist() for query, hits in checked)
    return {
        "open": opened - started,
        "first": first - opened,
        "median": statistics.median(taken[None]),
        "one_thread": statistics.median(taken[1]),
        "queries": len(taken[None]),
        "memory": peak,
        "exact": exact,
        "checked": len(checked),
        "bytes": sum(file.stat().st_size for file in folder.iterdir()),
    }


if __name__ == "__main__":
    print(json.dumps(_search(Path(sys.argv[1]), int(sys.argv[2]))))
