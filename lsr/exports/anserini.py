"""JSON lines of sparse vectors, as Anserini's `JsonVectorCollection` and Seismic read them.

Anserini indexes whole numbers: it repeats a term as often as it weighs and cuts off what stands
behind the decimal point, so it needs quantised weights. Seismic reads floats.

Source: JsonVectorCollection, TsvStringTopicReader and BagOfWordsQueryGenerator of Anserini.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from lsr.exports.fields import check_terms, field_ids, id_notes
from lsr.exports.selection import (
    OTHER,
    ExportReport,
    Selection,
    Steps,
    VectorSet,
    Writing,
    quantised,
    quantiser_card,
)


def write_quantised(selection: Selection, folder: Path) -> Writing:
    """`SIDE/vectors.jsonl` for `IndexCollection`, and the other side as `TsvString` topics.

    In the topics, for `-impact -pretokenized`, a term stands as often as it weighs. A query
    without a term is left out, because their reader cannot take it.
    """
    check_terms(selection)
    lost = 0
    notes: list[str] = []
    for vectors in selection.sets:
        lost += yield from _write_lines(selection, vectors, folder, selection.scale)
        queries = selection.vector_set(OTHER[vectors.kind])
        if len(queries):
            notes += yield from _write_topics(selection, queries, folder)
        else:
            notes.append(f"There are no {queries.kind}, so there are no queries for the index.")
    notes += id_notes(selection.vector_set("images"), selection.vector_set("captions"))
    return {"quantiser": quantiser_card(selection.scale, lost), "notes": notes}


def write_float(selection: Selection, folder: Path) -> Writing:
    """`SIDE/vectors.jsonl` with the weights as they are, float32."""
    check_terms(selection)
    for vectors in selection.sets:
        yield from _write_lines(selection, vectors, folder, None)
    return {"notes": id_notes(*selection.sets)}


def _write_lines(
    selection: Selection, vectors: VectorSet, folder: Path, scale: int | None
) -> Steps[int]:
    """One object a line; how many weights were rounded to 0."""
    name = f"{vectors.kind}/vectors.jsonl"
    keys = np.array([json.dumps(term, ensure_ascii=False) for term in selection.terms], object)
    ids = field_ids(vectors.ids)
    lost = 0
    (folder / vectors.kind).mkdir()
    with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
        for part, block in vectors.sparse_blocks():
            written = block if scale is None else quantised(block, scale)
            lost += block.nnz - written.nnz
            file.writelines(
                f'{{"id": {json.dumps(one, ensure_ascii=False)}, '
                f'"contents": {json.dumps(contents, ensure_ascii=False)}, '
                f'"vector": {{{vector}}}}}\n'
                for one, contents, vector in zip(
                    ids[part], vectors.contents[part], _objects(written, keys), strict=True
                )
            )
            yield ExportReport(name, part.stop, len(vectors), part.stop)
    return lost


def _objects(block: sp.csr_matrix, keys: np.ndarray) -> list[str]:
    """The inside of a JSON object for every row; a float32 has the digits that make it unique."""
    fields = keys[block.indices] + ": " + block.data.astype(str).astype(object)
    ends = zip(block.indptr[:-1], block.indptr[1:], strict=True)
    return [", ".join(fields[start:stop]) for start, stop in ends]


def _write_topics(selection: Selection, queries: VectorSet, folder: Path) -> Steps[list[str]]:
    """`topics.SIDE.tsv.gz`; sentences on what is left out."""
    name = f"topics.{queries.kind}.tsv.gz"
    words = np.array(selection.terms, object)
    ids = field_ids(queries.ids)
    rows = 0
    # No time and no name in the header, so that the same vectors give the same bytes.
    with (
        (folder / name).open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as file,
    ):
        for part, block in queries.sparse_blocks():
            counts = quantised(block, selection.scale)
            ends = zip(counts.indptr[:-1], counts.indptr[1:], strict=True)
            for one, (start, stop) in zip(ids[part], ends, strict=True):
                if stop > start:
                    said = np.repeat(words[counts.indices[start:stop]], counts.data[start:stop])
                    file.write(f"{one}\t{' '.join(said)}\n".encode())
                    rows += 1
            yield ExportReport(name, part.stop, len(queries), rows)
    empty = len(queries) - rows
    return [f"{empty:,} {queries.kind} have no term, so they are no queries."] if empty else []
