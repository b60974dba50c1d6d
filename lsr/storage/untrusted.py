"""What JSON, arrays, tables and tensors of unknown origin really hold, before anybody relies on it.

Each function is the one boundary around somebody else's parser: whatever that raises on a damaged
file becomes a `DamagedError` with the reason in words, and what it returns has checked types. Who
calls it knows the file and the remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lsr.exceptions import LexiscopeError, shorten

if TYPE_CHECKING:
    import pyarrow as pa

MOST_TABLE_BYTES = 2**30
"""What the wanted columns of a table may take in memory."""
# A table that says no more than one value can stand for any number of rows.
_ROWS = 1024
_KINDS = "fiu"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
Column = Literal[
    "text",
    "text or nothing",
    "whole number",
    "whole number or nothing",
    "number",
    "number or nothing",
]


class DamagedError(ValueError):
    """A file is not what its name says; the message is the reason, in brackets after it."""


class UnexpectedError(DamagedError):
    """A file is of its format but holds something else; the message follows the file's name."""


@contextmanager
def parsed() -> Iterator[None]:
    """Turn whatever a parser of somebody else's raises into a `DamagedError` with its reason.

    A missing file stays a FileNotFoundError, another system error an OSError, and ours are ours.
    """
    try:
        yield
    except (DamagedError, LexiscopeError, OSError):
        raise
    except BaseException as problem:
        # What a Rust library panics with is no Exception.
        if not isinstance(problem, Exception) and type(problem).__name__ != "PanicException":
            raise
        lines = str(problem).splitlines() or [type(problem).__name__]
        raise DamagedError(shorten(lines[0], 160)) from problem


def parse_json(text: str) -> Any:
    """The content of a JSON text, all its strings whole characters.

    Raises:
        DamagedError: not JSON, nested too deeply, or with half of a surrogate pair.
    """
    try:
        content = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start : problem.start + 1]
        raise DamagedError(
            f"it holds half of a character, \\u{ord(half):04x}, which is no text"
        ) from None
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except ValueError as problem:
        raise DamagedError(str(problem)) from None
    return content


def check_array(path: Path) -> None:
    """Refuse a `.npy` file that is not one whole array of numbers, before it is mapped.

    Raises:
        DamagedError: its header is broken, or fewer bytes follow than it says.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, parsed():
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in read:
            raise DamagedError(f"version {version[0]}.{version[1]} of the format")
        shape, _, kind = read[version](file)
        if kind.hasobject or kind.kind not in _KINDS + "b":
            raise DamagedError(f"values of type {kind}")
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            raise DamagedError(f"a shape of {shorten(str(shape))}")
        expected = kind.itemsize
        for n in shape:
            expected *= n
        found = path.stat().st_size - file.tell()
        if found < expected:
            raise DamagedError(f"{found:,} of {expected:,} bytes")


def read_columns(path: Path, columns: Mapping[str, Column]) -> pa.Table:
    """Some columns of a parquet file, in the order of `columns`; text as strings, whole UTF-8.

    Raises:
        UnexpectedError: a column is missing or comes twice, holds something else, or nothing where
            it may not, or they take more than MOST_TABLE_BYTES.
        DamagedError: not a parquet file.
        OSError: it cannot be read.
    """
    import pyarrow as pa  # lists read only JSON
    import pyarrow.parquet as pq

    with parsed(), pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if absent := [name for name in columns if name not in names]:
            raise UnexpectedError(f"has no column {', '.join(absent)}")
        if twice := [name for name in columns if names.count(name) > 1]:
            raise UnexpectedError(f"has several columns `{twice[0]}`")
        batches, size = [], 0
        for batch in file.iter_batches(_ROWS, columns=list(columns)):
            batch.validate(full=True)
            if (size := size + batch.nbytes) > MOST_TABLE_BYTES:
                raise UnexpectedError(f"takes more than {MOST_TABLE_BYTES // 2**20:,} MB in memory")
            batches.append(batch)
        schema = pa.schema([file.schema_arrow.field(name) for name in columns])
        table = pa.Table.from_batches([batch.select(list(columns)) for batch in batches], schema)
        checked = [_checked_column(table[name], name, kind) for name, kind in columns.items()]
        return pa.Table.from_arrays(checked, names=list(columns))


def _checked_column(column: pa.ChunkedArray, name: str, kind: Column) -> pa.ChunkedArray:
    import pyarrow as pa

    found = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    checks, usual = {
        "text": (
            (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
            pa.string(),
        ),
        "whole": ((pa.types.is_integer,), pa.int64()),
        "number": ((pa.types.is_integer, pa.types.is_floating), pa.float64()),
    }[kind.split()[0]]
    if column.null_count < len(column) and not any(check(found) for check in checks):
        raise UnexpectedError(f"holds {column.type} in column `{name}`, not {kind.split(' or')[0]}")
    if column.null_count and not kind.endswith("or nothing"):
        raise UnexpectedError(f"holds nothing in {column.null_count:,} rows of column `{name}`")
    if kind.startswith("text") or not any(check(column.type) for check in checks):
        return column.cast(usual)
    return column


def read_tensors(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Tensors of a safetensors file by name, bfloat16 as float32; all of them where none is named.

    Raises:
        UnexpectedError: a tensor is missing.
        DamagedError: not a safetensors file, or a tensor of a type that numpy does not have.
        OSError: it cannot be read.
    """
    from safetensors import safe_open

    with parsed(), safe_open(path, "numpy") as file:
        there = list(file.keys())
        wanted = there if names is None else list(names)
        if absent := sorted(set(wanted) - set(there)):
            raise UnexpectedError(f"lacks {', '.join(absent[:6])}")
        kinds = {file.get_slice(name).get_dtype() for name in wanted}
        if "BF16" not in kinds:  # which numpy does not have
            return {name: file.get_tensor(name) for name in wanted}
    from safetensors.torch import load_file

    with parsed():
        tensors = load_file(path)
        return {
            name: (one.float() if "bfloat16" in str(one.dtype) else one).numpy()
            for name, one in tensors.items()
            if name in wanted
        }


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors of a safetensors file by name; only its header is read.

    Raises:
        DamagedError: not a safetensors file.
        OSError: it cannot be read.
    """
    from safetensors import safe_open

    with parsed(), safe_open(path, "numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
