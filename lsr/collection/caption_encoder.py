"""Captions of a collection whose encoder is not here: their vectors are stored."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from lsr.collection.collection import Collection
from lsr.exceptions import InputError, QueryError


class CaptionEncoder:
    """Stands in for an encoder that cannot be loaded. It knows the texts of the captions alone.

    Args:
        why: what stands in the way of the encoder.
    """

    def __init__(self, collection: Collection, why: InputError) -> None:
        self._collection, self._why = collection, why

    @property
    def name(self) -> str:
        return self._collection.encoder

    @property
    def dense_size(self) -> int:
        return int(self._collection.caption_vectors.shape[1])

    @property
    def fingerprint(self) -> str:
        return self._collection.fingerprint

    @cached_property
    def _rows(self) -> dict[str, int]:
        """The row of the stored vectors for every text."""
        images = self._collection
        stored = images.captions_with_vectors
        texts = images.caption_texts
        return {_plain(texts[caption]): row for row, caption in enumerate(stored.tolist())}

    def knows(self, text: str) -> bool:
        """Is it a caption? Capitals, blanks at the ends and a full stop make no difference."""
        return _plain(text) in self._rows

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32, unit norm, in the order of the texts.

        Raises:
            QueryError: a text is no caption of the collection.
        """
        rows = [self._rows.get(_plain(text), -1) for text in texts]
        if -1 in rows:
            raise QueryError(f"{self._why} The captions of the collection can be searched with.")
        return np.array(self._collection.caption_vectors[rows], np.float32)

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:  # noqa: ARG002
        """Refuse every picture.

        Raises:
            InputError: what stands in the way of the encoder.
        """
        raise self._why


def _plain(text: str) -> str:
    return text.strip(" \t\n.").lower()
