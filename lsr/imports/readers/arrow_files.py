"""Parquet and Arrow files, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from lsr.exceptions import CollectionError

_BATCH = 64


def table_schema(path: Path) -> pa.Schema:
    """The columns of a table file.

    Raises:
        CollectionError: it is truncated or neither parquet nor Arrow.
    """
    try:
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        with pa.memory_map(str(path)) as source:
            return _open(source).schema
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, problem) from None


def column_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of some columns, a few at a time, in order.

    Raises:
        CollectionError: the file is truncated or neither parquet nor Arrow.
    """
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(_BATCH, columns=list(columns))
            return
        with pa.memory_map(str(path)) as source:
            for batch in _open(source):
                for first in range(0, len(batch), _BATCH):
                    yield batch.select(list(columns)).slice(first, _BATCH)
    except (pa.ArrowException, OSError) as problem:
        raise _damaged(path, problem) from None


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


def _damaged(path: Path, problem: Exception) -> CollectionError:
    reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return CollectionError(
        f"`{path.name}` is truncated or no parquet or Arrow file ({reason}). Restore the file."
    )
