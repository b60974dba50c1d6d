"""Parquet tables of unknown origin, checked; a large one is mapped into memory and read by need.

What was checked of a large one is kept under `$LEXISCOPE_HOME/cache/tables`, so that it is checked
once while its file stays as it is.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lsr.exceptions import InputError
from lsr.storage.files import forget, replacing_file
from lsr.storage.places import home
from lsr.storage.room import make_room_among
from lsr.storage.untrusted import UnexpectedError, parsed

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_TABLE_BYTES = 2**30
"""What the wanted columns of a table may take, unless the file is large itself."""
# A table that says no more than one value can stand for any number of rows. Ids, names and captions
# take three to ten times their place in a file.
_MOST_TIMES = 30
_ROWS = 1024
_BLOCK = 64 * _ROWS
# From so many bytes on a table is mapped.
MAPPED_BYTES = 2**25
LIMIT_BYTES = 4 * 2**30
"""Of all tables that are kept, or what the last one needs; the others go first, by their age."""
SCHEMA = 1
Column = Literal[
    "text",
    "text or nothing",
    "whole number",
    "whole number or nothing",
    "number",
    "number or nothing",
]


class MappedTable(NamedTuple):
    """A table, and the memory that it is mapped into where it is large."""

    table: pa.Table
    mapped: mmap.mmap | None

    def forget(self) -> None:
        """Give back the memory of what was read so far; it is read again when it is needed."""
        import pyarrow as pa

        if self.mapped is not None:
            forget(self.mapped)
            pa.default_memory_pool().release_unused()


def read_columns(path: Path, columns: Mapping[str, Column]) -> pa.Table:
    """Some columns of a parquet file, in the order of `columns`; text as strings, whole UTF-8.

    Raises:
        UnexpectedError: a column is missing or comes twice, holds something else, or nothing where
            it may not, or they take more than MOST_TABLE_BYTES and much more than the file.
        DamagedError: not a parquet file.
        OSError: it cannot be read.
    """
    return map_columns(path, columns).table


def map_columns(path: Path, columns: Mapping[str, Column]) -> MappedTable:
    """As `read_columns`. A large table is written as it is read, and that file is mapped.

    So it takes no more memory than what is looked at. The next to read the same file, unchanged,
    maps what was written. Where nothing can be written, the table is kept in memory.
    """
    if os.name != "nt":  # which does not remove a file that is mapped
        kept = _place_of(path, columns)
        if (known := _mapped(kept)) is not None:
            with suppress(OSError):  # used now, so others are older; a file system may forbid it
                os.utime(kept)
            return known
        try:
            return _read(path, columns, kept)
        except (InputError, OSError):
            if not path.exists():
                raise
    return _read(path, columns, None)


def _place_of(path: Path, columns: Mapping[str, Column]) -> Path:
    """Where some columns of a file are kept once they are checked; another one once it changes."""
    state = path.stat()
    told = (
        SCHEMA,
        str(path.resolve()),
        state.st_ino,
        state.st_size,
        state.st_mtime_ns,
        *columns.items(),
    )
    name = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
    return home() / "cache" / "tables" / f"{name}.arrow"


def _mapped(kept: Path) -> MappedTable | None:
    """The table that was kept in a file; None where there is none, or it is damaged."""
    import pyarrow as pa

    try:
        with kept.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return MappedTable(pa.ipc.open_file(pa.py_buffer(mapped)).read_all(), mapped)
    except (OSError, ValueError):  # pyarrow's errors are ValueErrors
        return None


def _read(path: Path, columns: Mapping[str, Column], kept: Path | None) -> MappedTable:
    """kept: the file that a large table is mapped from; None where it stays in memory."""
    import pyarrow as pa  # lists read only JSON
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        stack.enter_context(parsed())
        file = stack.enter_context(pq.ParquetFile(path))
        _check_names(file, columns)
        checks = [_Checked(name, kind) for name, kind in columns.items()]
        blocks: list[pa.RecordBatch] = []
        spool: Any = None
        size = 0
        for block in _blocks(file, list(columns), checks, path.stat().st_size):
            size += block.nbytes
            if kept and size > MAPPED_BYTES and spool is None:
                spool = _Spool(block.schema, stack.enter_context(replacing_file(kept)))
                stack.callback(spool.close)
            for one in (*blocks, block) if spool else ():
                spool.write(one)
            blocks = [] if spool else [*blocks, block]
        for check in checks:
            check.finish()
        if kept and spool:
            found: MappedTable = spool.mapped()
            others = kept.parent.glob("[!.]*.arrow")
            make_room_among(others, LIMIT_BYTES - len(found.mapped or b""))
            return found
        if blocks:
            return MappedTable(pa.Table.from_batches(blocks).combine_chunks(), None)
        nothing = file.schema_arrow.empty_table()
        return MappedTable(
            pa.table({one.name: one.of(nothing[one.name].combine_chunks()) for one in checks}), None
        )


def _check_names(file: pq.ParquetFile, columns: Mapping[str, Column]) -> None:
    names = file.schema_arrow.names
    if absent := [name for name in columns if name not in names]:
        raise UnexpectedError(f"has no column {', '.join(absent)}")
    if twice := [name for name in columns if names.count(name) > 1]:
        raise UnexpectedError(f"has several columns `{twice[0]}`")


def _blocks(
    file: pq.ParquetFile, names: list[str], checks: list[_Checked], on_disk: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a file, checked, some ten thousand at a time."""
    import pyarrow as pa

    room = max(MOST_TABLE_BYTES, _MOST_TIMES * on_disk)
    waiting: list[pa.RecordBatch] = []
    size = rows = 0
    for batch in file.iter_batches(_ROWS, columns=names):
        batch.validate(full=True)
        parts = pa.record_batch([check.of(batch[check.name]) for check in checks], names=names)
        if (size := size + parts.nbytes) > room:
            raise UnexpectedError(f"takes more than {room // 2**20:,} MB in memory")
        waiting.append(parts)
        rows += len(parts)
        if rows >= _BLOCK:
            yield pa.concat_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_batches(waiting)


