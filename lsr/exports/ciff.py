"""The Common Index File Format: an inverted index with whole-number weights, in one file.

The file is a Header, a PostingsList a term and a DocRecord a document, protocol-buffer messages
with their lengths before them. A posting is a few bytes, so all postings of a term are encoded
at once in numpy; ciff-toolkit, which would write them one object each, asks for a protobuf that
is older than the one of the app.

Source: Lin et al., "Supporting Interoperability Between Open-Source Search Engines with the
Common Index File Format", arXiv 2003.08276, and its CommonIndexFileFormat.proto.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import scipy.sparse as sp

from lsr.exports.fields import check_terms, field_ids, id_notes
from lsr.exports.selection import (
    ExportReport,
    Selection,
    Steps,
    VectorSet,
    Writing,
    quantised,
    quantiser_card,
)

_DOUBLE, _BYTES = 1, 2  # wire types; the others here are varints, 0
_TERMS_A_REPORT = 1000


def write_ciff(selection: Selection, folder: Path) -> Writing:
    """`SIDE.ciff` with quantised weights as term frequencies, terms in the order of their bytes."""
    check_terms(selection)
    lost = 0
    for vectors in selection.sets:
        name = f"{vectors.kind}.ciff"
        documents, rounded = yield from _quantised(vectors, name, selection.scale)
        lost += rounded
        with (folder / name).open("wb") as file:
            yield from _write_index(file, name, selection, vectors, documents)
    return {"quantiser": quantiser_card(selection.scale, lost), "notes": id_notes(*selection.sets)}


def _quantised(vectors: VectorSet, name: str, scale: int) -> Steps[tuple[sp.csr_matrix, int]]:
    """All vectors with whole-number weights, and how many weights became 0."""
    weights = 0
    blocks = []
    for part, block in vectors.sparse_blocks():
        weights += block.nnz
        blocks.append(quantised(block, scale))
        yield ExportReport(name, part.stop, len(vectors), 0, reads=True)
    documents = sp.csr_matrix(sp.vstack(blocks, format="csr"))
    return documents, weights - documents.nnz


def _write_index(
    file: BinaryIO,
    name: str,
    selection: Selection,
    vectors: VectorSet,
    documents: sp.csr_matrix,
) -> Steps[None]:
    lengths = np.asarray(documents.sum(axis=1, dtype=np.int64)).ravel()
    postings = documents.tocsc()
    postings.sort_indices()
    encoded = [term.encode() for term in selection.terms]
    used = np.flatnonzero(np.diff(postings.indptr)).tolist()
    used.sort(key=encoded.__getitem__)
    total = int(lengths.sum())
    about = (
        f"{vectors.kind} of {selection.collection.name}, split {selection.split}, weights times "
        f"{selection.scale}"
    )
    _write_message(
        file,
        _number(1, 1)
        + _number(2, len(used))
        + _number(3, len(vectors))
        + _number(4, len(used))
        + _number(5, len(vectors))
        + _number(6, total)
        + _key(7, _DOUBLE)
        + struct.pack("<d", total / max(len(vectors), 1))
        + _text(8, about.encode()),
    )
    for done, term in enumerate(used, 1):
        span = slice(postings.indptr[term], postings.indptr[term + 1])
        rows, weights = postings.indices[span], postings.data[span]
        counts = _number(2, len(rows)) + _number(3, int(weights.sum(dtype=np.int64)))
        _write_message(file, _text(1, encoded[term]) + counts + _postings(rows, weights))
        if done % _TERMS_A_REPORT == 0 or done == len(used):
            yield ExportReport(name, done, len(used), 0)
    for row, (one, length) in enumerate(zip(field_ids(vectors.ids), lengths.tolist(), strict=True)):
        _write_message(file, _number(1, row) + _text(2, one.encode()) + _number(3, length))
    yield ExportReport(name, len(vectors), len(vectors), len(vectors))


def _postings(rows: np.ndarray, weights: np.ndarray) -> bytes:
    """Posting messages, field 4 of a PostingsList: gap to the row before, and weight."""
    gaps = np.diff(rows, prepend=0)
    gap_bytes, gap_kept = _varints(gaps)
    weight_bytes, weight_kept = _varints(weights)
    n = len(rows)
    sizes = 2 + gap_kept.sum(axis=1) + weight_kept.sum(axis=1)  # at most 12: one byte as a varint
    fixed = [_key(4, _BYTES), sizes, _key(1, 0), gap_bytes, _key(2, 0), weight_bytes]
    columns = [
        np.full((n, 1), part[0], np.uint8) if isinstance(part, bytes) else part.reshape(n, -1)
        for part in fixed
    ]
    one = np.ones((n, 1), bool)
    kept = np.hstack([one, one, one, gap_kept, one, weight_kept])
    return np.hstack(columns).astype(np.uint8)[kept].tobytes()


def _varints(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 5) uint8 and which of these bytes belong to the varint of each value below 2³¹."""
    parts = values.astype(np.int64)[:, None] >> np.arange(0, 35, 7)
    kept = parts > 0
    kept[:, 0] = True
    more = np.hstack([kept[:, 1:], np.zeros((len(values), 1), bool)])
    return ((parts & 0x7F) | (more << 7)).astype(np.uint8), kept


def _varint(value: int) -> bytes:
    digits = []
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def _key(field: int, wire_type: int) -> bytes:
    return bytes([field << 3 | wire_type])


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _write_message(file: BinaryIO, message: bytes) -> None:
    file.write(_varint(len(message)) + message)
