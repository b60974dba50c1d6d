"""Pictures that are the same file twice, found by their content."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from lsr.exceptions import PictureError
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedImage, Place
from lsr.imports.readers.contents import contents, first_bytes
from lsr.storage.pictures import MAX_FILE_BYTES

_HEAD = 4096


def merge_duplicates(
    images: Sequence[ListedImage],
) -> tuple[list[ListedImage], list[Skipped]]:
    """(the images without later copies, those copies).

    The first picture of a content stays, with its split; it gets the captions of its copies that
    it does not have itself.
    """
    firsts = first_copies([image.place for image in images])
    extra: dict[int, list[ListedImage]] = defaultdict(list)
    for row, first in enumerate(firsts):
        if row != first:
            extra[first].append(images[row])
    kept, skipped = [], []
    for row, image in enumerate(images):
        if firsts[row] != row:
            continue
        if not extra[row]:
            kept.append(image)
            continue
        captions = {caption.text: caption for caption in image.captions}
        for copy in extra[row]:
            n_before = len(captions)
            for caption in copy.captions:
                captions.setdefault(caption.text, caption)
            skipped.append(Skipped(copy.name, _why(image, copy, len(captions) - n_before)))
        kept.append(replace(image, captions=(*captions.values(),)))
    return kept, skipped


def _why(image: ListedImage, copy: ListedImage, moved: int) -> str:
    why = f"The same picture as `{image.name}`"
    if copy.captions:
        why += f", which gets {moved:,} of its {len(copy.captions):,} captions"
    if copy.split and copy.split != image.split:
        why += f"; it was in split `{copy.split}`, that one stays in `{image.split}`"
    return f"{why}."


def first_copies(places: Sequence[Place | None]) -> list[int]:
    """For each place the number of the first one with the same bytes, often its own.

    Only files of one size are opened, and only those that begin alike are read to the end. What is
    too large to be a picture is not compared.
    """
    firsts = list(range(len(places)))
    sizes = ((row, _size(place)) for row, place in enumerate(places))
    alike = _groups((row, size) for row, size in sizes if 0 < size <= MAX_FILE_BYTES)
    alike = _groups(_hashed(places, alike, _HEAD))
    whole = [rows for rows in alike if _size(places[rows[0]]) <= _HEAD]
    longer = [rows for rows in alike if _size(places[rows[0]]) > _HEAD]
    for rows in [*whole, *_groups(_hashed(places, longer, None))]:
        for row in rows:
            firsts[row] = rows[0]
    return firsts


def _size(place: Place | None) -> int:
    return place.size if place else 0


def _groups(keyed: Iterable[tuple[int, Hashable]]) -> list[list[int]]:
    """Rows that share a key, where several do."""
    grouped: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in keyed:
        grouped[key].append(row)
    return [sorted(rows) for rows in grouped.values() if len(rows) > 1]


def _hashed(
    places: Sequence[Place | None], groups: list[list[int]], most: int | None
) -> Iterable[tuple[int, tuple[int, bytes]]]:
    """(row, size with the hash of its first bytes), archive by archive."""
    rows = sorted(row for group in groups for row in group)
    chosen = [place for row in rows if (place := places[row]) is not None]
    heads = [place if most is None else first_bytes(place, most) for place in chosen]
    for row, place, content in zip(rows, chosen, contents(heads), strict=True):
        if not isinstance(content, PictureError):
            head = content if most is None else content[:most]
            yield row, (place.size, hashlib.blake2b(head, digest_size=16).digest())
