"""A collection written again with other vectors: under a new name, or in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lsr.collection.card import CARD, UNIT, read_card
from lsr.collection.collection import PROBES, Collection
from lsr.collection.parts import refuse_shards
from lsr.collection.writing import write_collection
from lsr.exceptions import CollectionError, QueryError
from lsr.storage.files import read_json
from lsr.storage.leftovers import restore_if_lost
from lsr.storage.places import home, own_folder
from lsr.storage.records import fits

# What `write_collection` says anew.
_RENEWED = {"schema", "counts", "fingerprint", "dense_size", "caption_vector_splits", UNIT}


def revision_folder(collection: Collection, name: str | None) -> Path:
    """Where a collection goes that gets other vectors; without a name, where it is.

    Raises:
        QueryError: the name cannot be used or is taken by something that is no revision; or there
            is none and the collection is not one of the user's own.
        CollectionError: it stays in shards.
    """
    refuse_shards(collection)
    if name is None or name == collection.name:
        if collection.folder.parent.resolve() != (home() / "collections").resolve():
            raise QueryError(
                f"Collection `{collection.name}` is not one of your own, so it is not changed. "
                "Give the new one a name with --name."
            )
        return collection.folder
    folder = own_folder("collections", name)
    restore_if_lost(folder)
    if folder.exists() and not ((folder / CARD).exists() and "revised" in read_card(folder)):
        raise QueryError(
            f"There is a collection `{name}` of your own already. Choose another name, or remove "
            f"`{folder}`."
        )
    return folder


def standing(collection: Collection, folder: Path) -> str:
    """The fingerprint of what a revision is going to replace; empty where nothing stands."""
    if folder == collection.folder:
        return collection.fingerprint
    restore_if_lost(folder)
    return str(read_card(folder)["fingerprint"]) if (folder / CARD).exists() else ""


def _refuse_change(folder: Path, before: str) -> None:
    """Of two who write one folder the first wins; the other is told.

    Raises:
        CollectionError: another process has written it.
    """
    now = str(read_card(folder)["fingerprint"]) if (folder / CARD).exists() else ""
    if now != before:
        raise CollectionError(
            f"Collection `{folder.name}` was written by another process in the meantime, so "
            "nothing was changed. Look at what it is now; to replace it, do the same again."
        )


def refuse_loss(collection: Collection, folder: Path, n_images: int, n_captions: int) -> None:
    """Refuse to write a collection in its own place when images or captions would be lost.

    Args:
        n_images, n_captions: how many have vectors.

    Raises:
        CollectionError: fewer than the collection has.
    """
    images, captions = len(collection.images), len(collection.captions)
    if folder == collection.folder and (n_images < images or n_captions < captions):
        raise CollectionError(
            f"Only {n_images:,} of {images:,} images and {n_captions:,} of {captions:,} captions "
            f"of collection `{collection.name}` would have vectors, so it stays as it is. Give "
            "the smaller collection a name with --name."
        )


def write_revision(
    collection: Collection,
    folder: Path,
    before: str,
    *,
    encoder: str,
    image_rows: Sequence[int] | np.ndarray,
    image_vectors: np.ndarray,
    caption_rows: Sequence[int] | np.ndarray,
    caption_vectors: np.ndarray | None,
    origin: dict[str, Any],
) -> Collection:
    """The collection in `folder` with other vectors; pictures are shared, not copied.

    In its own place the earlier one stays until the new one is whole.

    Args:
        before: what `standing` said of the folder when the vectors were begun.
        image_rows, caption_rows: what is kept, ascending; a kept caption's image is kept too.
        image_vectors: (kept, d). caption_vectors: (kept, d), or None where there are none.
        origin: how the vectors came about, for the card.

    Raises:
        CollectionError: images or captions of a collection would be lost in its own place; or
            another process has written the folder meanwhile, whose version stays.
    """
    captions_kept = len(caption_rows)
    refuse_loss(collection, folder, len(image_rows), captions_kept)
    card = {key: value for key, value in collection.card.items() if key not in _RENEWED}
    card |= {
        "name": folder.name,
        "encoder": encoder,
        "revised": {"from": collection.name, "from_encoder": collection.encoder, **origin},
    }
    if caption_vectors is None:
        caption_vectors = np.zeros((0, image_vectors.shape[1]), np.float16)
        card["caption_vector_splits"] = []
    images = _rows(collection.images, image_rows)
    return write_collection(
        folder,
        card=card,
        images=images,
        captions=_rows(collection.captions, caption_rows),
        image_vectors=image_vectors,
        caption_vectors=caption_vectors,
        probes=_probes(collection.folder / PROBES, images["id"]),
        beside=collection,
        check=lambda: _refuse_change(folder, before),
    )


def _rows(table: pa.Table, rows: Sequence[int] | np.ndarray) -> pa.Table:
    return table if len(rows) == len(table) else table.take(pa.array(rows, pa.int64()))


def _probes(path: Path, image_ids: pa.ChunkedArray) -> dict[str, list[str]]:
    """The probes of a collection, without images that are not kept."""
    probes = read_json(path, CollectionError) if path.exists() else {}
    if not fits(probes, dict[str, list[str]]):
        raise CollectionError(f"`{path}` holds something else than lists of ids. Restore it.")
    known = set(image_ids.to_pylist()) if probes else set()
    kept = {word: [i for i in images if i in known] for word, images in probes.items()}
    return {word: images for word, images in kept.items() if images}
