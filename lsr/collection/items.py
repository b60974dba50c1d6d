"""What a model is asked for: images of a collection, its captions or queries, new texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from lsr.collection.collection import Collection
from lsr.encoders.protocol import Encoder
from lsr.exceptions import CollectionError, shorten
from lsr.model.protocol import Items
from lsr.storage.pictures import read_picture


def image_items(
    collection: Collection, rows: Sequence[int] | np.ndarray, dense: np.ndarray | None = None
) -> Items:
    """The images of some rows.

    Args:
        dense: their (n, d) dense vectors, where they are at hand.
    """
    whole = len(rows) == len(collection.image_ids)

    def vectors() -> np.ndarray:
        if dense is not None:
            return dense
        # All rows are read from the disk block by block; a choice of them is a copy. Those of a
        # collection in shards are indexed as an array is.
        stored = cast("np.ndarray", collection.image_vectors)
        return stored if whole else stored[rows]

    ids = tuple(collection.image_ids.at(rows))
    return Items(
        "images",
        ids,
        vectors,
        pictures=lambda: _pictures(collection, rows),
        captions=lambda: [collection.captions_of(int(row)) for row in rows],
    )


def _pictures(collection: Collection, rows: Sequence[int] | np.ndarray) -> Iterator[Image.Image]:
    for row in rows:
        place = collection.picture(int(row))
        if not isinstance(place, Path):
            raise CollectionError(
                f"Image `{shorten(collection.image_ids[int(row)])}` of collection "
                f"`{collection.name}` has no picture on this machine, and this model reads "
                "pictures. Import the collection again with its pictures."
            )
        yield read_picture(place)


def new_texts(texts: Sequence[str], encoder: Callable[[], Encoder]) -> Items:
    """Texts of no collection. encoder: is asked for once their dense vectors are."""
    return Items("queries", None, lambda: encoder().encode_texts(texts), texts)


def new_picture(picture: Image.Image, encoder: Callable[[], Encoder]) -> Items:
    """A picture of no collection, as one item."""
    return Items(
        "images", None, lambda: encoder().encode_images([picture]), pictures=lambda: iter([picture])
    )
