"""Which vector of a file belongs to which image or caption of a collection."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError, shorten
from lsr.imports.readers.names import plain_name
from lsr.imports.vectors.vector_file import VectorFile
from lsr.storage.pictures import PICTURE_ENDINGS

_IMAGE_COLUMNS = ("id", "image_id", "image", "filename", "file_name", "file")
_CAPTION_COLUMNS = ("id", "caption_id", "sentid")
_TEXT_COLUMNS = ("caption", "text")


@dataclass(frozen=True)
class Matches:
    """rows: for each image or caption the row of its vector, −1 where there is none.

    strangers: rows of vectors that belong to nothing in the collection, ascending.
    """

    rows: np.ndarray
    strangers: list[int]


def match_images(collection: Collection, images: VectorFile) -> Matches:
    """By id, else by file name, with or without its ending; without labels by order.

    Raises:
        CollectionError: nothing matches, the counts differ, or an image has two vectors.
    """
    owners = _owners(collection, images)
    matches = _match(range(len(collection.images)), owners)
    _refuse_doubles(images, [None if row < 0 else row for row in owners], "image")
    return matches


def match_captions(collection: Collection, captions: VectorFile, images: VectorFile) -> Matches:
    """By id, else by image and text, else by text alone; without labels by order.

    Texts that differ in case or blanks alone are one text. A column `image_row` numbers the
    vectors of the images.

    Raises:
        CollectionError: nothing matches, or the counts differ.
    """
    n = len(collection.captions)
    if captions.labels is None:
        _check_count(captions, n, "caption", collection.name)
        return Matches(np.arange(n), [])
    ids = _column(captions.labels, _CAPTION_COLUMNS)
    known = set(collection.caption_ids)
    if ids and any(one in known for one in ids):
        _refuse_doubles(captions, [one if one in known else None for one in ids], "caption")
        return _match(collection.caption_ids, ids)
    offered: Sequence[Hashable] | None = None
    wanted: Sequence[Hashable] = [_plain(text) for text in collection.caption_texts]
    if texts := _column(captions.labels, _TEXT_COLUMNS):
        offered = [_plain(text) for text in texts]
        owners = _owners_of_captions(collection, captions, images)
        if owners is not None:
            offered = list(zip(owners, offered, strict=True))
            wanted = list(zip(collection.caption_image_rows.tolist(), wanted, strict=True))
    if offered is None or set(offered).isdisjoint(wanted):
        raise CollectionError(
            f"None of the {len(captions.vectors):,} vectors of `{captions.file}` belongs to one of "
            f"the {n:,} captions of collection `{collection.name}`, whose ids are like "
            f"`{shorten(collection.caption_ids[0]) if n else ''}`. Name the ids in a column `id`, "
            "or the images and texts in columns `image` and `caption`."
        )
    return _match(wanted, offered)


def _match(wanted: Sequence[Hashable], offered: Sequence[Hashable]) -> Matches:
    """Equal keys belong together; the second of equal ones gets the second vector, if any."""
    places: dict[Hashable, list[int]] = {}
    for row, key in enumerate(offered):
        places.setdefault(key, []).append(row)
    seen: Counter[Hashable] = Counter()
    rows = np.full(len(wanted), -1, np.int64)
    for place, key in enumerate(wanted):
        if key in places:
            rows[place] = places[key][min(seen[key], len(places[key]) - 1)]
            seen[key] += 1
    strangers = [row for key, found in places.items() if key not in seen for row in found]
    return Matches(rows, sorted(strangers))


def _owners(collection: Collection, images: VectorFile) -> list[int]:
    """For each vector the row of its image, −1 where the collection has no such image."""
    if images.labels is None:
        _check_count(images, len(collection.images), "image", collection.name)
        return list(range(len(images.vectors)))
    labels = _column(images.labels, _IMAGE_COLUMNS)
    if labels is None:
        raise CollectionError(
            f"Nothing says whose the vectors of `{images.file}` are: the columns are "
            f"{', '.join(images.labels)}. Name the image's id or file in a column `id` or `image`."
        )
    owners = _image_rows(collection, labels)
    if max(owners) < 0:
        raise CollectionError(
            f"None of the {len(owners):,} vectors of `{images.file}` belongs to one of the "
            f"{len(collection.images):,} images of collection `{collection.name}`: it says "
            f"`{shorten(labels[0])}`, the ids are like `{shorten(collection.image_ids[0])}`. Use "
            "files that belong together."
        )
    return owners


def _owners_of_captions(
    collection: Collection, captions: VectorFile, images: VectorFile
) -> list[int] | None:
    """For each caption vector the row of its image, −1 for none; None where nothing says it."""
    assert captions.labels is not None  # noqa: S101  the caller looked
    labels = _column(captions.labels, _IMAGE_COLUMNS[1:])
    if labels is not None:
        return _image_rows(collection, labels)
    if (numbers := captions.labels.get("image_row")) is None:
        return None
    owners = _owners(collection, images)
    known = {str(row): owner for row, owner in enumerate(owners)}
    return [known.get(number, -1) for number in numbers]


def _image_rows(collection: Collection, labels: Sequence[str]) -> list[int]:
    """The image row that each label names, −1 for none, by what most labels match."""
    files = collection.images["file"].to_pylist()
    ids = collection.image_ids
    ways: list[tuple[list[str | None], Callable[[str], str]]] = [
        (list(ids), str),
        (
            [file and _base(file) for file in files],
            _base,
        ),
        ([_stem(file or one) for file, one in zip(files, ids, strict=True)], _stem),
        ([_stem(one) for one in ids], _stem),
    ]
    best: list[int] = [-1] * len(labels)
    for keys, as_key in ways:
        rows = {key: row for row, key in enumerate(keys) if key}
        if len(rows) < sum(map(bool, keys)):
            continue  # two images of one name: it does not tell them apart
        found = [rows.get(as_key(label), -1) for label in labels]
        if _hits(found) > _hits(best):
            best = found
    return best


def _hits(rows: Sequence[int]) -> int:
    return sum(row >= 0 for row in rows)


def _base(name: str) -> str:
    return PurePosixPath(plain_name(name)).name


def _stem(name: str) -> str:
    path = PurePosixPath(plain_name(name))
    return path.stem if path.suffix.lower() in PICTURE_ENDINGS else path.name


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()


def _column(labels: dict[str, list[str]], names: Sequence[str]) -> list[str] | None:
    return next((labels[name] for name in names if name in labels), None)


def _check_count(vectors: VectorFile, n: int, noun: str, name: str) -> None:
    if len(vectors.vectors) != n:
        raise CollectionError(
            f"`{vectors.file}` holds {len(vectors.vectors):,} vectors but collection `{name}` has "
            f"{n:,} {noun}s, and nothing says whose they are. Give their ids with --{noun}-ids."
        )


def _refuse_doubles(vectors: VectorFile, keys: Sequence[Hashable | None], noun: str) -> None:
    """Refuse two different vectors of one image or caption; None is nothing of the collection."""
    first: dict[Hashable, int] = {}
    for row, key in enumerate(keys):
        if key is None:
            continue
        earlier = first.setdefault(key, row)
        if earlier != row and not np.array_equal(vectors.vectors[earlier], vectors.vectors[row]):
            raise CollectionError(
                f"Rows {earlier:,} and {row:,} of `{vectors.file}` are two different vectors of "
                f"one {noun}. Keep one."
            )
