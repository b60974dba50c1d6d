"""What pictures and texts have to be before any encoder takes them."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image

from lsr.exceptions import PictureError, QueryError, shorten

_LAVIS_MARKS = re.compile(r'[.!"()*#:;~]')
_LAVIS_WORDS = 50


def rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB: transparent parts on white, wide ranges of numbers made 0 to 255.

    What is RGB already is decoded and given back itself.

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
        if picture.mode == "RGB":  # a copy would take a third of the time of what follows
            picture.load()
            return picture
        return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:  # what damaged files make Pillow raise
        raise PictureError(f"The picture cannot be read ({error}): choose another file.") from error


def no_words(text: str) -> QueryError:
    """The mistake of a text that leaves nothing to encode."""
    return QueryError(
        f"The text '{shorten(text, 40)}' holds no word to encode: type at least one word."
    )


def lavis_caption(text: str) -> str:
    """A caption as LAVIS reads it: lower case, some marks made spaces, at most 50 words."""
    plain = re.sub(r"\s{2,}", " ", _LAVIS_MARKS.sub(" ", text.lower()))
    return " ".join(plain.rstrip("\n").strip(" ").split(" ")[:_LAVIS_WORDS])
