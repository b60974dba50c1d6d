"""A collection in shards: its tables in its own folder, vectors and pictures where its parts lie.

The card's `parts` says where: a folder beside the collection's own, a folder anywhere, or an
address in an object storage, each with the fingerprint of the collection that stood there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lsr.collection.card import CARD, read_card
from lsr.exceptions import CollectionError, InputError, shorten
from lsr.storage.copies import address_of, bring_all, copied_folder
from lsr.storage.files import read_array
from lsr.storage.part_rows import PartRows
from lsr.storage.places import PICTURES
from lsr.storage.records import fits
from lsr.storage.remote import is_remote

if TYPE_CHECKING:
    from lsr.collection.collection import Collection


@dataclass(frozen=True)
class Part:
    """One of the collections that a collection in shards consists of.

    first: the row of its first image in the whole.
    """

    folder: Path
    fingerprint: str
    first: int
    small_pictures: int | None


def open_parts(folder: Path, card: Mapping[str, Any]) -> tuple[Part, ...]:
    """The parts that the card in a folder names, none for a collection that has all in one place.

    Raises:
        CollectionError: a part is not there, or is another one than was joined.
        InputError: an object storage cannot be read.
    """
    found: list[Part] = []
    first = 0
    for about in card.get("parts") or []:
        if not fits(about, dict[str, str]) or not {"place", "fingerprint"} <= about.keys():
            raise CollectionError(f"`{folder / CARD}` does not tell its parts. Restore the file.")
        place, name = about["place"], card["name"]
        try:
            where = _folder_of(folder, place)
            part = read_card(where)
        except (CollectionError, InputError) as problem:
            raise CollectionError(
                f"Part `{shorten(place)}` of collection `{name}` cannot be opened: {problem}"
            ) from None
        if part["fingerprint"] != about["fingerprint"]:
            raise CollectionError(
                f"Part `{shorten(place)}` of collection `{name}` is another one than was joined: "
                f"its fingerprint is {shorten(part['fingerprint'])}, not "
                f"{shorten(about['fingerprint'])}. Join the parts again."
            )
        found.append(Part(where, part["fingerprint"], first, part.get("small_pictures")))
        first += part["counts"]["images"]
    return tuple(found)


def part_of(collection: Collection, image_row: int) -> Part:
    """The part that has an image's picture."""
    return next(part for part in reversed(collection.parts) if part.first <= image_row)


def stored_rows(path: Path, parts: Sequence[Part]) -> np.ndarray | PartRows:
    """The vectors in a file of a collection's folder, or in those of that name of its parts.

    Raises:
        CollectionError: a file is missing or truncated, or they do not go together.
    """
    if not parts:
        return read_array(path, CollectionError)
    arrays = [read_array(part.folder / path.name, CollectionError) for part in parts]
    if len({one.shape[1:] for one in arrays}) > 1 or arrays[0].ndim != 2:
        shapes = ", ".join(str(one.shape) for one in arrays)
        raise CollectionError(f"The parts have `{path.name}` of shapes {shapes}. Join them again.")
    return PartRows(arrays)


def places_of(parts: Sequence[Collection], folder: Path) -> list[dict[str, str]]:
    """What a card in a folder says of its parts; those beside it may move with it."""
    found = []
    for part in parts:
        where = part.folder.absolute()
        beside = where.parent == folder.absolute().parent
        place = address_of(where) or (f"../{where.name}" if beside else str(where))
        found.append({"place": place, "fingerprint": part.fingerprint})
    return found


def refuse_shards(collection: Collection) -> None:
    """Refuse what needs a collection whose files are all in its own folder.

    Raises:
        CollectionError: it stays in shards.
    """
    if collection.parts:
        raise CollectionError(
            f"Collection `{collection.name}` stays in {len(collection.parts):,} shards, which this "
            "would change or copy. Do it with each of them and join those again, or join them "
            "without --in-shards first."
        )


def bring_pictures(collection: Collection) -> None:
    """Copy all pictures here that lie in an object storage.

    Raises:
        InputError: the storage cannot be read. DiskFullError: there is no room.
    """
    for folder in [part.folder for part in collection.parts] or [collection.folder]:
        bring_all(folder)


def _folder_of(folder: Path, place: str) -> Path:
    return copied_folder(place, CARD, PICTURES) if is_remote(place) else folder / place
