"""Pictures from files: read with limits, so that no upload can hurt."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image, features

from lsr.exceptions import PictureError, shorten
from lsr.storage.bit_depth import grey_range, to_eight_bits

MAX_BYTES = 10 * 2**20
# A file on this machine is no upload: cameras make more than 10 MB.
MAX_FILE_BYTES = 200 * 2**20
MAX_PIXELS = 50_000_000
MAX_DECODED = 256 * 2**20
"""Bytes that pictures may take while they are decoded, all threads together."""
# What an encoder looks at and a page shows is far smaller.
_MOST_PIXELS = 2**22
# Formats of photos and drawings; the others that Pillow knows start other programs or hold data.
_FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
    if name not in ("WEBP", "AVIF") or features.check(name.lower())
)
Image.init()
PICTURE_ENDINGS = frozenset(
    ending
    for ending, name in Image.registered_extensions().items()
    if name in (*_FORMATS, "MPO", "DIB")
)
# What people also call pictures: it is not read, so it is named.
UNREAD_ENDINGS = frozenset(
    (
        *(".heic", ".heif", ".hif", ".avif", ".avifs", ".webp", ".jxl", ".svg", ".psd", ".ico"),
        *(".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".tga", ".pcx", ".exr", ".hdr", ".eps"),
        *(".pbm", ".pgm", ".ppm", ".pnm", ".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".raf"),
        *(".orf", ".rw2"),
    )
).difference(PICTURE_ENDINGS)
# Bytes a pixel that decoders take with all they hold beside the picture itself, as measured.
_WHOLE = {"WEBP": 16, "AVIF": 12}
_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
_COEFFICIENTS = 6  # of a progressive JPEG, which come together before the first pixel
_ROWS_PER_STRIP = 278
# What EXIF's orientation asks for.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LIE_DOWN = (5, 6, 7, 8)
# Rows that are made RGB at once: a transparent part needs four copies.
_BAND_PIXELS = 2**20


class SizedPicture(NamedTuple):
    """A picture in RGB, and the width and height that it has in its file, upright."""

    picture: Image.Image
    size: tuple[int, int]


def read_picture(
    source: Path | bytes, name: str = "", most_pixels: int = _MOST_PIXELS
) -> Image.Image:
    """The picture in a file or in bytes, RGB, turned upright as its EXIF data says.

    One of more than 8 bits a channel is scaled to 8.

    Args:
        name: what to call it in a message; by default its file name.
        most_pixels: make a larger picture smaller, to about so many.

    Raises:
        PictureError: missing, empty, no picture, of more than MAX_PIXELS, larger than MAX_BYTES in
            bytes or MAX_FILE_BYTES in a file, or one whose decoding takes more than MAX_DECODED.
    """
    return read_sized(source, name, most_pixels).picture


def read_sized(
    source: Path | bytes, name: str = "", most_pixels: int = _MOST_PIXELS
) -> SizedPicture:
    """What `read_picture` gives, with the size of the whole picture.

    Raises:
        PictureError: as `read_picture`.
    """
    label = shorten(name or (source.name if isinstance(source, Path) else "the picture"))
    try:
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        most = MAX_FILE_BYTES if isinstance(source, Path) else MAX_BYTES
        if size > most:
            raise PictureError(
                f"`{label}` has {size / 2**20:.1f} MB; pictures may have up to "
                f"{most // 2**20} MB. Make it smaller and try again."
            )
        with source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
            return _read(file, label, most_pixels)
    except FileNotFoundError:
        raise PictureError(f"There is no file `{label}`. Check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"`{label}` is a folder. Name a picture file in it.") from None
    except (OSError, ValueError) as problem:  # no right to read it, or no name that a file can have
        raise _unreadable(label) from problem


def _read(file: BinaryIO, label: str, most_pixels: int) -> SizedPicture:
    with _decoded(label):
        picture = Image.open(file, formats=_FORMATS)
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise PictureError(
                f"`{label}` has {width:,} × {height:,} pixels; up to {MAX_PIXELS // 10**6} million "
                "are read. Make it smaller and try again."
            )
        smaller = _within(picture.size, most_pixels)
        if smaller != picture.size:
            picture.draft("RGB", smaller)  # a JPEG is not even decoded at full size
        needed = _needed(picture, width * height)
    if needed > MAX_DECODED:
        raise PictureError(
            f"`{label}` has {width:,} × {height:,} pixels, and decoding them takes "
            f"{needed / 2**20:,.0f} MB; up to {MAX_DECODED // 2**20} MB are given to a picture. "
            "Make it smaller, or save it as PNG or as a plain JPEG."
        )
    with _ROOM.taken(needed), _decoded(label):
        small = _shrunk(picture, most_pixels)
        # Read late: a TIFF is turned while it is loaded, and tells its size as turned.
        orientation = picture.getexif().get(0x0112, 1)
    small.thumbnail(_within(small.size, most_pixels), Image.Resampling.BICUBIC)
    if orientation in _TURNS:
        small = small.transpose(_TURNS[orientation])
    lies = orientation in _LIE_DOWN
    return SizedPicture(small, (height, width) if lies else (width, height))


@contextmanager
def _decoded(label: str) -> Iterator[None]:
    """The one boundary around Pillow, whose decoders raise almost anything on damaged files."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limits say it better
            yield
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(
            f"`{label}` has far more than {MAX_PIXELS // 10**6} million pixels, the most that are "
            "read. Make it smaller and try again."
        ) from None
    except Exception as problem:
        raise _unreadable(label) from problem


