"""Pictures of more than 8 bits a channel, brought to 8: scaled, never cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
# Of whole numbers: a camera of 12 bits stores them in 16.
_DEPTHS = (8, 10, 12, 14, 16, 24, 32)
_ROWS = 256


class GreyRange(NamedTuple):
    """The values that show black and white."""

    black: float
    white: float


def grey_range(picture: Image.Image) -> GreyRange | None:
    """What to scale a grey picture of more than 8 bits by; None for any other.

    Whole numbers fill the smallest usual depth that holds the largest of them; floats from 0 to 1
    or to 255 fill that range; others, also below 0, reach from their smallest to their largest.
    """
    if picture.mode not in _DEEP:
        return None
    ends = []
    for block in _blocks(picture):
        finite = block[np.isfinite(block)]
        ends += [float(finite.min()), float(finite.max())] if finite.size else []
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    if low < 0:
        return GreyRange(low, high)
    return GreyRange(0.0, _top(high, whole=picture.mode != "F"))


def to_eight_bits(picture: Image.Image, ends: GreyRange | None) -> Image.Image:
    """A grey picture, or a part of one, with `ends` brought to 0 and 255; others as they are.

    What is not finite is black.

    Args:
        ends: of the whole picture, as `grey_range` gives it.
    """
    if ends is None:
        return picture
    scale = 255.0 / ((ends.white - ends.black) or 1.0)
    eight = np.empty((picture.height, picture.width), np.uint8)
    row = 0
    for block in _blocks(picture):
        scaled = (block.astype(np.float64) - ends.black) * scale
        scaled[~np.isfinite(scaled)] = 0.0
        eight[row : row + len(block)] = np.rint(scaled.clip(0, 255))
        row += len(block)
    made = Image.fromarray(eight)
    made.info = {key: value for key, value in picture.info.items() if key != "transparency"}
    return made


def _blocks(picture: Image.Image) -> Iterator[np.ndarray]:
    """Some rows at a time: a whole picture in floats would take eight times its room."""
    for top in range(0, picture.height, _ROWS):
        bottom = min(top + _ROWS, picture.height)
        yield np.asarray(picture.crop((0, top, picture.width, bottom)))


def _top(high: float, *, whole: bool) -> float:
    """The value that shows white."""
    if whole:
        return float(2 ** next(bits for bits in _DEPTHS if high < 2**bits) - 1)
    return next((top for top in (1.0, 255.0) if high <= top), high)
