"""Bulk insert: files in a real object storage, and what a server would do with them.

No Milvus server can be run here. What stands for one reads the files back from the storage and
stores them in Milvus Lite, which is reached over the network; the rest is real.
"""

from __future__ import annotations

import importlib.util
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest

from lsr.exceptions import EngineError
from lsr.index.milvus import bulk
from lsr.index.milvus.bulk import Storage, build_in_bulk, storage_from_environment
from lsr.index.milvus.index import MilvusIndex
from lsr.index.milvus.server import Place, connect
from tests.index.test_milvus import IDS, N, V, assert_answers_as_memory, block, rows_of

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(one) is None for one in ("minio", "azure", "moto", "milvus_lite")),
    reason="the bulk writer of Milvus is not installed",
)


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """An S3-compatible server with an empty bucket."""
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "thing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    made = Storage(f"http://{host}:{port}/images", "some", "thing")
    bucket(made).create()
    yield made
    server.stop()


def bucket(storage: Storage):
    import boto3

    place = f"http://{storage.endpoint}"
    return boto3.resource("s3", endpoint_url=place, region_name="us-east-1").Bucket(storage.bucket)


@pytest.fixture
def server(tmp_path, storage, monkeypatch) -> Iterator[Place]:
    """Milvus Lite over the network, with an import beside it."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    running, database, port = start_server_in_thread(str(tmp_path / "server"), port=0)
    place = Place(f"http://127.0.0.1:{port}", connect_seconds=1, call_seconds=3)

    class Imports(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/create"):
                for [name] in asked["files"]:
                    content = bucket(storage).Object(name).get()["Body"].read()
                    rows = pq.read_table(io.BytesIO(content)).to_pylist()
                    for row in rows:
                        vector = json.loads(row["vector"])
                        row["vector"] = {int(term): weight for term, weight in vector.items()}
                    connect(place).upsert(asked["collectionName"], rows)
                told = {"jobId": "1"}
            else:
                told = {"state": "Completed", "progress": 100}
            content = json.dumps({"code": 0, "data": told}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    imports = ThreadingHTTPServer(("127.0.0.1", 0), Imports)
    threading.Thread(target=imports.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{imports.server_port}"
    monkeypatch.setattr(bulk, "rest_address", lambda place: address)
    yield place
    imports.shutdown()
    imports.server_close()
    running.stop(grace=0).wait()
    database.close()


def test_what_was_inserted_in_bulk_answers_as_memory_does(server, storage):
    weights = block()
    *_, last = build_in_bulk(server, rows_of(weights), storage)
    assert (last.done, last.total) == (N, N)
    assert_answers_as_memory(MilvusIndex(server, "images", N, V), weights)
    assert not list(bucket(storage).objects.all())
    # What is whole stays; what is not is replaced, none of it twice.
    [again] = build_in_bulk(server, rows_of(weights), storage)
    assert (again.done, again.per_second) == (N, 0)
    connect(server).delete("images", ids=IDS[:5])
    list(build_in_bulk(server, rows_of(weights), storage))
    assert_answers_as_memory(MilvusIndex(server, "images", N, V), weights)


def test_a_bucket_that_is_not_there_is_told(server, storage):
    other = Storage(storage.address + "-not", storage.key, storage.secret)
    with pytest.raises(EngineError, match="images-not` cannot be used: it is not there. Correct"):
        list(build_in_bulk(server, rows_of(block()), other))


def test_lite_and_wrong_addresses_are_refused(monkeypatch, tmp_path):
    assert storage_from_environment(Place("http://127.0.0.1:1")) is None
    monkeypatch.setenv("LEXISCOPE_MILVUS_STORAGE", "http://127.0.0.1:9000/bucket")
    with pytest.raises(EngineError, match="Milvus Lite has no bulk insert. Unset"):
        storage_from_environment(Place(str(tmp_path / "milvus.db")))
    for wrong in ("s3://bucket", "http://127.0.0.1:9000"):
        monkeypatch.setenv("LEXISCOPE_MILVUS_STORAGE", wrong)
        with pytest.raises(EngineError, match="is no bucket of an object storage"):
            storage_from_environment(Place("http://127.0.0.1:1"))
