"""Dense vectors by id in a parquet file with the columns `id` and `emb`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsr.encoders.unit_vectors import TOLERANCE, unit_vectors
from lsr.exceptions import CollectionError, shorten
from lsr.storage.files import told_when_no_parquet

_BATCH = 8192


@dataclass(frozen=True)
class VectorTable:
    """Unit vectors of a file in its own order.

    rows: the row of each id, ids as strings. vectors: (n, d) float32, unit norm.
    norms: smallest and largest norm in the file when they were not 1, else None.
    """

    file: str
    rows: dict[str, int]
    vectors: np.ndarray
    norms: tuple[float, float] | None


def read_vector_table(path: Path) -> VectorTable:
    """The vectors in `path`, brought to unit norm where their norms differ from 1.

    An id may come twice with the same vector.

    Raises:
        CollectionError: not a parquet file of that layout, vectors of several sizes, numbers
            that are not finite, a vector of zeros, or an id with two different vectors.
    """
    with told_when_no_parquet(path, CollectionError), pq.ParquetFile(path) as file:
        if not file.metadata.num_rows:
            raise CollectionError(f"`{path.name}` holds 0 vectors. Restore the file.")
        _check_columns(path, file.schema_arrow)
        ids, vectors, norms = _read(path, file)
    spread = norm_range(path.name, norms, lambda row: f"that of id `{shorten(ids[row])}`")
    return VectorTable(path.name, _rows(path, ids, vectors), vectors, spread)


def norm_range(
    file: str, norms: np.ndarray, label: Callable[[int], str]
) -> tuple[float, float] | None:
    """The smallest and largest of the norms in a file where they are not 1, else None.

    Args:
        norms: (n,), n above 0. label: what to call the vector of a row in a message.

    Raises:
        CollectionError: a norm is not finite or 0.
    """
    _refuse(file, ~np.isfinite(norms), "hold NaN or infinite numbers", label)
    _refuse(file, norms == 0, "are all zeros", label)
    low, high = float(norms.min()), float(norms.max())
    return None if max(1 - low, high - 1) <= TOLERANCE else (low, high)


def norm_note(file: str, norms: tuple[float, float]) -> str:
    """The sentence for vectors that were not of unit length."""
    low, high = (f"{norm:.4g}" for norm in norms)
    spread = f"norms of {low}" if low == high else f"norms from {low} to {high}"
    return f"The vectors of {file} had {spread} and were brought to unit length."


def _check_columns(path: Path, schema: pa.Schema) -> None:
    if absent := [name for name in ("id", "emb") if name not in schema.names]:
        raise CollectionError(
            f"`{path.name}` has no column {' and no column '.join(absent)}; its columns are "
            f"{', '.join(schema.names)}. Name them `id` and `emb`."
        )
    if twice := [name for name in ("id", "emb") if schema.names.count(name) > 1]:
        raise CollectionError(
            f"`{path.name}` has several columns `{twice[0]}`. Rename one of them, so that it is "
            "clear which is meant."
        )
    kind, values = schema.field("id").type, schema.field("emb").type
    if not (
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        raise CollectionError(
            f"The ids in `{path.name}` are of type {kind}. Store whole numbers or strings."
        )
    is_list = any(
        check(values)
        for check in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    )
    if not is_list or not (
        pa.types.is_floating(values.value_type) or pa.types.is_integer(values.value_type)
    ):
        raise CollectionError(
            f"Column `emb` of `{path.name}` is of type {values}. Store lists of numbers."
        )


def _read(path: Path, file: pq.ParquetFile) -> tuple[list[str], np.ndarray, np.ndarray]:
    """(n ids, (n, d) float32 of unit norm, (n,) norms), batch by batch: never all of it at once."""
    n = file.metadata.num_rows
    ids: list[str] = []
    vectors = np.zeros((n, 0), np.float32)
    norms = np.zeros(n)
    for first, batch in _batches(file):
        if empty := batch["id"].null_count + batch["emb"].null_count:
            raise CollectionError(
                f"{empty:,} ids or vectors among the rows {first:,} to {first + len(batch):,} of "
                f"`{path.name}` are empty. Remove or fill these rows."
            )
        ids += map(str, batch["id"].to_pylist())
        sizes = np.unique(pc.list_value_length(batch["emb"]).to_numpy())
        if not first:
            vectors = np.empty((n, int(sizes[0])), np.float32)
        sizes = np.union1d(sizes, [vectors.shape[1]])
        if len(sizes) > 1 or not sizes[0]:
            raise CollectionError(
                f"`{path.name}` holds vectors of {' and '.join(f'{s:,}' for s in sizes)} numbers. "
                "All must have the same size, 1 or more."
            )
        numbers = batch["emb"].flatten().to_numpy(zero_copy_only=False)
        # What has no direction is refused by the caller, with the ids.
        unit, lengths = unit_vectors(numbers.reshape(len(batch), -1))
        vectors[first : first + len(batch)] = unit
        norms[first : first + len(batch)] = lengths
    return ids, vectors, norms


def _batches(file: pq.ParquetFile) -> Iterator[tuple[int, pa.RecordBatch]]:
    first = 0
    for batch in file.iter_batches(_BATCH, columns=["id", "emb"]):
        batch.validate(full=True)
        if len(batch):
            yield first, batch
        first += len(batch)


def _refuse(file: str, wrong: np.ndarray, what: str, label: Callable[[int], str]) -> None:
    if wrong.any():
        raise CollectionError(
            f"{int(wrong.sum()):,} of the {len(wrong):,} vectors in `{file}` {what}, such as "
            f"{label(int(wrong.argmax()))}. Encode these again."
        )


def _rows(path: Path, ids: list[str], vectors: np.ndarray) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, one in enumerate(ids):
        first = rows.setdefault(one, row)
        if first != row and not np.array_equal(vectors[first], vectors[row]):
            raise CollectionError(
                f"`{path.name}` has {len(ids):,} vectors, two different ones of the id "
                f"`{shorten(one)}`. Keep one."
            )
    return rows
