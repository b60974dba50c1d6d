"""Sparse vectors on disk: the images or the captions of a model that stores them.

Of each side: `SIDE-weights.npy` (float32), `SIDE-terms.npy` (int32) and `SIDE-ends.npy` (int64, n +
1 of them), mapped into memory, and `SIDE-ids.parquet`, whose vectors they are; an id may be empty,
where a vector belongs to nothing in the collection.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import ModelError, shorten
from lsr.model.sparse import checked_csr
from lsr.storage.files import fingerprint, read_array, told_when_no_parquet
from lsr.storage.room import told_when_full
from lsr.storage.tables import read_columns

_PARTS = {"weights": "<f4", "terms": "<i4", "ends": "<i8"}
_COPIED = 2**20


@dataclass(frozen=True)
class StoredSide:
    """The vectors of a model's images or captions, mapped into memory.

    model: its name, for messages. ids: n names, empty where a vector belongs to nothing.
    """

    model: str
    side: str
    folder: Path
    ids: list[str]
    n_terms: int

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """(n, V) float32 csr, checked as compiled loops need it.

        Raises:
            ModelError: a file is missing or damaged.
        """
        weights, terms, ends = (
            read_array(self.folder / f"{self.side}-{part}.npy", ModelError) for part in _PARTS
        )
        try:
            return checked_csr(weights, terms, ends, (len(self.ids), self.n_terms))
        except (ValueError, IndexError) as problem:
            raise ModelError(
                f"The vectors of the {self.side} of model `{self.model}` are damaged ({problem}). "
                "Import it again."
            ) from None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {one: row for row, one in enumerate(self.ids) if one}

    def has_any(self, ids: Sequence[str]) -> bool:
        """Whether one of some ids has a vector."""
        return any(one in self._rows for one in ids)

    def of(self, ids: Sequence[str]) -> sp.csr_matrix:
        """(len(ids), V): the vectors of some ids in their order; empty ones where there is none.

        Raises:
            ModelError: none of them has a vector.
        """
        if len(ids) == len(self.ids) and list(ids) == self.ids:
            return self.matrix
        rows = np.fromiter((self._rows.get(one, -1) for one in ids), np.int64, len(ids))
        if len(rows) and rows.max() < 0:
            raise ModelError(
                f"Model `{self.model}` has no vector of any of these {len(ids):,} {self.side}, "
                f"such as `{shorten(ids[0])}`: it has those of {len(self._rows):,} others. Choose "
                "another split, or another model."
            )
        found = sp.csr_matrix(self.matrix[np.maximum(rows, 0)])
        if (rows < 0).any():
            counts = np.where(rows < 0, 0, np.diff(found.indptr))
            kept = np.repeat(rows >= 0, np.diff(found.indptr))
            ends = np.concatenate([[0], np.cumsum(counts)])
            found = sp.csr_matrix((found.data[kept], found.indices[kept], ends), found.shape)
        found.has_sorted_indices = True
        return found


def open_side(folder: Path, side: str, n_terms: int) -> StoredSide | None:
    """A side of the model in a folder; None where it has none.

    Raises:
        ModelError: the list of its ids is damaged.
    """
    path = folder / f"{side}-ids.parquet"
    if not path.exists():
        return None
    with told_when_no_parquet(path, ModelError):
        ids = read_columns(path, {"id": "text"})["id"].to_pylist()
    return StoredSide(folder.name, side, folder, ids, n_terms)


class SideWriter:
    """Writes a side block by block; only its ids are ever in memory."""

    def __init__(self, folder: Path, side: str, files: Mapping[str, IO[bytes]]) -> None:
        self.folder, self.side, self._files = folder, side, files
        self.n_rows = self.n_active = 0
        self._write("ends", np.zeros(1, np.int64))

    def add(self, block: sp.csr_matrix) -> None:
        """Some more rows: float32, sorted indices, no explicit zeros."""
        self._write("weights", block.data)
        self._write("terms", block.indices)
        self._write("ends", block.indptr[1:].astype(np.int64) + self.n_active)
        self.n_rows += block.shape[0]
        self.n_active += block.nnz

    def _write(self, part: str, array: np.ndarray) -> None:
        self._files[part].write(np.ascontiguousarray(array, _PARTS[part]).data)


@contextmanager
def writing_side(folder: Path, side: str) -> Iterator[SideWriter]:
    """A writer whose arrays stand in the folder when the block ends well.

    Their headers say how long they are, so the numbers are written first and copied behind them.
    """
    raw = {part: folder / f".{side}-{part}" for part in _PARTS}
    with told_when_full(folder):
        with ExitStack() as stack:
            files = {part: stack.enter_context(path.open("wb")) for part, path in raw.items()}
            writer = SideWriter(folder, side, files)
            yield writer
        lengths = {
            "weights": writer.n_active,
            "terms": writer.n_active,
            "ends": writer.n_rows + 1,
        }
        for part, path in raw.items():
            header: dict[str, object] = {
                "descr": _PARTS[part],
                "fortran_order": False,
                "shape": (lengths[part],),
            }
            with (folder / f"{side}-{part}.npy").open("wb") as target, path.open("rb") as source:
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(source, target, _COPIED)
            path.unlink()


def write_ids(folder: Path, side: str, ids: Sequence[str]) -> None:
    """Whose the vectors of a side are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with told_when_full(folder):
        pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), folder / f"{side}-ids.parquet")


def side_fingerprint(folder: Path, side: str) -> str:
    """Changes when the vectors of a side or their ids do."""
    files = sorted(folder.glob(f"{side}-*"))
    return fingerprint(*files)