class _Checked:
    """A column that is read in parts: its type, and whether it holds nothing where it may not."""

    def __init__(self, name: str, kind: Column) -> None:
        import pyarrow as pa

        self.name, self._kind, self._missing = name, kind, 0
        types = pa.types
        self._fits, self._usual = {
            "text": ((types.is_string, types.is_large_string, types.is_string_view), pa.string()),
            "whole": ((types.is_integer,), pa.int64()),
            "number": ((types.is_integer, types.is_floating), pa.float64()),
        }[kind.split()[0]]

    def of(self, column: pa.Array) -> pa.Array:
        """A part, in the usual type."""
        import pyarrow as pa

        found = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if column.null_count < len(column) and not any(check(found) for check in self._fits):
            raise UnexpectedError(
                f"holds {column.type} in column `{self.name}`, not {self._kind.split(' or')[0]}"
            )
        self._missing += column.null_count
        if self._kind.startswith("text") or not any(check(column.type) for check in self._fits):
            return column.cast(self._usual)
        return column

    def finish(self) -> None:
        """Refuse a column that holds nothing where it may not."""
        if self._missing and not self._kind.endswith("or nothing"):
            rows = f"{self._missing:,} rows"
            raise UnexpectedError(f"holds nothing in {rows} of column `{self.name}`")


class _Spool:
    """Rows on their way to a file, from where they are mapped."""

    def __init__(self, schema: pa.Schema, place: Path) -> None:
        import pyarrow as pa

        self._file = place.open("w+b")
        self._writer = pa.ipc.new_file(self._file, schema)

    def write(self, rows: pa.RecordBatch) -> None:
        self._writer.write_batch(rows)

    def mapped(self) -> MappedTable:
        """What was written, as a table."""
        import pyarrow as pa

        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return MappedTable(pa.ipc.open_file(pa.py_buffer(mapped)).read_all(), mapped)

    def close(self) -> None:
        """Let go of the file; what is mapped stays."""
        self._file.close()
