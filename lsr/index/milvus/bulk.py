"""Images stored in a Milvus server in bulk: parquet files in its object storage, then one import.

A server reads such files with all of its data nodes, where batches go through one proxy. Milvus
Lite has no bulk insert.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lsr.exceptions import EngineError, shorten
from lsr.index.milvus.build import (
    BATCH,
    BuildReport,
    Rows,
    check_fields,
    count,
    create,
    entities,
    schema_of,
    unfinished,
)
from lsr.index.milvus.query import check_exact
from lsr.index.milvus.server import Place, connect, told

_FILE_BYTES = 512 * 2**20
# Seconds between two questions how far the server is, and those it may stand still.
_PAUSE, _PATIENCE = 1.0, 1800.0


@dataclass(frozen=True)
class Storage:
    """The object storage of a Milvus server, S3 or compatible with it.

    address: `http://host:9000/bucket`, as this process reaches the bucket that the server reads.
    key, secret: of an account that may write there.
    """

    address: str
    key: str
    secret: str

    @property
    def endpoint(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def secure(self) -> bool:
        return urlsplit(self.address).scheme == "https"

    @property
    def bucket(self) -> str:
        return urlsplit(self.address).path.strip("/")


def storage_from_environment(place: Place) -> Storage | None:
    """The storage of `$LEXISCOPE_MILVUS_STORAGE`; None where batches are to be stored.

    Raises:
        EngineError: it is no address, the Milvus is a file, or a package is missing.
    """
    address = os.environ.get("LEXISCOPE_MILVUS_STORAGE", "")
    if not address:
        return None
    if place.is_file:
        raise EngineError(
            "Milvus Lite has no bulk insert. Unset `$LEXISCOPE_MILVUS_STORAGE`, or name a server "
            "in `$LEXISCOPE_MILVUS_URI`."
        )
    storage = Storage(
        address,
        os.environ.get("AWS_ACCESS_KEY_ID", ""),
        os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
    )
    if urlsplit(address).scheme not in ("http", "https") or not storage.bucket:
        raise EngineError(
            f"`{shorten(address)}` is no bucket of an object storage. Set "
            "`$LEXISCOPE_MILVUS_STORAGE` to `http://host:9000/bucket`, and `$AWS_ACCESS_KEY_ID` "
            "and `$AWS_SECRET_ACCESS_KEY` to its account."
        )
    if absent := [name for name in ("minio", "azure") if importlib.util.find_spec(name) is None]:
        raise EngineError(
            f"Bulk insert needs the package `{absent[0]}`, which is not installed. Run "
            '`pip install "pymilvus[bulk-writer]"`, or unset `$LEXISCOPE_MILVUS_STORAGE`.'
        )
    return storage


def build_in_bulk(
    place: Place, rows: Rows, storage: Storage, *, again: bool = False
) -> Iterator[BuildReport]:
    """Store the images as parquet files, and have the server import them.

    What is whole already stays; a part is replaced. The files are removed at the end.

    Args:
        again: remove what is stored under this name first.

    Raises:
        EngineError: storage or server do not answer or refuse, or Milvus does not score by inner
            product; then a new index does not stay there.
    """
    client = connect(place)
    total, started = len(rows.ids), time.perf_counter()
    with told(place):
        if not again and client.has_collection(rows.name, timeout=place.call_seconds):
            check_fields(client, place, rows.name)
            client.load_collection(rows.name, timeout=place.call_seconds)
            if count(client, place, rows.name) == total:
                yield BuildReport(total, total, 0.0, 0.0)
                return
        client.drop_collection(rows.name, timeout=place.call_seconds)
        create(client, place, rows.name)
    with _uploading(rows, storage) as upload:
        for done in upload.fill():
            # Half of the work; how long the server takes is not known before it has begun.
            rate = done / 2 / max(time.perf_counter() - started, 1e-9)
            yield BuildReport(done // 2, total, rate, (total - done // 2) / rate)
        if not upload.files:
            raise _unusable(storage, "the files could not be written")
        for share in _imported(place, rows.name, upload.files):
            done = total // 2 + int(share * (total - total // 2))
            rate = done / max(time.perf_counter() - started, 1e-9)
            yield BuildReport(min(done, total - 1), total, rate, (total - done) / rate)
    with told(place):
        # What was imported is searched once it is loaded; an empty collection was loaded before.
        client.release_collection(rows.name, timeout=place.call_seconds)
        client.load_collection(rows.name, timeout=10 * place.call_seconds)
        try:
            check_exact(client, place, rows.name)
        except EngineError:
            client.drop_collection(rows.name, timeout=place.call_seconds)
            raise
        stored = count(client, place, rows.name)
    if stored != total:
        raise EngineError(unfinished(place, stored, total))
    yield BuildReport(total, total, total / (time.perf_counter() - started), 0.0)


class _Upload:
    """Parquet files on their way into the storage."""

    def __init__(self, rows: Rows, writer: Any) -> None:
        self._rows, self._writer = rows, writer

    def fill(self) -> Iterator[int]:
        """Write all rows; how many are written."""
        total = len(self._rows.ids)
        for start in range(0, total, BATCH):
            stop = min(start + BATCH, total)
            for entity in entities(self._rows, self._rows.vectors(start, stop), start, stop):
                self._writer.append_row(entity)
            yield stop
        self._writer.commit()

    @property
    def files(self) -> list[list[str]]:
        """Their names in the bucket."""
        return [list(batch) for batch in self._writer.batch_files]


@contextmanager
def _uploading(rows: Rows, storage: Storage) -> Iterator[_Upload]:
    """What fills the storage; the files are gone when it ends, however it does."""
    writers = _writers()
    parameters = writers.RemoteBulkWriter.S3ConnectParam(
        bucket_name=storage.bucket,
        endpoint=storage.endpoint,
        access_key=storage.key,
        secret_key=storage.secret,
        secure=storage.secure,
    )
    with tempfile.TemporaryDirectory() as folder:
        writer = writers.RemoteBulkWriter(
            schema_of(),
            f"lexiscope/{rows.name}",
            parameters,
            chunk_size=_FILE_BYTES,
            file_type=writers.BulkFileType.PARQUET,
            local_path=folder,
        )
        upload = _Upload(rows, writer)
        try:
            _check_bucket(storage)
            yield upload
        finally:
            _remove(storage, upload.files)


def _writers() -> Any:
    """The package `pymilvus.bulk_writer`, which turns on the logs of all libraries when loaded."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    from pymilvus import bulk_writer

    root.handlers[:] = handlers
    root.setLevel(level)
    its_own = logging.getLogger(bulk_writer.__name__)
    its_own.propagate = False
    its_own.handlers = [logging.NullHandler()]
    return bulk_writer


