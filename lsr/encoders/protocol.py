"""What every image–text encoder offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image


class Encoder(Protocol):
    """A frozen dual encoder: images and texts become unit vectors in one space."""

    @property
    def name(self) -> str: ...

    @property
    def dense_size(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Changes when the weights change; cached vectors are keyed by it."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32, unit norm, in the order of the texts."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """(n, d) float32, unit norm, in the order of the images."""
        ...
