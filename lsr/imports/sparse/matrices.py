"""Whole sparse matrices in a file: scipy's `.npz`, and the tensors of sentence-transformers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from lsr.exceptions import CollectionError, shorten
from lsr.imports.sparse.blocks import ROWS, Block, Blocks
from lsr.storage.untrusted import DamagedError, parsed, read_tensors

# As of any zip that others made.
_MOST_TIMES, _HARMLESS = 100, 2**28
# Rows for each entry of a matrix whose rows take no room in the file.
_MOST_EMPTY = 1000
_AS_SCIPY = "Write it with `scipy.sparse.save_npz`, in csr."


def read_npz(path: Path) -> tuple[Blocks, int]:
    """A scipy sparse matrix, as `scipy.sparse.save_npz` writes it, and its number of columns.

    Raises:
        CollectionError: it is something else, or holds Python objects, which are not read.
    """
    arrays = _npz_arrays(path)
    form = arrays.get("format")
    name = "csr"
    if form is not None and form.size == 1:
        raw = form.item()
        name = raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)
    shape = arrays.get("shape", np.zeros(0))
    if shape.shape != (2,) or shape.dtype.kind not in "iu":
        raise CollectionError(f"`{path.name}` says no shape of a matrix. {_AS_SCIPY}")
    n, n_terms = map(int, shape)
    try:
        weights = _numbers_of(arrays["data"])
        if name == "coo":
            ends, terms, weights = _by_rows(arrays["row"], arrays["col"], weights, n)
        elif name == "csc":
            columns = np.repeat(np.arange(len(arrays["indptr"]) - 1), np.diff(arrays["indptr"]))
            ends, terms, weights = _by_rows(arrays["indices"], columns, weights, n)
        elif name == "csr":
            ends, terms = arrays["indptr"].astype(np.int64), arrays["indices"]
        else:
            raise CollectionError(f"`{path.name}` is a {shorten(name)} matrix. {_AS_SCIPY}")
    except (KeyError, ValueError, IndexError, TypeError, MemoryError) as problem:
        raise CollectionError(
            f"`{path.name}` is no scipy sparse matrix ({problem}). {_AS_SCIPY}"
        ) from None
    check_rows(path.name, ends, terms, weights, n)
    return _sliced(ends, terms, weights), n_terms


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > max(_HARMLESS, _MOST_TIMES * path.stat().st_size):
            raise DamagedError(f"it would unpack to {size / 2**20:,.0f} MB")
        with parsed(), np.load(path, allow_pickle=False) as file:
            return {name: np.asarray(file[name]) for name in file.files}
    except (DamagedError, OSError, zipfile.BadZipFile) as problem:
        why = str(problem)
        if "pickle" in why or "Object arrays" in why:
            raise CollectionError(
                f"`{path.name}` holds Python objects, which can run code and are not read. "
                f"{_AS_SCIPY}"
            ) from None
        raise CollectionError(f"`{path.name}` is no .npz file ({why}). {_AS_SCIPY}") from None


def _numbers_of(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub" or array.ndim != 1:
        raise ValueError(f"data of type {array.dtype} and shape {array.shape}")
    return array


def _by_rows(
    rows: np.ndarray, terms: np.ndarray, weights: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ends (n + 1,), terms, weights) of entries in any order."""
    for array in (rows, terms):
        if array.dtype.kind not in "iu" or array.shape != weights.shape:
            raise ValueError("rows, columns and data differ in length or type")
    if n > _MOST_EMPTY * max(len(rows), 1):
        raise ValueError(f"{n:,} rows of {len(rows):,} entries")
    if len(rows) and (rows.min() < 0 or rows.max() >= n):
        raise ValueError(f"row {int(rows.max()):,} of {n:,}")
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n)
    return np.concatenate([[0], np.cumsum(counts)]), terms[order], weights[order]


def check_rows(file: str, ends: np.ndarray, terms: np.ndarray, weights: np.ndarray, n: int) -> None:
    """Refuse arrays that are no rows of entries.

    Raises:
        CollectionError: they are not.
    """
    whole = len(ends) == n + 1 and terms.shape == weights.shape and terms.dtype.kind in "iu"
    if not whole or ends[0] != 0 or ends[-1] != len(terms) or (np.diff(ends) < 0).any():
        raise CollectionError(
            f"`{file}` is damaged: its {n:,} rows do not fit its {len(terms):,} entries. Write it "
            "again."
        )


def _sliced(ends: np.ndarray, terms: np.ndarray, weights: np.ndarray) -> Blocks:
    for start in range(0, len(ends) - 1, ROWS):
        part = ends[start : start + ROWS + 1]
        entries = slice(int(part[0]), int(part[-1]))
        yield Block(None, np.diff(part), terms[entries], weights[entries])


def read_embeddings(path: Path) -> tuple[Blocks, int]:
    """The tensors of a COO matrix in a safetensors file: indices (2, nnz), values and size.

    That is what `SparseEncoder.encode` of sentence-transformers gives, saved as tensors.

    Raises:
        CollectionError: it is something else.
    """
    try:
        tensors = read_tensors(path, ["indices", "values", "size"])
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{path.name}` holds no sparse vectors ({problem}): they are tensors `indices`, "
            "`values` and `size`, of one COO matrix. Save them again."
        ) from None
    indices, values, size = (tensors[name] for name in ("indices", "values", "size"))
    whole = size.shape == (2,) and size.dtype.kind in "iu" and (size > 0).all()
    if not whole or indices.ndim != 2 or len(indices) != 2:
        raise CollectionError(
            f"`{path.name}` holds `indices` of shape {indices.shape} and `size` of shape "
            f"{size.shape}, not (2, nnz) and (2,). Save the matrix in COO form."
        )
    n, n_terms = map(int, size)
    try:
        ends, terms, weights = _by_rows(indices[0], indices[1], _numbers_of(values), n)
    except ValueError as problem:
        raise CollectionError(f"`{path.name}` is damaged ({problem}). Save it again.") from None
    return _sliced(ends, terms, weights), n_terms
