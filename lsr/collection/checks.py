"""Whether the files of a collection are whole and fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lsr.exceptions import CollectionError, shorten
from lsr.storage.files import told_when_no_parquet
from lsr.storage.untrusted import Column, read_columns

if TYPE_CHECKING:
    from lsr.collection.collection import Collection

_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\0")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f]+\Z", re.IGNORECASE)
_BLOCK = 65_536
# Half-precision vectors of length 1 stay within this.
_TOLERANCE = 0.02


def read_table(path: Path, columns: Mapping[str, Column]) -> pa.Table:
    """Some columns of a parquet file, in the order of `columns`.

    Raises:
        CollectionError: the file or one of the columns is missing, damaged or of another type.
    """
    with told_when_no_parquet(path, CollectionError):
        return read_columns(path, columns)


def is_address(text: object) -> bool:
    """Whether a text is an address on the web, which a browser may be told to show."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def check_places(collection: Collection) -> None:
    """Refuse pictures that a collection has anywhere but in its `images/` or on the web.

    A collection that others made could otherwise show files of whoever opens it.

    Raises:
        CollectionError: a file that leads out of the folder, or an address that is not http(s).
    """
    for image_id, file, url in zip(
        collection.image_ids,
        collection.images["file"].to_pylist(),
        collection.images["url"].to_pylist(),
        strict=True,
    ):
        if file and _OUTSIDE.search(file):
            raise CollectionError(
                f"Image `{shorten(image_id)}` of collection `{collection.name}` has its picture in "
                f"`{shorten(file)}`, which is not below its folder `images`. Restore "
                "images.parquet, or get the collection from another source."
            )
        if url and not is_address(url):
            raise CollectionError(
                f"Image `{shorten(image_id)}` of collection `{collection.name}` has its picture at "
                f"`{shorten(url)}`, which is no address that begins with http:// or https://. "
                "Restore images.parquet, or get the collection from another source."
            )


def check_counts(collection: Collection) -> None:
    """Refuse a collection whose tables and arrays do not fit together.

    Raises:
        CollectionError: counts or sizes differ, an id comes twice, or a caption describes an image
            that is not there.
    """
    name, counts = collection.name, collection.card["counts"]
    stored = int(np.isin(collection.caption_splits, collection.vector_splits).sum())
    facts = [
        ("images", counts["images"], "rows in images.parquet", len(collection.images)),
        ("captions", counts["captions"], "rows in captions.parquet", len(collection.captions)),
        ("images", counts["images"], "image vectors", len(collection.image_vectors)),
        ("encoded captions", stored, "caption vectors", len(collection.caption_vectors)),
    ]
    for noun, expected, what, found in facts:
        if expected != found:
            raise CollectionError(
                f"Collection `{name}` has {expected:,} {noun} but {found:,} {what}. "
                "Restore the file or build the collection again."
            )
    for kind, vectors in (
        ("image", collection.image_vectors),
        ("caption", collection.caption_vectors),
    ):
        if vectors.ndim != 2 or vectors.shape[1] != collection.dense_size:
            raise CollectionError(
                f"The {kind} vectors of collection `{name}` have shape {vectors.shape}, not "
                f"(rows, {collection.dense_size}). Restore the file."
            )
    known = set(collection.image_ids)
    if len(known) != len(collection.image_ids):
        raise CollectionError(
            f"Collection `{name}` has {len(collection.image_ids):,} images but only "
            f"{len(known):,} different ids. Make the ids unique."
        )
    strangers = set(collection.captions["image_id"].to_pylist()) - known
    if strangers:
        raise CollectionError(
            f"Collection `{name}` has captions of {len(strangers):,} images that it does not "
            f"hold, such as `{shorten(min(strangers))}`. Restore images.parquet."
        )


def check_vectors(collection: Collection) -> None:
    """Refuse vectors that are not finite or not of length 1: scores are cosines everywhere.

    Raises:
        CollectionError: it names how many, and the image or caption of the first.
    """
    stored = np.flatnonzero(np.isin(collection.caption_splits, collection.vector_splits))
    check_unit(
        collection.image_vectors,
        f"image vectors of collection `{collection.name}`",
        lambda row: f"image `{shorten(collection.image_ids[row])}`",
    )
    check_unit(
        collection.caption_vectors,
        f"caption vectors of collection `{collection.name}`",
        lambda row: f"caption `{shorten(collection.caption_ids[stored[row]])}`",
    )


def check_unit(vectors: np.ndarray, what: str, label: Callable[[int], str]) -> None:
    """Refuse vectors that are not finite or not of length 1.

    Args:
        vectors: (n, d). what: they are, for the message. label: what to call a row there.

    Raises:
        CollectionError: some are not.
    """
    wrong: list[int] = []
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK], np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        wrong += (start + np.flatnonzero(~(np.abs(norms - 1) <= _TOLERANCE))).tolist()
    if wrong:
        raise CollectionError(
            f"{len(wrong):,} of the {len(vectors):,} {what} are not finite vectors of length 1, "
            f"such as that of {label(wrong[0])} in row {wrong[0]:,}. Encode these again, or divide "
            "each by its length."
        )
