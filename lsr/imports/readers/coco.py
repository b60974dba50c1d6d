"""Captions as COCO's `captions_train2014.json` and its like list them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from lsr.collection.checks import is_address
from lsr.exceptions import CollectionError
from lsr.imports.imported import Skipped
from lsr.imports.listing import SPLIT_NAMES, ListedCaption, ListedImage, Listing
from lsr.imports.readers.fields import id_in, text_in

_SPLIT_IN_NAME = re.compile(r"(?<![a-z])(" + "|".join(SPLIT_NAMES) + r")(?![a-z])")


def split_in_name(name: str) -> str:
    """The split that a file or folder name says, as `captions_val2014.json` does, or nothing."""
    found = _SPLIT_IN_NAME.search(PurePosixPath(name).name.lower())
    return SPLIT_NAMES[found[1]] if found else ""


def coco_listing(file: str, content: dict[str, Any]) -> Listing:
    """The images with their captions; the split is that of the file's name.

    Raises:
        CollectionError: not of that layout; the message has the number of the entry.
    """
    images: dict[str, tuple[str, str | None]] = {}
    for number, row in enumerate(_rows(file, content, "images")):
        try:
            images[id_in(row, "id")] = text_in(row, "file_name"), row.get("coco_url")
        except (KeyError, TypeError) as problem:
            raise _broken(file, "images", number, problem, "`id` and `file_name`") from None
    captions: dict[str, list[ListedCaption]] = {}
    strangers = 0
    for number, row in enumerate(_rows(file, content, "annotations")):
        try:
            text = " ".join(text_in(row, "caption").split())
            one = ListedCaption(text, id_in(row, "id"))
            owner = id_in(row, "image_id")
        except (KeyError, TypeError) as problem:
            needs = "`id`, `image_id` and `caption`"
            raise _broken(file, "annotations", number, problem, needs) from None
        if owner in images:
            captions.setdefault(owner, []).append(one)
        else:
            strangers += 1
    skipped = []
    if strangers:
        skipped.append(Skipped(file, f"{strangers:,} captions are of images it does not list."))
    if elsewhere := sum(bool(url) and not is_address(url) for _, url in images.values()):
        why = f"{elsewhere:,} of its addresses do not begin with http:// or https://."
        skipped.append(Skipped(file, why))
    split = split_in_name(file)
    listed = [
        ListedImage(
            name,
            tuple(captions.get(one, ())),
            split,
            one,
            url=url if is_address(url) else None,
            row=f"image {one} of {file}",
        )
        for one, (name, url) in images.items()
    ]
    return Listing("coco", listed, skipped=skipped)


def _rows(file: str, content: dict[str, Any], key: str) -> list[Any]:
    rows = content.get(key)
    if not isinstance(rows, list) or not rows:
        raise CollectionError(f"`{file}` lists no `{key}`. Give a `captions_*.json` of COCO.")
    return rows


def _broken(file: str, key: str, number: int, problem: Exception, needs: str) -> CollectionError:
    return CollectionError(
        f"Entry {number:,} of `{key}` in `{file}` is not in COCO's format ({problem!r}). It needs "
        f"{needs}."
    )
