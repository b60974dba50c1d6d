"""Writing a collection: whole or not at all, sharing what an earlier one holds already."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsr.collection.card import CARD, SCHEMA, UNIT
from lsr.collection.collection import (
    CAPTION_COLUMNS,
    IMAGE_COLUMNS,
    PROBES,
    Collection,
    load_collection,
)
from lsr.collection.parts import refuse_shards
from lsr.collection.queries import QueryRow, keep_answers, write_query_set
from lsr.exceptions import CollectionError
from lsr.storage.copies import bring_all
from lsr.storage.files import fingerprint_of, forget_array, read_array, save_blocks, write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.leftovers import is_leftover
from lsr.storage.part_rows import PartRows
from lsr.storage.room import check_room

_BLOCK = 2**16
_FILES = {
    CARD,
    "images.parquet",
    "captions.parquet",
    "image_vectors.npy",
    "caption_vectors.npy",
    PROBES,
}


def write_collection(
    folder: Path,
    *,
    card: dict[str, Any],
    images: pa.Table,
    captions: pa.Table,
    image_vectors: np.ndarray | PartRows | Path,
    caption_vectors: np.ndarray | PartRows | Path,
    pictures: Path | None = None,
    probes: dict[str, list[str]] | None = None,
    queries: Mapping[str, Sequence[QueryRow]] | None = None,
    beside: Collection | None = None,
    check: Callable[[], object] | None = None,
) -> Collection:
    """Write a collection folder whole, then read it back.

    Args:
        card: `name`, `title`, `licence`, `source`, `encoder`; `caption_vector_splits` where
            only the captions of some splits have vectors. Counts and fingerprint are added.
        images, captions: tables with the columns IMAGE_COLUMNS and CAPTION_COLUMNS.
        image_vectors: (n, d) float16 or float32, in the order of `images`; or the `.npy` file
            that holds them, which is moved, not copied. Those of parts that the card names stay.
        caption_vectors: (m, d), in the order of the captions of the splits that have vectors; or
            their file.
        pictures: a folder that becomes `images/`; it is moved, not copied.
        probes: words with the ids of the images that show what they name.
        queries: query sets by name.
        beside: a collection whose other files, such as its pictures, the new one shares: they are
            linked, and copied where the disk has no links. Its query sets keep the answers that
            `images` holds.
        check: called once nobody else can write the folder; what it raises leaves all as it was.

    Raises:
        CollectionError: a vector is not finite or not of length 1; a query does not fit; or another
            process has replaced `beside` meanwhile.
        DiskFullError: there is no room.
        InputError: another process is writing the folder.
    """
    splits = pc.unique(captions["split"]).to_pylist()
    of_images, of_captions = _opened(image_vectors), _opened(caption_vectors)
    mark = fingerprint_of(_parts(images, captions, of_images, of_captions))
    with replacing_folder(folder) as temporary:
        if check is not None:
            check()
        both = image_vectors, caption_vectors
        unwritten = [one for one in both if isinstance(one, np.ndarray)]
        check_room(sum(one.nbytes for one in unwritten), folder)
        pq.write_table(images.select(list(IMAGE_COLUMNS)), temporary / "images.parquet")
        pq.write_table(captions.select(list(CAPTION_COLUMNS)), temporary / "captions.parquet")
        _put_array(temporary / "image_vectors.npy", image_vectors)
        _put_array(temporary / "caption_vectors.npy", caption_vectors)
        if beside is not None:
            _share(beside, temporary, without=_FILES)
            keep_answers(temporary, images["id"])
        if probes:
            write_json(temporary / PROBES, dict(probes))
        if pictures is not None:
            pictures.rename(temporary / "images")
        full_card = {
            "schema": SCHEMA,
            "caption_vector_splits": splits,
            **card,
            "dense_size": int(of_images.shape[1]),
            "counts": {"images": len(images), "captions": len(captions)},
            "fingerprint": mark,
        }
        full_card.pop(UNIT, None)  # without it, the vectors are checked when it is read back
        write_json(temporary / CARD, full_card)
        made = load_collection(temporary)
        for name, rows in (queries or {}).items():
            write_query_set(made, name, rows)
        del made  # its tables need not be there twice
        write_json(temporary / CARD, {**full_card, UNIT: True})
    return load_collection(folder)


def _parts(
    images: pa.Table, captions: pa.Table, *vectors: np.ndarray | PartRows
) -> Iterator[Iterator[str] | np.ndarray | PartRows]:
    """What tells a collection from others, one part after the other."""
    for column in (images["id"], images["split"], captions["text"]):
        yield _listed(column)
    yield from vectors


def _listed(column: pa.ChunkedArray) -> Iterator[str]:
    """What Python prints of the list of a column's values, in pieces."""
    yield "["
    for start in range(0, len(column), _BLOCK):
        piece = str(column.slice(start, _BLOCK).to_pylist())[1:-1]
        yield f", {piece}" if start else piece
    yield "]"


def _opened(vectors: np.ndarray | PartRows | Path) -> np.ndarray | PartRows:
    return read_array(vectors, CollectionError) if isinstance(vectors, Path) else vectors


def _put_array(path: Path, vectors: np.ndarray | PartRows | Path) -> None:
    if isinstance(vectors, Path):
        vectors.rename(path)
    elif isinstance(vectors, np.ndarray):
        save_blocks(path, _in_blocks(vectors), vectors.shape, vectors.dtype)


def _in_blocks(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows after the other; of a mapped file no more than these are in memory."""
    for first in range(0, len(vectors), _BLOCK):
        yield vectors[first : first + _BLOCK]
        if not vectors.flags.writeable:
            forget_array(vectors)


def copy_collection(collection: Collection, folder: Path) -> Collection:
    """The same collection under the name of another folder; its files are linked, as above.

    Its fingerprint is the same, so what was trained on the one fits the other.

    Raises:
        DiskFullError: there is no room.
    """
    with replacing_folder(folder) as temporary:
        _share(collection, temporary, without={CARD})
        write_json(temporary / CARD, {**collection.card, "name": folder.name})
    return load_collection(folder)


def _share(collection: Collection, into: Path, without: set[str]) -> None:
    """Link what a collection's folder holds, but for some of the files on its first level."""
    folder = collection.folder
    refuse_shards(collection)
    bring_all(folder)

    def ignored(place: str, names: list[str]) -> set[str]:
        return set(filter(is_leftover, names)) | (
            without & set(names) if Path(place) == folder else set()
        )

    try:
        shutil.copytree(
            folder, into, ignore=ignored, copy_function=link_or_copy, dirs_exist_ok=True
        )
    except (OSError, shutil.Error):
        collection.check_version()  # its files may be gone because another version is there
        raise
    collection.check_version()


def link_or_copy(file: str | Path, to: str | Path) -> None:
    """Give a file a second name, or a copy where the disk has no links."""
    try:
        os.link(file, to)
    except OSError:  # another disk, or one without links
        shutil.copyfile(file, to)
