"""Tiles: a picture with a line or two, the whole of it one link to the page of its image."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import streamlit as st

from lsr.collection.collection import Collection
from lsr.search.results import ExplainedHit
from pages.parts import caches
from pages.parts.links import to_image
from pages.parts.markup import escape

MOST_TILES = 48
# Images whose captions are read for examples.
_MOST_READ = 10_000
NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" fill="#8a8678" opacity=".25"/>'
    '<path d="M8 22l6-7 4 5 3-3 4 5z" fill="#8a8678"/></svg>'
)


@dataclass(frozen=True)
class Tile:
    """What a tile shows: `label` is its link, `note` a line below; both are Markdown."""

    image_id: str
    label: str
    note: str = ""


def hit_tiles(hits: Sequence[ExplainedHit]) -> list[Tile]:
    """Tiles of a search: rank, score, and the three terms that add most to the score."""
    return [
        Tile(
            hit.image_id,
            f"**{hit.rank}** · {hit.score:.2f}",
            " · ".join(escape(c.term) for c in hit.contributions[:3]),
        )
        for hit in hits
    ]


def show_tiles(images: Collection, tiles: Iterable[Tile], *, key: str, width: int = 150) -> None:
    """Draw tiles in a grid that wraps.

    Args:
        key: a name that no other grid of the page has.
        width: least pixels of a column.
    """
    grid = st.grid("auto", min_column_width=width, gap=12)
    for place, tile in enumerate(list(tiles)[:MOST_TILES]):
        with grid.container(key=f"tile-{key}-{place}", gap=None):
            show_picture(images, tile.image_id)
            # One element a tile less is 24 a page less: the note is part of the link.
            note = f" :gray[{tile.note}]" if tile.note else ""
            to_image(tile.image_id, tile.label + note)


def show_picture(images: Collection, image_id: str, pixels: int = caches.TILE_PIXELS) -> None:
    """The picture of an image, described by its first caption."""
    picture = caches.thumbnail(images, image_id, pixels)
    st.image(
        picture or NO_PICTURE,
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
    return [Tile(image_id, escape(_in_short(description(images, image_id)))) for image_id in ids]


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
