"""CSV and parquet: a row a weight for sparse vectors, a row a vector for dense ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from lsr.exports.cells import harmless
from lsr.exports.selection import ExportReport, Selection, VectorSet, Writing

_TERMS = pa.schema({"id": pa.string(), "term": pa.string(), "weight": pa.float32()})
_Open = Callable[[Path, pa.Schema], AbstractContextManager[Any]]
_Blocks = Iterator[tuple[slice, pa.Table]]


def write_csv(selection: Selection, folder: Path) -> Writing:
    """`SIDE_terms.csv` with id, term, weight; `SIDE_vectors.csv` with id and a column a number."""
    numbers = {str(i): pa.float32() for i in range(selection.collection.dense_size)}
    dense = pa.schema({"id": pa.string(), **numbers})
    told = yield from _write(selection, folder, "csv", _csv_writer, dense)
    texts = [one for vectors in selection.sets for one in vectors.ids]
    texts += selection.terms if selection.model else []
    if changed := sum(harmless(text) != text for text in texts):
        told["notes"].append(
            f"{changed:,} ids and terms begin as formulas do; an apostrophe stands before them, so "
            "that no spreadsheet computes them."
        )
    return told


def write_parquet(selection: Selection, folder: Path) -> Writing:
    """`SIDE_terms.parquet` with id, term, weight; `SIDE_vectors.parquet` with id and emb.

    The second is the layout of the published vectors, which `lsr.imports` reads too.
    """
    emb = pa.list_(pa.float32(), selection.collection.dense_size)
    dense = pa.schema({"id": pa.string(), "emb": emb})
    return (yield from _write(selection, folder, "parquet", pq.ParquetWriter, dense))


@contextmanager
def _csv_writer(path: Path, schema: pa.Schema) -> Iterator[_HarmlessCsv]:
    with pcsv.CSVWriter(path, schema) as writer:
        yield _HarmlessCsv(writer)


class _HarmlessCsv:
    """A writer of CSV whose texts no spreadsheet computes."""

    def __init__(self, writer: pcsv.CSVWriter) -> None:
        self._writer = writer

    def write_table(self, table: pa.Table) -> None:
        for place, column in enumerate(table.schema):
            if pa.types.is_string(column.type):
                texts = table.column(place).combine_chunks().dictionary_encode()
                known = pa.array(map(harmless, texts.dictionary.to_pylist()), pa.string())
                table = table.set_column(place, column, known.take(texts.indices))
        self._writer.write_table(table)


def _write(
    selection: Selection, folder: Path, ending: str, opened: _Open, dense: pa.Schema
) -> Writing:
    for vectors in selection.sets:
        if selection.model is not None:
            with opened(folder / f"{vectors.kind}_terms.{ending}", _TERMS) as writer:
                name = f"{vectors.kind}_terms.{ending}"
                yield from _stream(writer, name, vectors, _terms(selection, vectors))
        with opened(folder / f"{vectors.kind}_vectors.{ending}", dense) as writer:
            name = f"{vectors.kind}_vectors.{ending}"
            yield from _stream(writer, name, vectors, _dense(vectors, dense))
    return {"notes": []}


def _stream(writer: Any, name: str, vectors: VectorSet, blocks: _Blocks) -> Iterator[ExportReport]:
    rows = 0
    for part, table in blocks:
        writer.write_table(table)
        rows += len(table)
        yield ExportReport(name, part.stop, len(vectors), rows)


def _terms(selection: Selection, vectors: VectorSet) -> _Blocks:
    words = pa.array(selection.terms, pa.string())
    for part, block in vectors.sparse_blocks():
        ids = pa.array(vectors.ids[part], pa.string())
        rows = np.repeat(np.arange(len(ids)), np.diff(block.indptr))
        columns = [ids.take(pa.array(rows)), words.take(pa.array(block.indices))]
        yield part, pa.Table.from_arrays([*columns, pa.array(block.data)], schema=_TERMS)


def _dense(vectors: VectorSet, schema: pa.Schema) -> _Blocks:
    for part, block in vectors.dense_blocks():
        ids = pa.array(vectors.ids[part], pa.string())
        if schema.names == ["id", "emb"]:
            numbers = [pa.FixedSizeListArray.from_arrays(block.reshape(-1), block.shape[1])]
        else:
            numbers = [pa.array(column) for column in np.ascontiguousarray(block.T)]
        yield part, pa.Table.from_arrays([ids, *numbers], schema=schema)
