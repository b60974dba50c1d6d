"""Dense vectors from any model: a `.npy`, `.safetensors` or parquet file, and whose they are."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.encoders.unit_vectors import unit_vectors
from lsr.exceptions import CollectionError, InputError, shorten
from lsr.imports.readers.delimited import header_of, rows_below
from lsr.imports.vectors.vector_table import norm_range, read_vector_table
from lsr.storage.files import read_array
from lsr.storage.texts import EncodingError, decode_text
from lsr.storage.untrusted import DamagedError, check_array, read_tensors, tensor_shapes

_BLOCK = 8192


@dataclass(frozen=True)
class VectorFile:
    """The vectors of a file as they are in it, and what the file says of whose they are.

    vectors: (n, d), memory-mapped where the format allows it.
    labels: columns of n strings each by name, such as `id`; None where only the order counts.
    norms: smallest and largest norm when they are not 1, else None.
    """

    file: str
    vectors: np.ndarray
    labels: dict[str, list[str]] | None
    norms: tuple[float, float] | None

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Unit vectors of some rows, in float16 where the file has it, else in float32."""
        kind = np.float16 if self.vectors.dtype == np.float16 else np.float32
        taken = np.empty((len(rows), self.vectors.shape[1]), kind)
        for start in range(0, len(rows), _BLOCK):
            block, _ = unit_vectors(self.vectors[rows[start : start + _BLOCK]])
            taken[start : start + len(block)] = block
        return taken


def read_vector_file(place: str, labels: str | None = None) -> VectorFile:
    """The vectors at `place`, checked: finite, none all zeros.

    Args:
        place: a `.npy` file of shape (n, d), a parquet file with the columns `id` and `emb`, or a
            `.safetensors` file; where that holds several arrays, its path, a colon and the name.
        labels: a CSV or TSV file with a header that says whose the vectors are. With a column
            `row` a line belongs to the vector of that number, counted from 0; without one, lines
            and vectors are in the same order.

    Raises:
        InputError: there is no such file, or it has another ending.
        CollectionError: a file is damaged, or the counts do not fit.
    """
    path, _, tensor = place.partition(":") if not Path(place).exists() else (place, "", "")
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"There is no file `{shorten(path)}`. Check the path.")
    match file.suffix.lower():
        case ".npy":
            _refuse_objects(file)
            vectors, columns = read_array(file, CollectionError), None
        case ".safetensors":
            vectors, columns = _read_tensor(file, tensor), None
        case ".parquet":
            table = read_vector_table(file)
            rows = np.fromiter(table.rows.values(), np.int64, len(table.rows))
            if labels is None:
                unit = VectorFile(table.file, table.vectors, {"id": list(table.rows)}, table.norms)
                return unit if len(rows) == len(table.vectors) else _picked(unit, rows)
            vectors, columns = table.vectors, None
        case ending:
            raise InputError(
                f"`{file.name}` ends in `{ending}`. Give the vectors as .npy, .parquet or "
                ".safetensors."
            )
    _check_shape(file.name, vectors)
    norms = np.concatenate([unit_vectors(block)[1] for block in _blocks(vectors)])
    spread = norm_range(file.name, norms, lambda row: f"row {row:,}")
    if labels is not None:
        columns = read_labels(Path(labels).expanduser(), file.name, len(vectors))
    return VectorFile(file.name, vectors, columns, spread)


def _refuse_objects(file: Path) -> None:
    """Python objects in a file could run code when they are read."""
    try:
        check_array(file)
    except DamagedError as problem:
        if "type object" in str(problem):
            raise CollectionError(
                f"`{file.name}` holds Python objects, such as lists of several lengths, which are "
                "not read. Save one array of numbers, as `numpy.stack` makes it, in float32."
            ) from None
    except OSError:
        return  # reading it says why


def _picked(vectors: VectorFile, rows: np.ndarray) -> VectorFile:
    return VectorFile(vectors.file, vectors.vectors[rows], vectors.labels, vectors.norms)


def _blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(vectors), _BLOCK):
        yield vectors[start : start + _BLOCK]


def _check_shape(file: str, vectors: np.ndarray) -> None:
    if vectors.ndim != 2 or not vectors.size:
        raise CollectionError(
            f"`{file}` holds an array of shape {vectors.shape}. Give one row of numbers for each "
            "image or caption."
        )
    if vectors.dtype.kind not in "fiu":
        raise CollectionError(f"`{file}` holds values of type {vectors.dtype}. Store numbers.")


def _read_tensor(file: Path, name: str) -> np.ndarray:
    try:
        names = list(tensor_shapes(file))
        if not name and len(names) == 1:
            name = names[0]
        if name in names:
            return read_tensors(file, [name])[name]
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{file.name}` is truncated or not a safetensors file ({problem}). Restore the file."
        ) from None
    raise CollectionError(
        f"`{file.name}` holds the arrays {', '.join(f'`{shorten(n)}`' for n in names[:20])}. Say "
        f"which one as `{file.name}:{names[0] if names else 'NAME'}`."
    )


def read_labels(path: Path, vectors: str, n: int) -> dict[str, list[str]]:
    """Columns of n strings each in the order of the vectors; "" where a vector has no line."""
    try:
        text = decode_text(path.read_bytes())
        header = header_of(text)
    except FileNotFoundError:
        raise InputError(f"There is no file `{shorten(path.name)}`. Check the path.") from None
    except EncodingError as problem:
        raise CollectionError(f"`{path.name}` {problem}. Save it as UTF-8 text.") from None
    except (csv.Error, OSError) as problem:
        raise CollectionError(f"`{path.name}` is not a CSV file ({problem}). Mend it.") from None
    names, lines = header.names, list(rows_below(text, header))
    if twice := [name for name in names if names.count(name) > 1]:
        raise CollectionError(
            f"`{path.name}` has several columns `{shorten(twice[0])}`. Rename one of them."
        )
    if "row" not in names and len(lines) != n:
        raise CollectionError(
            f"`{vectors}` holds {n:,} vectors but `{path.name}` has {len(lines):,} lines. Give one "
            "line for each vector, or a column `row` with the number of its vector."
        )
    columns = {name: [""] * n for name in names if name and name != "row"}
    seen = np.zeros(n, bool)
    for place, (number, cells) in enumerate(lines):
        if len(cells) != len(names):
            raise CollectionError(
                f"Line {number:,} of `{path.name}` has {len(cells)} columns, the first line has "
                f"{len(names)}. Put texts with commas into quotation marks."
            )
        line = dict(zip(names, cells, strict=True))
        row = _row_number(path, number, line["row"], n) if "row" in names else place
        if seen[row]:
            raise CollectionError(
                f"`{path.name}` has two lines of row {row:,}. Leave one of them out."
            )
        seen[row] = True
        for name, column in columns.items():
            column[row] = line[name]
    return columns


def _row_number(path: Path, number: int, text: str, n: int) -> int:
    row = -1
    with suppress(ValueError):
        row = int(text)
    if not 0 <= row < n:
        raise CollectionError(
            f"Line {number:,} of `{path.name}` has the row `{shorten(text)}`, but there are "
            f"{n:,} vectors, counted from 0. Mend the line."
        )
    return row
