"""Whether the files of a collection are whole and fit together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.exceptions import CollectionError, shorten
from lsr.storage.files import told_when_no_parquet

if TYPE_CHECKING:
    from lsr.collection.collection import Collection


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """The table in a parquet file.

    Raises:
        CollectionError: the file or one of the columns is missing, or the file is damaged.
    """
    with told_when_no_parquet(path, CollectionError):
        table = pq.ParquetFile(path).read()  # `pq.read_table` would load pandas
    if absent := [name for name in columns if name not in table.column_names]:
        raise CollectionError(f"`{path}` has no column {', '.join(absent)}. Restore the file.")
    return table


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
