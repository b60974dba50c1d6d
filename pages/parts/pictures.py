"""Pictures of a collection as a page shows them, and Streamlit's door to them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import streamlit as st
from PIL import Image
from streamlit.runtime import get_instance

from lsr.collection.collection import Collection
from lsr.exceptions import PictureError
from lsr.storage.pictures import read_picture
from pages.parts import remote

# What an imported collection stores, so that nothing is made smaller here.
TILE_PIXELS = 320
LARGE_PIXELS = 640
# Stored pictures that a browser shows as they are; others are made into a small JPEG.
_KINDS = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_MOST_BYTES = 100_000
# Of these, such as fit into a message to the browser.
_MOST_INLINE = 20_000
_JPEG = "image/jpeg"
# Pictures of a collection that are kept in memory: 10 to 60 MB.
_KEPT = 2000
NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" fill="#8a8678" opacity=".25"/>'
    '<path d="M8 22l6-7 4 5 3-3 4 5z" fill="#8a8678"/></svg>'
)
NOTHING = "data:image/svg+xml," + quote(NO_PICTURE)
"""Stands where there is no picture."""


class _Picture(NamedTuple):
    content: bytes
    kind: str


_Read = Callable[[str, int, int], _Picture | str | None]


def addresses(
    images: Collection, image_ids: Sequence[str], *, key: str, pixels: int = TILE_PIXELS
) -> dict[str, str]:
    """The address of each picture that can be shown, by image id; they hold until the next run.

    Args:
        key: what on the page shows them.
    """
    found, read = {}, _reader(images)
    add = get_instance().media_file_mgr.add
    for image_id in image_ids:
        try:
            picture = read(image_id, pixels, _MOST_BYTES)
        except (OSError, PictureError):
            continue
        if isinstance(picture, _Picture):
            found[image_id] = add(picture.content, picture.kind, f"{key}-{image_id}")
        elif picture is not None and remote.shown():
            found[image_id] = picture
    return found


def address_of(picture: bytes | str, *, key: str) -> str:
    """The address of a picture: JPEG bytes, or one that lies on the web already."""
    if isinstance(picture, str):
        return picture
    address: str = get_instance().media_file_mgr.add(picture, _JPEG, key)
    return address


def thumbnail(images: Collection, image_id: str, pixels: int = TILE_PIXELS) -> bytes | str | None:
    """The picture of an image as JPEG bytes of about the width it is shown at, or as an address.

    It is made from the nearest size that the collection stores. Streamlit passes JPEG on as it is
    and would encode anything else, the stored WebP as well, anew in every run: a small one is given
    as an address that holds it.

    An address stands for a picture that lies on the web too; None for one that cannot be shown, or
    may not be.
    """
    try:
        found = _reader(images)(image_id, pixels, _MOST_INLINE)
    except (OSError, PictureError):
        return None
    if isinstance(found, _Picture):
        if found.kind == _JPEG:
            return found.content
        return f"data:{found.kind};base64,{b64encode(found.content).decode()}"
    return found if remote.shown() else None


def jpeg(picture: Image.Image, pixels: int) -> bytes:
    """The picture at most `pixels` wide and high."""
    small = picture.copy()
    small.thumbnail((pixels, pixels))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=88, optimize=True)
    return buffer.getvalue()


def _reader(images: Collection) -> _Read:
    """Reads pictures, each once while the collection stays as it is."""
    # Pictures may come to a collection later: its fingerprint does not tell that.
    table = images.folder / "images.parquet"
    changed = table.stat().st_mtime_ns if table.exists() else "missing"
    return _kept_reader(images, f"{images.fingerprint} {changed}")


@st.cache_resource(max_entries=4, show_spinner=False)
def _kept_reader(_images: Collection, mark: str) -> _Read:  # noqa: ARG001  (part of the key)
    return lru_cache(_KEPT)(partial(_read, _images))


def _read(images: Collection, image_id: str, pixels: int, most: int) -> _Picture | str | None:
    """The picture as it is stored where it has at most so many bytes; else a JPEG."""
    place = images.picture(images.image_row(image_id), pixels)
    if not isinstance(place, Path):
        return place
    content, kind = place.read_bytes(), _KINDS.get(place.suffix.lower())
    if kind and len(content) <= most:
        return _Picture(content, kind)
    with Image.open(BytesIO(content)) as picture:
        if picture.width <= pixels and picture.format == "JPEG":
            return _Picture(content, _JPEG)
    return _Picture(jpeg(read_picture(content, place.name), pixels), _JPEG)
