"""Any picture as plain RGB, the way every encoder wants it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from lsr.exceptions import PictureError


def rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB: transparent parts on white, wide ranges of numbers made 0 to 255.

    Raises:
        PictureError: it is empty or its file is damaged.
    """
    if min(picture.size) == 0:
        raise PictureError("The picture has no pixels: choose another file.")
    try:
        if picture.mode[0] in "IF":  # whole or real numbers of any range: 16-bit scans, maps
            levels = np.asarray(picture, dtype=np.float64)
            span = max(float(np.ptp(levels)), 1e-12)
            picture = Image.fromarray(((levels - levels.min()) / span * 255).astype(np.uint8))
        if picture.has_transparency_data:
            coloured = picture.convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, coloured)
        return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # what damaged files make Pillow raise
        raise PictureError(f"The picture cannot be read ({error}): choose another file.") from error
