"""Whether the files of a collection are whole and fit together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lsr.exceptions import CollectionError, shorten
from lsr.storage.files import forget_array, told_when_no_parquet
from lsr.storage.part_rows import PartRows
from lsr.storage.tables import Column, MappedTable, map_columns

if TYPE_CHECKING:
    from lsr.collection.collection import Collection

_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\0")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f]+\Z", re.IGNORECASE)
# What may be one of these, and what is an address for sure, in the words of Arrow's expressions.
_SUSPICIOUS = r"^[/\\]|:|\.\.|\x00"
_PLAIN_ADDRESS = r"^(?i:https?)://[!-~]+$"
_BLOCK = 65_536
# Half-precision vectors of length 1 stay within this.
_TOLERANCE = 0.02


def read_table(path: Path, columns: Mapping[str, Column]) -> pa.Table:
    """Some columns of a parquet file, in the order of `columns`.

    Raises:
        CollectionError: the file or one of the columns is missing, damaged or of another type.
    """
    return map_table(path, columns).table


def map_table(path: Path, columns: Mapping[str, Column]) -> MappedTable:
    """As `read_table`; a large table is mapped into memory.

    Raises:
        CollectionError: as `read_table`.
    """
    with told_when_no_parquet(path, CollectionError):
        return map_columns(path, columns)


def is_address(text: object) -> bool:
    """Whether a text is an address on the web, which a browser may be told to show."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def check_places(collection: Collection) -> None:
    """Refuse pictures that a collection has anywhere but in its `images/` or on the web.

    A collection that others made could otherwise show files of whoever opens it.

    Raises:
        CollectionError: a file that leads out of the folder, or an address that is not http(s).
    """
    files, urls = collection.images["file"], collection.images["url"]
    for row in _rows_where(pc.match_substring_regex(files, _SUSPICIOUS)):
        if _OUTSIDE.search(file := files[row].as_py()):
            raise CollectionError(
                f"Image `{shorten(collection.image_ids[row])}` of collection `{collection.name}` "
                f"has its picture in `{shorten(file)}`, which is not below its folder `images`. "
                "Restore images.parquet, or get the collection from another source."
            )
    for row in _rows_where(pc.invert(pc.match_substring_regex(urls, _PLAIN_ADDRESS))):
        if (url := urls[row].as_py()) and not is_address(url):
            raise CollectionError(
                f"Image `{shorten(collection.image_ids[row])}` of collection `{collection.name}` "
                f"has its picture at `{shorten(url)}`, which is no address that begins with "
                "http:// or https://. Restore images.parquet, or get the collection from another "
                "source."
            )


def _rows_where(chosen: pa.ChunkedArray) -> list[int]:
    found: list[int] = np.flatnonzero(pc.fill_null(chosen, fill_value=False).to_numpy()).tolist()
    return found


def check_counts(collection: Collection) -> None:
    """Refuse a collection whose tables and arrays do not fit together.

    Raises:
        CollectionError: counts or sizes differ, an id comes twice, or a caption describes an image
            that is not there.
    """
    name, counts = collection.name, collection.card["counts"]
    stored = len(collection.captions_with_vectors)
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
    n, distinct = len(collection.image_ids), collection.image_ids.distinct
    if distinct != n:
        raise CollectionError(
            f"Collection `{name}` has {n:,} images but only {distinct:,} different ids. Make the "
            "ids unique."
        )
    if (astray := collection.caption_image_rows < 0).any():
        owners = collection.captions["image_id"].filter(pa.array(astray))
        raise CollectionError(
            f"Collection `{name}` has captions of {len(pc.unique(owners)):,} images that it does "
            f"not hold, such as `{shorten(pc.min(owners).as_py())}`. Restore images.parquet."
        )


def check_vectors(collection: Collection) -> None:
    """Refuse vectors that are not finite or not of length 1: scores are cosines everywhere.

    Raises:
        CollectionError: it names how many, and the image or caption of the first.
    """
    stored = collection.captions_with_vectors
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


def check_unit(vectors: np.ndarray | PartRows, what: str, label: Callable[[int], str]) -> None:
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
        forget_array(vectors)
        wrong += (start + np.flatnonzero(~(np.abs(norms - 1) <= _TOLERANCE))).tolist()
    if wrong:
        raise CollectionError(
            f"{len(wrong):,} of the {len(vectors):,} {what} are not finite vectors of length 1, "
            f"such as that of {label(wrong[0])} in row {wrong[0]:,}. Encode these again, or divide "
            "each by its length."
        )
