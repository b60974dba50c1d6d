"""Addresses of pictures for what draws its own tiles, and Streamlit's door to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from streamlit.runtime import get_instance

from lsr.collection.collection import Collection
from pages.parts import caches

# Stored pictures that a browser shows as they are; others are made into a small JPEG.
_KINDS = {".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_MOST_BYTES = 100_000
NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" fill="#8a8678" opacity=".25"/>'
    '<path d="M8 22l6-7 4 5 3-3 4 5z" fill="#8a8678"/></svg>'
)
NOTHING = "data:image/svg+xml," + quote(NO_PICTURE)
"""Stands where there is no picture."""


def addresses(
    images: Collection, image_ids: Sequence[str], *, key: str, pixels: int = caches.TILE_PIXELS
) -> dict[str, str]:
    """The address of each picture that can be shown, by image id; they hold until the next run.

    Args:
        key: what on the page shows them.
    """
    found = {}
    for image_id in image_ids:
        picture = _picture(images, image_id, pixels)
        if isinstance(picture, str):
            found[image_id] = picture
        elif picture is not None:
            content, kind = picture
            found[image_id] = get_instance().media_file_mgr.add(content, kind, f"{key}-{image_id}")
    return found


def address_of(picture: bytes | str, *, key: str) -> str:
    """The address of a picture: JPEG bytes, or one that lies on the web already."""
    if isinstance(picture, str):
        return picture
    address: str = get_instance().media_file_mgr.add(picture, "image/jpeg", key)
    return address


def _picture(images: Collection, image_id: str, pixels: int) -> tuple[bytes, str] | str | None:
    place = images.picture(images.image_row(image_id), pixels)
    if isinstance(place, Path) and (kind := _KINDS.get(place.suffix.lower())):
        try:
            if place.stat().st_size <= _MOST_BYTES:
                return place.read_bytes(), kind
        except OSError:
            return None
    found = caches.thumbnail(images, image_id, pixels)
    return (found, "image/jpeg") if isinstance(found, bytes) else found
