"""The index of a collection and a model in Milvus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.index.milvus.server import Place, place_from_environment
from lsr.model.protocol import Model

if TYPE_CHECKING:
    from lsr.index.milvus.index import BuildReport, MilvusIndex

# Part of the name of every index in Milvus, so that an older layout is not taken for a newer one.
MILVUS_SCHEMA = 1


def milvus_name(collection: Collection, model: Model) -> str:
    """The name in Milvus of the index of a collection and a model."""
    return f"lexiscope_{MILVUS_SCHEMA}_{collection.fingerprint}_{model.fingerprint}"


def open_milvus(collection: Collection, model: Model, place: Place | None = None) -> MilvusIndex:
    """The index in Milvus of a collection and a model.

    Raises:
        EngineError: there is none, or Milvus cannot be used.
    """
    from lsr.index.milvus.index import MilvusIndex

    return MilvusIndex(
        place or place_from_environment(),
        milvus_name(collection, model),
        len(collection.searchable_rows),
        len(model.vocabulary),
    )


def build_milvus(
    collection: Collection, model: Model, place: Place | None = None, *, again: bool = False
) -> Iterator[BuildReport]:
    """Index the images of a collection in Milvus.

    In batches, as `lsr.index.milvus.build.build`; in bulk where `$LEXISCOPE_MILVUS_STORAGE` names
    the storage of a server, as `lsr.index.milvus.bulk.build_in_bulk`.
    """
    from lsr.index.milvus.bulk import build_in_bulk, storage_from_environment
    from lsr.index.milvus.index import Rows, build

    place = place or place_from_environment()
    storage = storage_from_environment(place)
    images = collection.searchable_rows

    def vectors(start: int, stop: int) -> sp.csr_matrix:
        return model.sparse(image_items(collection, images[start:stop]))

    rows = Rows(
        milvus_name(collection, model),
        collection.image_ids.at(images),
        collection.image_splits[images].tolist(),
        len(model.vocabulary),
        vectors,
    )
    if storage is not None:
        return build_in_bulk(place, rows, storage, again=again)
    return build(place, rows, again=again)
