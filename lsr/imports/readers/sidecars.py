"""Captions in a file of its own beside each picture: `photo.txt`, or `photo.json` in shards."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from lsr.exceptions import PictureError
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedCaption, ListedImage, Listing, Place, split_of
from lsr.imports.readers.caption_tables import captions_in
from lsr.imports.readers.coco import split_in_name
from lsr.imports.readers.containers import Container
from lsr.imports.readers.contents import contents
from lsr.storage.pictures import PICTURE_ENDINGS
from lsr.storage.untrusted import parse_json

_MOST_BYTES = 2**20
_BARE_ENDINGS = frozenset(ending[1:] for ending in PICTURE_ENDINGS)
_TEXT_KEYS = ("caption", "captions", "text", "sentences")


def with_sidecars(container: Container) -> Listing:
    """Every picture with the captions beside it, one caption a line; none is fine.

    In WebDataset shards a sample is what shares a name up to its first dot, its captions are in
    `.txt` or in `.json` under `caption` or `text`, and a shard's name may say its split.
    """
    shards = container.kind == "webdataset"
    skipped = list(container.skipped)
    images = []
    endings = (".txt", ".json") if shards else (".txt",)
    beside = {
        stem + ending: container.files[stem + ending]
        for stem in (name[: -len(PurePosixPath(name).suffix)] for name in container.pictures)
        for ending in endings
        if stem + ending in container.files
    }
    said = _read(beside, skipped)
    for name, place in container.pictures.items():
        stem = name[: -len(PurePosixPath(name).suffix)]
        if shards and PurePosixPath(name).name.partition(".")[2].lower() not in _BARE_ENDINGS:
            why = "A sample's picture is KEY.jpg, KEY.png or the like; this is another part of it."
            skipped.append(Skipped(name, why))
            continue
        text, fields = said.get(f"{stem}.txt", ""), said.get(f"{stem}.json", "")
        captions = [ListedCaption(" ".join(line.split())) for line in text.splitlines()]
        split = split_in_name(place.path.name) if shards else ""
        if fields:
            try:
                of_json, split_said = _of_json(fields)
            except ValueError as problem:
                skipped.append(Skipped(f"{stem}.json", f"It is no JSON object ({problem})."))
            else:
                captions += [one for one in of_json if one not in captions]
                split = split_said or split
        kept = tuple(one for one in captions if one.text)
        images.append(ListedImage(name, kept, split, place=place))
    return Listing(container.kind, images, skipped=skipped)


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
            texts[name] = content.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            line = content.count(b"\n", 0, problem.start) + 1
            skipped.append(Skipped(name, f"Its line {line:,} is not UTF-8."))
    return texts


def _of_json(text: str) -> tuple[list[ListedCaption], str]:
    """(captions, split) of a sample; what is not there is empty."""
    fields = parse_json(text)
    if not isinstance(fields, dict):
        raise ValueError(f"a {type(fields).__name__}")
    value: Any = next((fields[key] for key in _TEXT_KEYS if key in fields), [])
    split = fields.get("split")
    return list(captions_in(value)), split_of(split) if isinstance(split, str) else ""
