"""Milvus Lite, really run as a file and as a server, and everything that can go wrong with it."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lsr.exceptions import EngineError
from lsr.index.memory.index import MemoryIndex
from lsr.index.milvus import (
    build as milvus_build,
)
from lsr.index.milvus import (
    index as milvus,
)
from lsr.index.milvus import (
    query as milvus_query,
)
from lsr.index.milvus import (
    server as milvus_server,
)
from lsr.index.milvus.index import MilvusIndex, Rows
from lsr.index.milvus.server import Place, obstacle, place_from_environment
from lsr.model.sparse import SparseVectors, from_dense

N, V = 90, 20
ROOT = Path(__file__).resolve().parents[2]
IDS = [f"id-{row:02d}" for row in np.random.default_rng(0).permutation(N)]
installed = pytest.mark.skipif(
    importlib.util.find_spec("pymilvus") is None, reason="Milvus is not installed"
)


def block() -> np.ndarray:
    rng = np.random.default_rng(1)
    weights = (rng.random((N, V)) * (rng.random((N, V)) < 0.4)).astype(np.float32)
    weights[11] = 0
    return weights


def rows_of(weights: np.ndarray, name: str = "images") -> Rows:
    matrix = from_dense(weights)
    return Rows(name, IDS, ["test"] * N, V, lambda a, b: matrix[a:b])


def built(place: Place, weights: np.ndarray) -> MilvusIndex:
    list(milvus.build(place, rows_of(weights)))
    return MilvusIndex(place, "images", N, V)


def assert_answers_as_memory(index: MilvusIndex, weights: np.ndarray) -> None:
    memory = MemoryIndex(SparseVectors(from_dense(weights), tuple(IDS), "v"))
    for term in range(0, V - 3, 3):
        query = np.arange(term, term + 3), np.array([0.5, 1.0, 2.0])
        for k in (5, N):
            ours, theirs = (one.search(*query, k) for one in (index, memory))
            assert [hit.image_id for hit in ours] == [hit.image_id for hit in theirs]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "milvus.db"), connect_seconds=1, call_seconds=3)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_build, "BATCH", 16)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A Milvus that is reached over the network, as a standalone one is."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    running, database, port = start_server_in_thread(str(tmp_path / "server"), port=0)
    yield SimpleNamespace(
        place=Place(f"http://127.0.0.1:{port}", connect_seconds=1, call_seconds=3),
        stop=lambda: running.stop(grace=0).wait(),
    )
    running.stop(grace=0).wait()
    database.close()


def said(act: Callable[[], object]) -> str:
    """The one sentence with its remedy, for a caller who waits a few seconds at most."""
    started = time.perf_counter()
    with pytest.raises(EngineError) as problem:
        act()
    assert time.perf_counter() - started < 60
    assert "\n" not in str(problem.value)
    assert "Traceback" not in str(problem.value)
    return str(problem.value)


@installed
def test_reports_count_what_is_stored(place, small_batches):
    reports = list(milvus.build(place, rows_of(block())))
    assert [report.done for report in reports] == [16, 32, 48, 64, 80, N]
    assert {report.total for report in reports} == {N}
    assert reports[-1].seconds_left == 0


@installed
def test_a_stopped_build_goes_on_and_a_finished_one_stays(place, small_batches):
    begun = milvus.build(place, rows_of(block()))
    next(begun)
    next(begun)
    begun.close()
    assert "holds 32 of the 90 images" in said(lambda: MilvusIndex(place, "images", N, V))
    reports = list(milvus.build(place, rows_of(block())))
    assert [report.done for report in reports] == [48, 64, 80, N]
    assert [report.done for report in milvus.build(place, rows_of(block()))] == [N]
    assert_answers_as_memory(MilvusIndex(place, "images", N, V), block())


@installed
def test_a_killed_build_goes_on_without_a_lost_or_doubled_row(place, small_batches):
    code = (
        "import os, signal\n"
        "from lsr.index.milvus import index as milvus\n"
        "from lsr.index.milvus import build as milvus_build\n"
        "from tests.index.test_milvus import *\n"
        "milvus_build.BATCH = 16\n"
        "rows = rows_of(block())\n"
        "def vectors(a, b):\n"
        "    if a == 48: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return rows.vectors(a, b)\n"
        f"place = Place({place.uri!r})\n"
        "list(milvus.build(place, Rows(rows.name, rows.ids, rows.splits, V, vectors)))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=600)
    assert killed.returncode == -signal.SIGKILL
    assert [report.done for report in milvus.build(place, rows_of(block()))] == [64, 80, N]
    assert_answers_as_memory(MilvusIndex(place, "images", N, V), block())


@installed
def test_a_batch_that_was_stored_in_part_is_stored_again(place, small_batches):
    index = built(place, block())
    index._client.delete("images", ids=[IDS[40]])
    assert "holds 89 of the 90 images" in said(lambda: MilvusIndex(place, "images", N, V))
    assert next(milvus.build(place, rows_of(block()))).done == 48
    list(milvus.build(place, rows_of(block())))
    assert_answers_as_memory(MilvusIndex(place, "images", N, V), block())


@installed
def test_ties_beyond_what_a_server_returns_are_broken_by_id(place, monkeypatch):
    monkeypatch.setattr(milvus_query, "MOST_CANDIDATES", 7)
    weights = np.full((N, V), 0.5, np.float32)
    weights[30, 0] = 0.75
    index = built(place, weights)
    hits = index.search(np.array([0]), np.array([1.0]), 40)
    first = IDS[30]
    assert [h.image_id for h in hits] == [first, *sorted(set(IDS) - {first})[:39]]
    assert_answers_as_memory(index, weights)


@installed
def test_a_thousand_queries_go_in_few_requests_and_have_the_hits_of_brute_force(place, monkeypatch):
    weights, rng = block(), np.random.default_rng(9)
    index = built(place, weights)
    queries = rng.random((1000, V)) * (rng.random((1000, V)) < 0.2)
    queries[[0, 500]] = 0  # without a term there is no hit
    sizes, ask = [], milvus.candidates
    monkeypatch.setattr(
        milvus, "candidates", lambda q, *rest: (sizes.append(len(q)), ask(q, *rest))[1]
    )
    lines = index.search_many(from_dense(queries.astype(np.float32)), 5)
    assert sum(sizes) == (queries > 0).any(axis=1).sum() < 1000
    assert len(sizes) <= 40
    scores = queries.astype(np.float32).astype(np.float64) @ weights.astype(np.float64).T
    for query, hits in zip(scores, lines, strict=True):
        best = [row for row in np.argsort(-query)[:5] if query[row] > 0]
        assert [hit.image_id for hit in hits] == [IDS[row] for row in best]
        assert np.allclose([hit.score for hit in hits], query[best], rtol=1e-12)


@installed
def test_terms_that_hits_must_or_must_not_have_are_heeded_to_the_last_hit(place, monkeypatch):
    monkeypatch.setattr(milvus_query, "MOST_CANDIDATES", 7)
    weights = block()
    index = built(place, weights)
    scores = weights[:, [2, 5]].astype(np.float64) @ [1.0, 0.5]
    passing = (weights[:, 3] > 0) & (weights[:, 7] == 0) & (scores > 0)
    expected = sorted(np.flatnonzero(passing), key=lambda row: (-scores[row], IDS[row]))[:9]
    hits = index.search(np.array([2, 5]), np.array([1.0, 0.5]), 9, include=[3], exclude=[7])
    assert hits == [(IDS[row], scores[row]) for row in expected]


@installed
def test_another_model_or_a_missing_index_is_said_with_its_command(place):
    built(place, block())
    message = said(lambda: MilvusIndex(place, "another", N, V))
    assert "holds 0 of the 90 images" in message
    assert "python -m lsr index --engine milvus" in message
    assert "holds 90 images, the collection 80" in said(
        lambda: MilvusIndex(place, "images", N - 10, V)
    )


@installed
def test_again_begins_anew(place):
    built(place, block())
    changed = block() * np.float32(0.5)
    list(milvus.build(place, rows_of(changed), again=True))
    assert_answers_as_memory(MilvusIndex(place, "images", N, V), changed)


@installed
def test_what_others_stored_under_the_name_is_refused(place):
    client = milvus_server.connect(place, create=True)
    client.create_collection("images", dimension=4)
    message = said(lambda: MilvusIndex(place, "images", N, V))
    assert "has the fields id, vector, not id, row, split, vector" in message
    assert "--again" in message


class Tampered:
    """A client whose searches answer something else than the inner product."""

    def __init__(self, client: object, change: Callable[[list], list]) -> None:
        self._client, self._change = client, change

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def search(self, *arguments: object, **named: object) -> list:
        return [self._change(list(hits)) for hits in self._client.search(*arguments, **named)]


def as_bm25(hits: list) -> list:
    return [dict(hit) | {"distance": hit["distance"] / (hit["distance"] + 1.5)} for hit in hits]


@installed
@pytest.mark.parametrize("change", [as_bm25, lambda hits: hits[1:]], ids=["bm25", "one left out"])
def test_an_engine_that_is_not_exact_is_refused_at_once(place, monkeypatch, change):
    whole = built(place, block())._client
    for module in (milvus, milvus_build):
        monkeypatch.setattr(module, "connect", lambda *_, **__: Tampered(whole, change))
    assert "inner product" in said(lambda: MilvusIndex(place, "images", N, V))
    asked: list[int] = []
    rows = rows_of(block(), "fresh")
    counted = Rows(
        "fresh", IDS, rows.splits, V, lambda a, b: (asked.append(a), rows.vectors(a, b))[1]
    )
    assert "inner product" in said(lambda: list(milvus.build(place, counted)))
    assert asked == [0]
    assert not whole.has_collection("fresh")


@installed
def test_a_score_that_is_wrong_later_is_refused_too(place):
    index = built(place, block())
    index._client = Tampered(index._client, as_bm25)
    assert "inner product" in said(lambda: index.search(np.array([1]), np.array([1.0]), 3))


@installed
def test_an_index_that_is_removed_while_it_is_open_is_said(place):
    index = built(place, block())
    index._client.drop_collection("images")
    assert "does not exist" in said(lambda: index.search(np.array([1]), np.array([1.0]), 3))


@installed
def test_a_server_answers_as_a_file_does(server):
    assert_answers_as_memory(built(server.place, block()), block())


@installed
def test_a_dropped_connection_is_said_in_one_sentence(server, small_batches):
    index = built(server.place, block())
    begun = milvus.build(server.place, rows_of(block(), "more"))
    next(begun)
    server.stop()
    for act in (
        lambda: index.search(np.array([1]), np.array([1.0]), 3),
        lambda: index.vectors(IDS[:2]),
        lambda: list(begun),
    ):
        message = said(act)
        assert str(server.place) in message
        assert "answer" in message


@installed
def test_nobody_at_the_address_is_said_in_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    place = Place(f"http://user:secret@127.0.0.1:{port}", connect_seconds=1)
    message = said(lambda: milvus_server.connect(place))
    assert f"No Milvus answers at `http://127.0.0.1:{port}` (tried for up to 1 s)" in message
    assert "secret" not in message


@installed
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(scheme):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = Place(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", connect_seconds=1)
        assert "No Milvus answers" in said(lambda: milvus_server.connect(place))


@installed
def test_a_server_without_sparse_vectors_is_refused(server, monkeypatch):
    from pymilvus import MilvusClient

    monkeypatch.setattr(MilvusClient, "get_server_version", lambda *_, **__: "v2.3.21")
    message = said(lambda: milvus_server.connect(server.place))
    assert "has version v2.3.21; sparse vectors need 2.4.0 or newer" in message


@installed
def test_a_milvus_lite_that_scores_by_bm25_is_refused(place, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "3.1.0")
    assert "Milvus Lite 3.1.0" in said(lambda: milvus_server.connect(place, create=True))


@installed
def test_a_file_that_another_process_has_open_is_said(place):
    code = (
        "import sys\nfrom lsr.index.milvus.server import Place, connect\n"
        f"connect(Place({place.uri!r}), create=True)\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        message = said(lambda: milvus_server.connect(place))
        other.kill()
    assert "another process, such as the app, has it open" in message


@installed
def test_a_damaged_file_is_said(place):
    place.path.write_bytes(b"not a folder")
    assert "is damaged" in said(lambda: milvus_server.connect(place))


@installed
@pytest.mark.parametrize(
    "uri", ["localhost", "ftp://host:1", "http://", "http://host:port", "milvus.sqlite", "a\0.db"]
)
def test_an_address_of_no_milvus_is_refused(uri):
    message = said(lambda: milvus_server.connect(Place(uri)))
    assert "is no address of a Milvus" in message
    assert "`http://host:19530`" in message


@installed
def test_a_certificate_that_is_not_there_is_said(tmp_path):
    place = Place("https://127.0.0.1:1", certificate=str(tmp_path / "none.pem"))
    assert "There is no certificate file" in said(lambda: milvus_server.connect(place))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    def absent(*names: str) -> None:
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name: None if name in names else object()
        )

    absent("pymilvus")
    message = said(lambda: milvus_server.connect(Place("http://127.0.0.1:1")))
    assert "`pymilvus`, which is not installed. Run `make milvus`" in message
    absent("milvus_lite")
    assert "`milvus-lite`" in str(obstacle(Place(str(tmp_path / "a.db"))))
    assert obstacle(Place("http://127.0.0.1:1")) is None
    absent()
    assert "There is no Milvus file" in str(obstacle(Place(str(tmp_path / "a.db"))))


def test_the_environment_says_where_milvus_is(home, monkeypatch):
    monkeypatch.delenv("LEXISCOPE_MILVUS_URI", raising=False)
    assert place_from_environment().path == home / "indexes" / "milvus.db"
    monkeypatch.setenv("LEXISCOPE_MILVUS_URI", "https://milvus.example:19530")
    monkeypatch.setenv("LEXISCOPE_MILVUS_TOKEN", "root:secret")
    monkeypatch.setenv("LEXISCOPE_MILVUS_CERTIFICATE", "/ca.pem")
    assert place_from_environment() == Place(
        "https://milvus.example:19530", "root:secret", "/ca.pem"
    )
