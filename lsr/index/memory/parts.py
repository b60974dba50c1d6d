"""The rows of an index of several parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lsr.index.memory.segment import Segment


def merged(
    segments: Sequence[Segment], alive: Sequence[np.ndarray | None]
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The living ids of all parts, ascending, and for every part the row of each of its ids."""
    ids = [image_id for segment in segments for image_id in segment.ids]
    living = np.concatenate(
        [
            np.ones(len(segment), bool) if one is None else one
            for segment, one in zip(segments, alive, strict=True)
        ]
    )
    order = sorted(np.flatnonzero(living).tolist(), key=ids.__getitem__)
    row_here = np.full(len(ids), -1, np.int32)
    row_here[order] = np.arange(len(order), dtype=np.int32)
    ends = np.cumsum([len(segment) for segment in segments])[:-1]
    return tuple(ids[i] for i in order), np.split(row_here, ends)