def _client(storage: Storage) -> Any:
    from minio import Minio

    account = {"access_key": storage.key, "secret_key": storage.secret}
    return Minio(endpoint=storage.endpoint, secure=storage.secure, **account)


def _check_bucket(storage: Storage) -> None:
    """Refuse a bucket before the writer does, in a thread of its own, where nobody hears it."""
    import minio
    import urllib3

    try:
        there = _client(storage).bucket_exists(bucket_name=storage.bucket)
        why = "it is not there"
    except (minio.error.MinioException, urllib3.exceptions.HTTPError, ValueError) as problem:
        there, why = False, shorten(str(problem), 120)
    if not there:
        raise _unusable(storage, why)


def _unusable(storage: Storage, why: str) -> EngineError:
    return EngineError(
        f"The bucket `{shorten(storage.address)}` cannot be used: {why}. Correct "
        "`$LEXISCOPE_MILVUS_STORAGE`, `$AWS_ACCESS_KEY_ID` and `$AWS_SECRET_ACCESS_KEY`."
    )


def _remove(storage: Storage, files: list[list[str]]) -> None:
    """Remove files from the storage, as far as it answers."""
    import minio
    import urllib3

    client = _client(storage)
    with suppress(minio.error.MinioException, urllib3.exceptions.HTTPError):
        for name in (name for batch in files for name in batch):
            client.remove_object(bucket_name=storage.bucket, object_name=name)


def rest_address(place: Place) -> str:
    """Where a server takes requests beside gRPC: at the same port."""
    return place.uri.rstrip("/")


def _imported(place: Place, name: str, files: list[list[str]]) -> Iterator[float]:
    """Have the server import files; the share that it has done, now and then."""
    import requests
    from pymilvus.exceptions import MilvusException

    writers = _writers()
    server: dict[str, Any] = {"url": rest_address(place), "api_key": place.token}
    if place.certificate:
        server["verify"] = place.certificate
    try:
        asked = writers.bulk_import(collection_name=name, files=files, **server).json()
        job, moved, before = asked["data"]["jobId"], time.monotonic(), -1.0
        while True:
            told_of = writers.get_import_progress(job_id=job, **server).json()["data"]
            if told_of["state"] == "Failed":
                raise EngineError(
                    f"Milvus at `{place}` could not import the files: "
                    f"{shorten(str(told_of.get('reason', 'no reason given')), 200)}. Does it read "
                    "the bucket of `$LEXISCOPE_MILVUS_STORAGE`?"
                )
            share = float(told_of.get("progress", 0)) / 100
            if share > before:
                moved, before = time.monotonic(), share
            if time.monotonic() - moved > _PATIENCE:
                raise EngineError(
                    f"Milvus at `{place}` has not moved on with its import for "
                    f"{_PATIENCE / 60:.0f} minutes. Look at its log, then try again."
                )
            yield share
            if told_of["state"] == "Completed":
                return
            time.sleep(_PAUSE)
    except MilvusException as problem:
        raise EngineError(
            f"Milvus at `{place}` refuses the import: {shorten(str(problem.message), 200)}. Look "
            "at its log, or unset `$LEXISCOPE_MILVUS_STORAGE`."
        ) from None
    except (requests.RequestException, KeyError, ValueError) as problem:
        raise EngineError(
            f"Milvus at `{place}` does not answer to bulk imports ({type(problem).__name__}). Its "
            "version 2.5 or newer does; or unset `$LEXISCOPE_MILVUS_STORAGE`."
        ) from None
