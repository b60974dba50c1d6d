"""Tiles: a picture with a line or two, the whole of it one link to the page of its image."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import streamlit as st

from lsr.collection.collection import Collection
from pages.parts import links, pictures

MOST_TILES = 48
# Images whose captions are read for examples.
_MOST_READ = 10_000


@dataclass(frozen=True)
class Tile:
    """What a tile says below its picture: `lead` in bold, then `label`; both are plain text."""

    image_id: str
    label: str
    lead: str = ""


def show_tiles(images: Collection, tiles: Iterable[Tile], *, key: str, width: int = 150) -> None:
    """Draw tiles in a grid that wraps.

    Args:
        key: a name that no other grid of the page has.
        width: least pixels of a column.
    """
    shown = list(tiles)[:MOST_TILES]
    found = pictures.addresses(images, [tile.image_id for tile in shown], key=key)
    drawn = [
        {
            "href": links.address_of(links.IMAGE, id=tile.image_id),
            "lead": tile.lead,
            "label": tile.label,
            "picture": found.get(tile.image_id, pictures.NOTHING),
            "alt": description(images, tile.image_id),
        }
        for tile in shown
    ]
    links.show_links(drawn, "tiles", key=f"tiles-{key}", width=width)


def show_picture(images: Collection, image_id: str, pixels: int = pictures.TILE_PIXELS) -> None:
    """The picture of an image, described by its first caption."""
    picture = pictures.thumbnail(images, image_id, pixels)
    st.image(
        picture or pictures.NO_PICTURE,
        width="stretch",
        alt=description(images, image_id),
        output_format="JPEG",
    )


def description(images: Collection, image_id: str) -> str:
    """What an image shows, in words: its first caption, else its id."""
    captions = images.captions_of(images.image_row(image_id))
    # Flickr's captions have their full stops set apart.
    return captions[0].replace(" .", ".").rstrip() if captions else f"Image {image_id}"


def gallery(images: Collection, count: int) -> list[Tile]:
    """Tiles of images spread evenly over those that can be searched, in their order."""
    rows = images.searchable_rows
    step = max(len(rows) // count, 1)
    ids = images.image_ids.at(rows[::step][:count])
    return [Tile(image_id, _in_short(description(images, image_id))) for image_id in ids]


def _in_short(text: str) -> str:
    """As many whole words as a tile has room for."""
    return textwrap.shorten(text, 52, placeholder=" …")


def example_queries(images: Collection, count: int = 6) -> list[str]:
    """Short captions of images that can be searched: the same ones every time, of varied length.

    They begin and end with different words where the collection allows it.
    """
    chosen: list[str] = []
    edges: set[str] = set()
    for row in islice(_spread(images.searchable_rows), _MOST_READ):
        for caption in images.captions_of(row):
            words = caption.rstrip(" .").split()
            last = words[-1].lower() if words else ""
            if 3 <= len(words) <= 7 and not edges & {last, words[0].lower()}:
                edges |= {last, words[0].lower()} - {"a", "an", "the", "two", "three"}
                chosen.append(" ".join(words))
                break
        if len(chosen) == count:
            break
    return chosen


def _spread(rows: np.ndarray) -> Iterator[int]:
    """`rows` in an order that jumps about, the same every time."""
    step = next(s for s in (89, 97, 101) if len(rows) % s or len(rows) < s)
    return (int(rows[(place * step) % len(rows)]) for place in range(len(rows)))
