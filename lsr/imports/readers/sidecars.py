"""Captions in a file of its own beside each picture: `photo.txt`, `.caption` or `.json`."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from lsr.exceptions import PictureError
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedCaption, ListedImage, Listing, Place, split_of
from lsr.imports.readers.caption_tables import CAPTION_COLUMNS, captions_in
from lsr.imports.readers.coco import split_in_name
from lsr.imports.readers.containers import Container
from lsr.imports.readers.contents import contents
from lsr.imports.readers.names import plain_name
from lsr.storage.pictures import PICTURE_ENDINGS
from lsr.storage.texts import EncodingError, decode_text
from lsr.storage.untrusted import DamagedError, parse_json

_MOST_BYTES = 2**20
_BARE_ENDINGS = frozenset(ending[1:] for ending in PICTURE_ENDINGS)
_ENDINGS = (".txt", ".caption", ".json")


def with_sidecars(container: Container) -> Listing:
    """Every picture with the captions beside it, one caption a line; none is fine.

    They are in `photo.txt`, `photo.caption`, or `photo.json` under `caption`, `text` or the like;
    `photo.jpg.txt` is the same. In WebDataset shards a sample is what shares a name up to its first
    dot; a shard's name may say its split, and `id` in a sample's JSON its image's id. Files beside
    pictures that say nothing are told.
    """
    shards = container.kind == "webdataset"
    skipped = list(container.skipped)
    notes = []
    plain = [name for name in container.pictures if not shards or _is_plain(name)]
    if not plain:  # a shard made from files whose names hold dots
        plain = list(container.pictures)
        notes.append("Names of samples hold dots: what shares a name up to the last is one sample.")
    why = "A sample's picture is KEY.jpg, KEY.png or the like; this is another part of it."
    taken = set(plain)
    skipped += [Skipped(name, why) for name in container.pictures if name not in taken]
    beside = _beside(container, plain)
    said = _read({one: container.files[one] for group in beside for one in group}, skipped)
    images, silent = [], []
    for name, group in zip(plain, beside, strict=True):
        place = container.pictures[name]
        captions: list[ListedCaption] = []
        split, image_id = split_in_name(place.path.name) if shards else "", ""
        for file in (one for one in group if one in said):
            try:
                found, split_said, id_said = _captions(file, said[file])
            except DamagedError as problem:
                skipped.append(Skipped(file, f"It is no JSON object ({problem})."))
                continue
            captions += [one for one in found if one.text and one not in captions]
            split = split_said or split
            image_id = (id_said if shards else "") or image_id
            if not found:
                silent.append(file)
        images.append(ListedImage(name, tuple(captions), split, image_id, place))
    keys = ", ".join(f"`{key}`" for key in ("caption", "text", "title"))
    skipped += _told(silent, f"beside a picture, and it holds no {keys} or the like")
    skipped += _unknown(container, plain)
    return Listing(container.kind, images, skipped=skipped, notes=notes)


def unread_sidecars(container: Container, taken: str) -> list[Skipped]:
    """One line for each kind of caption files beside pictures, where a list was read instead."""
    files = [one for group in _beside(container, list(container.pictures)) for one in group]
    return _told(files, f"beside a picture, but captions come from {taken}")


def _is_plain(name: str) -> bool:
    """Whether a sample's name has no dot but that of its ending."""
    return PurePosixPath(name).name.partition(".")[2].lower() in _BARE_ENDINGS


def _stems(name: str) -> tuple[str, str]:
    """What the name of a file beside a picture begins with."""
    return plain_name(name[: -len(PurePosixPath(name).suffix)]), plain_name(name)


def _beside(container: Container, pictures: Iterable[str]) -> list[list[str]]:
    """For each picture the files of captions beside it."""
    by_key: dict[tuple[str, str], str] = {}
    for name in container.files:
        ending = PurePosixPath(name).suffix
        if ending.lower() in _ENDINGS:
            by_key.setdefault((plain_name(name[: -len(ending)]), ending.lower()), name)
    return [
        [by_key[stem, end] for end in _ENDINGS for stem in _stems(name) if (stem, end) in by_key]
        for name in pictures
    ]


def _unknown(container: Container, pictures: Iterable[str]) -> list[Skipped]:
    """Files beside pictures of kinds that nobody reads, but for films and sounds."""
    stems = {stem for name in pictures for stem in _stems(name)}
    found: dict[str, list[str]] = {}
    for name in container.files:
        ending = PurePosixPath(name).suffix
        kind = (mimetypes.guess_type(name)[0] or "").partition("/")[0]
        read = ending.lower() in _ENDINGS or name in container.pictures
        if not ending or read or kind in ("video", "audio"):
            continue
        if plain_name(name[: -len(ending)]) in stems:
            found.setdefault(ending.lower(), []).append(name)
    why = "beside a picture, but captions are read from .txt, .caption and .json alone"
    return [line for files in found.values() for line in _told(files, why)]


def _told(files: list[str], where: str) -> list[Skipped]:
    """One line for the files of each ending."""
    by_ending: dict[str, list[str]] = {}
    for name in files:
        by_ending.setdefault(PurePosixPath(name).suffix.lower(), []).append(name)
    return [
        Skipped(f"{len(names):,} {ending} files", f"Such as `{names[0]}`: it lies {where}.")
        if len(names) > 1
        else Skipped(names[0], f"It lies {where}.")
        for ending, names in by_ending.items()
    ]


def _read(files: dict[str, Place], skipped: list[Skipped]) -> dict[str, str]:
    """The texts of the files that can be read; the others are listed."""
    small = {}
    for name, place in files.items():
        if place.size > _MOST_BYTES:
            why = f"It has {place.size / 2**20:.1f} MB; a picture's captions may have up to 1 MB."
            skipped.append(Skipped(name, why))
        else:
            small[name] = place
    texts = {}
    for name, content in zip(small, contents(list(small.values())), strict=True):
        if isinstance(content, PictureError):
            skipped.append(Skipped(name, str(content)))
            continue
        try:
            texts[name] = decode_text(content)
        except EncodingError as problem:
            skipped.append(Skipped(name, f"It {problem}. Save it as UTF-8 text."))
    return texts


def _captions(file: str, text: str) -> tuple[list[ListedCaption], str, str]:
    """(captions, split, id of the image) in a file; what is not there is empty.

    Raises:
        DamagedError: a .json file holds no object.
    """
    if not file.lower().endswith(".json"):
        return [ListedCaption(" ".join(line.split())) for line in text.splitlines()], "", ""
    fields = parse_json(text)
    if not isinstance(fields, dict):
        raise DamagedError(f"a {type(fields).__name__}")
    value: Any = next((fields[key] for key in CAPTION_COLUMNS if key in fields), [])
    split, image_id = (
        one if isinstance(one, str) else "" for one in (fields.get("split"), fields.get("id"))
    )
    return list(captions_in(value)), split_of(split), image_id
