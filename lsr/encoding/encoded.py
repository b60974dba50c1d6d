"""What an encoding left in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsr.exceptions import CollectionError
from lsr.storage.files import read_array, read_json

IMAGE_VECTORS = "image_vectors.npy"
CAPTION_VECTORS = "caption_vectors.npy"
UNREADABLE = "unreadable.json"


@dataclass(frozen=True)
class Encoded:
    """Vectors in the order of the lists that were encoded, memory-mapped.

    image_vectors, caption_vectors: (n, d) float16, unit norm; None for what was not encoded.
    unreadable: row numbers of pictures without a vector, whose rows are zeros, with why.
    """

    image_vectors: np.ndarray | None
    caption_vectors: np.ndarray | None
    unreadable: dict[int, str]


def read_encoded(work: Path) -> Encoded:
    """The vectors that finished encodings left in `work`.

    Raises:
        CollectionError: a file is damaged.
    """

    def array(name: str) -> np.ndarray | None:
        return read_array(work / name, CollectionError) if (work / name).exists() else None

    images = array(IMAGE_VECTORS)
    why = {} if images is None else read_json(work / UNREADABLE, CollectionError)
    unreadable = {int(row): reason for row, reason in why.items()}
    return Encoded(images, array(CAPTION_VECTORS), unreadable)
