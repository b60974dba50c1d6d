"""A collection of vectors that were computed elsewhere: its images need no picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from lsr.collection.collection import Collection
from lsr.imports.listing import GivenVectors, Listing
from lsr.imports.vectors.attaching import VectorFiles, match_files


def with_vectors(listing: Listing, files: VectorFiles, name: str) -> Listing:
    """The listed images and captions that have vectors, with them.

    Args:
        listing: with the ids and splits that the collection gets.
        name: of the collection, for messages.

    Raises:
        CollectionError: a file is damaged, nothing matches, or counts differ.
        QueryError: nothing says what computed the vectors.
    """
    found = match_files(_described(listing, name), files)
    # Rows of captions count over all images, one after the other.
    kept = set(found.caption_rows.tolist())
    starts = np.cumsum([0, *(len(image.captions) for image in listing.images)]).tolist()
    images = []
    for row in found.image_rows.tolist():
        image = listing.images[row]
        own = [one for n, one in enumerate(image.captions) if starts[row] + n in kept]
        images.append(replace(image, captions=tuple(own)))
    return replace(
        listing,
        images=images,
        skipped=[*listing.skipped, *found.skipped],
        notes=[*listing.notes, *found.notes],
        vectors=GivenVectors(files.encoder.strip(), found.image_vectors, found.caption_vectors),
    )


def _described(listing: Listing, name: str) -> Collection:
    """What a vector file is matched with; pictures go by the names that the source gives them."""
    captions = [(one, image.id) for image in listing.images for one in image.captions]
    return Collection(
        Path(),
        {"name": name},
        pa.table(
            {
                "id": pa.array([image.id for image in listing.images], pa.string()),
                "file": pa.array([image.name for image in listing.images], pa.string()),
            }
        ),
        pa.table(
            {
                "id": pa.array([one.id for one, _ in captions], pa.string()),
                "image_id": pa.array([owner for _, owner in captions], pa.string()),
                "text": pa.array([one.text for one, _ in captions], pa.string()),
            }
        ),
        np.zeros((0, 0), np.float32),
        np.zeros((0, 0), np.float32),
    )
