"""Parquet and Arrow files, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from lsr.exceptions import CollectionError, shorten
from lsr.storage.untrusted import DamagedError, parsed

_BATCH = 64


def table_schema(path: Path) -> pa.Schema:
    """The columns of a table file.

    Raises:
        CollectionError: it is truncated or neither parquet nor Arrow, or a name is no UTF-8.
    """
    with _told(path):
        if path.suffix == ".parquet":
            schema = pq.read_schema(path)
        else:
            with pa.memory_map(str(path)) as source:
                schema = _open(source).schema
        schema.names  # noqa: B018  (decodes them, and refuses what is no UTF-8)
        return schema


def column_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of some columns, a few at a time, in order.

    Raises:
        CollectionError: the file is truncated or neither parquet nor Arrow, or two of its columns
            have one of the names.
    """
    names = table_schema(path).names
    if twice := [name for name in columns if names.count(name) > 1]:
        raise CollectionError(
            f"`{path.name}` has several columns `{shorten(twice[0])}`. Rename one of them, so that "
            "it is clear which is meant."
        )
    with _told(path):
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from map(_checked, file.iter_batches(_BATCH, columns=list(columns)))
            return
        with pa.memory_map(str(path)) as source:
            for whole in _open(source):
                # A batch that says more rows than its columns have would end the process.
                batch = _checked(whole.select(list(columns)))
                for first in range(0, len(batch), _BATCH):
                    yield batch.slice(first, _BATCH)


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, once its texts are text and its lists have the ends they say."""
    batch.validate(full=True)
    return batch


def _open(source: pa.NativeFile) -> pa.RecordBatchReader:
    """`datasets` writes streams; others write files."""
    try:
        return ipc.open_stream(source)
    except pa.ArrowInvalid:
        source.seek(0)
        opened = ipc.open_file(source)
        return pa.RecordBatchReader.from_batches(
            opened.schema, (opened.get_batch(n) for n in range(opened.num_record_batches))
        )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what a reader of the file says of it into one sentence."""
    try:
        with parsed():
            yield
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{path.name}` is truncated or no parquet or Arrow file ({problem}). Restore the file."
        ) from None