def _unreadable(label: str) -> PictureError:
    return PictureError(
        f"`{label}` is not a picture that can be read ({', '.join(_FORMATS)}), or it is damaged. "
        "Try another file."
    )


def _needed(picture: Image.Image, pixels: int) -> int:
    """Bytes that decoding takes at its peak.

    Args:
        pixels: of the whole picture; a JPEG may be decoded at a part of its size.
    """
    if picture.format in _WHOLE:
        return pixels * _WHOLE[picture.format]
    each = _PIXEL.get(picture.mode, 4)
    needed = picture.width * picture.height * each
    if picture.info.get("progressive"):
        needed += pixels * _COEFFICIENTS
    if picture.format == "TIFF":
        rows = getattr(picture, "tag_v2", {}).get(_ROWS_PER_STRIP, picture.height)
        whole = not isinstance(rows, int) or not 0 < rows < picture.height
        needed += picture.width * (picture.height if whole else rows) * each
    return needed


class _Room:
    """Bytes that threads share: a picture that takes most of them is decoded alone."""

    def __init__(self, most: int) -> None:
        self._most, self._used = most, 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, n_bytes: int) -> Iterator[None]:
        """Hold so many bytes, once they are free."""
        with self._changed:
            self._changed.wait_for(lambda: self._used + n_bytes <= max(self._most, n_bytes))
            self._used += n_bytes
        try:
            yield
        finally:
            with self._changed:
                self._used -= n_bytes
                self._changed.notify_all()


_ROOM = _Room(MAX_DECODED)


def _within(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """A width and height of the same shape with at most about so many pixels."""
    width, height = size
    scale = min(1.0, (pixels / (width * height)) ** 0.5)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrunk(picture: Image.Image, most_pixels: int) -> Image.Image:
    """The picture in RGB on white, divided by the whole number that leaves enough pixels.

    It goes band by band: whole, a picture with transparent parts would be copied four times.
    """
    width, height = picture.size
    factor = max(1, int((width * height / most_pixels) ** 0.5))
    across, down = min(factor, width), min(factor, height)
    rows = down * max(1, _BAND_PIXELS // (width * down))
    ends = grey_range(picture)
    if factor == 1 and rows >= height:
        return on_white(to_eight_bits(picture, ends))
    made = Image.new("RGB", (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        part = picture.crop((0, top, width, min(top + rows, height)))
        part.info = picture.info
        band = on_white(to_eight_bits(part, ends))
        made.paste(band.reduce((across, down)) if factor > 1 else band, (0, top // down))
    return made


def on_white(picture: Image.Image) -> Image.Image:
    """The picture in RGB; transparent parts show white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")
