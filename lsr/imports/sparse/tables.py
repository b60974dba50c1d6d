"""Sparse vectors in a parquet file: a row a weight, or a row a vector."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from lsr.exceptions import CollectionError, shorten
from lsr.imports.sparse.blocks import ROWS, Block, Blocks
from lsr.imports.sparse.term_numbers import TermNumbers
from lsr.storage.files import told_when_no_parquet


def read_table(path: Path, numbers: TermNumbers) -> Blocks:
    """A parquet file: a row a weight (`id`, `term`, `weight`), the rows of an id together; or a row
    a vector (`id`, and lists `terms` or `indices`, and `weights` or `values`).

    Raises:
        CollectionError: it has other columns, or the rows of an id are not together.
    """
    import pyarrow.parquet as pq

    with told_when_no_parquet(path, CollectionError), pq.ParquetFile(path) as file:
        names = set(file.schema_arrow.names)
        lists = [(t, w) for t in ("terms", "indices") for w in ("weights", "values")]
        pair = next(((t, w) for t, w in lists if {"id", t, w} <= names), None)
        if pair is None and not {"id", "term", "weight"} <= names:
            raise CollectionError(
                f"`{path.name}` has the columns {', '.join(sorted(names)[:20])}. Name them `id`, "
                "`term` and `weight`, a row a weight; or `id`, `terms` and `weights`, a row a "
                "vector."
            )
        columns = ["id", *(pair or ("term", "weight"))]
        batches = file.iter_batches(ROWS if pair else ROWS * 64, columns=columns)
        if pair:
            yield from _of_lists(path.name, batches, columns, numbers)
        else:
            yield from _of_weights(path.name, batches, numbers)


def _of_lists(file: str, batches: Any, columns: list[str], numbers: TermNumbers) -> Blocks:
    import pyarrow.compute as pc

    for batch in batches:
        batch.validate(full=True)
        ids, terms, weights = (batch[name] for name in columns)
        if ids.null_count + terms.null_count + weights.null_count:
            raise CollectionError(f"`{file}` has empty ids or vectors. Remove or fill these rows.")
        counts = _flat_counts(file, pc, terms, weights)
        found = _term_column(file, terms.flatten(), numbers)
        yield Block(_id_column(file, ids), counts, found, _weight_column(file, weights.flatten()))


def _flat_counts(file: str, pc: Any, terms: Any, weights: Any) -> np.ndarray:
    import pyarrow as pa

    for column in (terms, weights):
        if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
            raise CollectionError(
                f"`{file}` holds {column.type} where it should hold lists. Store a list of terms "
                "and one of weights for each id."
            )
    counts, others = (pc.list_value_length(one).to_numpy() for one in (terms, weights))
    if (counts != others).any():
        row = int((counts != others).argmax())
        raise CollectionError(
            f"Row {row:,} of `{file}` has {counts[row]:,} terms but {others[row]:,} weights."
        )
    return np.asarray(counts, np.int64)


def _of_weights(file: str, batches: Any, numbers: TermNumbers) -> Blocks:
    """Rows of one weight each; the last id of a batch may go on in the next."""
    done: set[str] = set()
    kept: tuple[list[str], np.ndarray, np.ndarray] = ([], np.zeros(0, np.int64), np.zeros(0))
    for batch in batches:
        batch.validate(full=True)
        ids = kept[0] + _id_column(file, batch["id"])
        terms = np.concatenate([kept[1], _term_column(file, batch["term"], numbers)])
        weights = np.concatenate([kept[2], _weight_column(file, batch["weight"])])
        last = next((at for at in range(len(ids) - 1, -1, -1) if ids[at] != ids[-1]), -1) + 1
        if last:
            yield _grouped(file, ids[:last], terms[:last], weights[:last], done)
        kept = ids[last:], terms[last:], weights[last:]
    if kept[0]:
        yield _grouped(file, *kept, done)


def _grouped(
    file: str, ids: list[str], terms: np.ndarray, weights: np.ndarray, done: set[str]
) -> Block:
    groups = [(one, len(list(same))) for one, same in itertools.groupby(ids)]
    for one, _ in groups:
        if one in done:
            raise CollectionError(
                f"The rows of id `{shorten(one)}` in `{file}` are not together. Sort them by id."
            )
        done.add(one)
    counts = np.array([count for _, count in groups], np.int64)
    return Block([one for one, _ in groups], counts, terms, weights)


def _id_column(file: str, column: Any) -> list[str]:
    import pyarrow as pa

    kinds = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    if column.null_count or not any(kind(column.type) for kind in kinds):
        raise CollectionError(
            f"The ids in `{file}` are of type {column.type} or empty. Store strings or whole "
            "numbers."
        )
    return [str(one) for one in column.to_pylist()]


def _term_column(file: str, column: Any, numbers: TermNumbers) -> np.ndarray:
    import pyarrow as pa

    if column.null_count:
        raise CollectionError(f"{column.null_count:,} terms in `{file}` are empty. Fill them.")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise CollectionError(
            f"The terms in `{file}` are of type {column.type}. Store strings or whole numbers."
        )
    return numbers.of(column.to_pylist(), file)


def _weight_column(file: str, column: Any) -> np.ndarray:
    import pyarrow as pa

    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    if column.null_count or not is_number:
        raise CollectionError(
            f"The weights in `{file}` are of type {column.type} or empty. Store numbers."
        )
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
