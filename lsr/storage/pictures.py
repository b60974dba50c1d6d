"""Pictures from files: read with limits, so that no upload can hurt."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from lsr.exceptions import PictureError, shorten

MAX_BYTES = 10 * 2**20
# A file on this machine is no upload: cameras make more than 10 MB.
MAX_FILE_BYTES = 200 * 2**20
MAX_PIXELS = 50_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def read_picture(
    source: Path | bytes, name: str = "", most_pixels: int | None = None
) -> Image.Image:
    """The picture in a file or in bytes, RGB, turned upright as its EXIF data says.

    Args:
        name: what to call it in a message; by default its file name.
        most_pixels: make a larger picture smaller, to about so many.

    Raises:
        PictureError: missing, empty, no picture, of more than MAX_PIXELS, or larger than
            MAX_BYTES in bytes or MAX_FILE_BYTES in a file.
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
        content = source.read_bytes() if isinstance(source, Path) else source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit below says it better
            picture = Image.open(BytesIO(content), formats=_FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError(
                    f"`{label}` has {picture.width:,} × {picture.height:,} pixels; up to "
                    f"{MAX_PIXELS // 10**6} million are read. Make it smaller and try again."
                )
            smaller = _within(picture.size, most_pixels)
            if smaller != picture.size:
                picture.draft("RGB", smaller)  # a JPEG is not even decoded at full size
            upright = on_white(ImageOps.exif_transpose(picture))
            upright.thumbnail(_within(upright.size, most_pixels), Image.Resampling.BICUBIC)
            return upright
    except Image.DecompressionBombError:
        raise PictureError(
            f"`{label}` has far more than {MAX_PIXELS // 10**6} million pixels, the most that are "
            "read. Make it smaller and try again."
        ) from None
    except FileNotFoundError:
        raise PictureError(f"There is no file `{label}`. Check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"`{label}` is a folder. Name a picture file in it.") from None
    except (OSError, ValueError, SyntaxError, EOFError):
        kinds = ", ".join(_FORMATS)
        raise PictureError(
            f"`{label}` is not a picture that can be read ({kinds}), or it is damaged. Try "
            "another file."
        ) from None


def _within(size: tuple[int, int], pixels: int | None) -> tuple[int, int]:
    """A width and height of the same shape with at most about so many pixels."""
    width, height = size
    scale = min(1.0, (pixels / (width * height)) ** 0.5) if pixels else 1.0
    return max(1, round(width * scale)), max(1, round(height * scale))


def on_white(picture: Image.Image) -> Image.Image:
    """The picture in RGB; transparent parts show white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")
