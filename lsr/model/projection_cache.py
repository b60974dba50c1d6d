"""Sparse vectors that were computed before, kept under `$LEXISCOPE_HOME/cache/projected`.

Pages, commands and notebooks share them, so a model projects the same dense vectors once. A file is
found by the fingerprints of the model and of the vectors, and written whole or not at all. Those of
the bundled model's test split are shipped, so that its first sweep does not wait for torch.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from lsr.exceptions import InputError
from lsr.model.protocol import Items, Model
from lsr.model.sparse import checked_csr
from lsr.model.vocabulary import Vocabulary
from lsr.storage import places
from lsr.storage.files import fingerprint, replacing_file
from lsr.storage.places import home
from lsr.storage.room import make_room_among

_LOG = logging.getLogger(__name__)
SCHEMA = 1
SHIPPED = "projected"  # under the bundled assets
LIMIT_BYTES = 2**30
"""Of all files together; the ones that were not used for longest go first."""
# A file that would take more than this share of the room is not kept.
_LARGEST_SHARE = 0.25


def cache_folder() -> Path:
    """Where projected vectors are kept."""
    return home() / "cache" / "projected"


def sparse_once(
    model: Model, items: Items, make: Callable[[], sp.csr_matrix] | None = None
) -> sp.csr_matrix:
    """What `model.sparse` gives, read from disk where it was computed before.

    Args:
        make: gives the same in another way.

    Returns:
        (n, V) float32 csr, sorted indices, no explicit zeros.
    """
    make = make or (lambda: model.sparse(items))
    if not len(items) or (mark := model.mark(items)) is None:
        return make()
    return _once(_name(mark), (len(items), len(model.vocabulary)), make)


def literal_once(vocabulary: Vocabulary, texts: Sequence[str]) -> sp.csr_matrix:
    """What `vocabulary.literal_matrix` gives, read from disk where the texts were split before."""
    if not texts:
        return vocabulary.literal_matrix(texts)
    shape = len(texts), len(vocabulary)
    name = literal_name(vocabulary, texts)
    kept = _once(name, shape, lambda: vocabulary.literal_matrix(texts).astype(np.float32))
    return kept.astype(bool)


def sparse_name(model: Model, items: Items) -> str:
    """Name of the file that keeps what `model.sparse` gives for items that it has a mark for."""
    return _name(str(model.mark(items)))


def literal_name(vocabulary: Vocabulary, texts: Sequence[str]) -> str:
    """Name of the file that keeps what `vocabulary.literal_matrix` gives for some texts."""
    return _name(fingerprint("literal", vocabulary.tokenizer_fingerprint, *texts))


def _name(key: str) -> str:
    return f"{SCHEMA}-{key}.safetensors"


def _once(name: str, shape: tuple[int, int], make: Callable[[], sp.csr_matrix]) -> sp.csr_matrix:
    """The matrix that is kept or shipped under a name, made where there is none."""
    shipped, path = places.ASSETS / SHIPPED / name, cache_folder() / name
    for one in (shipped, path):
        if (known := _read(one, shape)) is not None:
            return known
    matrix = make()
    _keep(path, matrix)
    return matrix


def _read(path: Path, shape: tuple[int, int]) -> sp.csr_matrix | None:
    """The matrix in a file; None where there is none or it is damaged."""
    try:
        arrays = load_file(path)
        matrix = checked_csr(arrays["weights"], arrays["terms"], arrays["ends"], shape)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as problem:
        _LOG.warning("`%s` is damaged (%s). It is computed anew.", path, problem)
        if path.parent == cache_folder():
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return None
    if path.parent == cache_folder():
        with suppress(OSError):  # used now, so others are older; a file system may forbid it
            os.utime(path)
    return matrix


def _keep(path: Path, matrix: sp.csr_matrix) -> None:
    """Write a matrix, after older ones made room for it."""
    arrays: dict[str, np.ndarray] = {
        "weights": np.ascontiguousarray(matrix.data, np.float32),
        "terms": np.ascontiguousarray(matrix.indices, np.int32),
        "ends": np.ascontiguousarray(matrix.indptr, np.int64),
    }
    size = sum(array.nbytes for array in arrays.values())
    if size > LIMIT_BYTES * _LARGEST_SHARE:
        return
    try:
        make_room_among(path.parent.glob("*.safetensors"), LIMIT_BYTES - size)
        with replacing_file(path) as temporary:
            save_file(arrays, temporary)
    except (InputError, OSError) as problem:  # it is only a shortcut
        _LOG.warning("Projected vectors are not kept: %s", problem)
