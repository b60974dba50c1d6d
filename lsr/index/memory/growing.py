"""Indexes that grow and shrink without being built anew.

New images become a part of their own, deleted ones are marked. Parts of about the same size are
joined, so that there are never many, and each image is written again only a few times.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lsr.exceptions import QueryError, UnknownNameError, shorten
from lsr.index.memory.index import MemoryIndex
from lsr.index.memory.rows import find
from lsr.index.memory.segment import Segment, build_segment
from lsr.model.sparse import SparseVectors

# A part is joined with the one before it when it is larger than this share of it.
_JOINED = 0.5
_Parts = tuple[list[Segment], list[np.ndarray | None]]


def grown(index: MemoryIndex, images: SparseVectors) -> MemoryIndex:
    """The index with more images; the one given stays as it is.

    Raises:
        QueryError: another vocabulary, or an image is there already.
    """
    if images.vocabulary != index.vocabulary or images.matrix.shape[1] != index.n_terms:
        raise QueryError(
            f"The new images have {images.matrix.shape[1]:,} terms of vocabulary "
            f"{images.vocabulary}, but the index has {index.n_terms:,} of {index.vocabulary}. "
            "Project them with the model of the index."
        )
    there = [one for one in images.ids if find(index.ids, one) is not None]
    if there:
        raise QueryError(
            f"{len(there):,} of {len(images):,} new images are in the index already, such as "
            f"`{shorten(there[0])}`. Delete them first or leave them out."
        )
    if not len(images):
        return index
    new = MemoryIndex(images, index.precision).segments[0]
    return _of([*index.segments, new], [*index.alive, None], index.vocabulary)


def shrunk(index: MemoryIndex, ids: Iterable[str]) -> MemoryIndex:
    """The index without some images; the one given stays as it is.

    Raises:
        UnknownNameError: an id is not in the index.
    """
    gone = list(ids)
    for image_id in gone:
        if find(index.ids, image_id) is None:
            raise UnknownNameError(
                f"The index of {len(index):,} images has no image `{shorten(image_id)}`. "
                "Delete only what is in it."
            )
    alive = []
    for segment, living in zip(index.segments, index.alive, strict=True):
        rows = [row for one in gone if (row := find(segment.ids, one)) is not None]
        now = np.ones(len(segment), bool) if living is None else living.copy()
        now[rows] = False
        alive.append(None if now.all() else now)
    return _of(list(index.segments), alive, index.vocabulary)


def compacted(index: MemoryIndex) -> MemoryIndex:
    """The index as one part, without what was deleted: smallest, and fastest to search."""
    if len(index.segments) == 1 and index.alive[0] is None:
        return index
    segment = build_segment(index.images.matrix, index.ids, index.precision)
    return MemoryIndex.of_segments([segment], [None], index.vocabulary)


def _of(segments: list[Segment], alive: list[np.ndarray | None], vocabulary: str) -> MemoryIndex:
    """An index over parts, small ones joined and those that are mostly deleted written anew."""
    kept: _Parts = [], []
    for segment, living in zip(segments, alive, strict=True):
        kept[0].append(segment)
        kept[1].append(living)
        n = len(segment)
        if living is not None and living.sum() < n * _JOINED:
            _join(kept, 1, vocabulary)
        while len(kept[0]) > 1 and len(kept[0][-1]) > len(kept[0][-2]) * _JOINED:
            _join(kept, 2, vocabulary)
    return MemoryIndex.of_segments(*kept, vocabulary)


def _join(parts: _Parts, n: int, vocabulary: str) -> None:
    """Put one part in the place of the last n."""
    segments, alive = parts
    joined = MemoryIndex.of_segments(segments[-n:], alive[-n:], vocabulary)
    segments[-n:] = compacted(joined).segments
    alive[-n:] = [None]
