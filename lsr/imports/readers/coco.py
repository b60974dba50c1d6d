"""Captions as COCO's `captions_train2014.json` and its like list them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from lsr.exceptions import CollectionError
from lsr.imports.imported import Skipped
from lsr.imports.listing import SPLIT_NAMES, ListedCaption, ListedImage, Listing

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
    images: dict[Any, tuple[str, str | None]] = {}
    for number, row in enumerate(_rows(file, content, "images")):
        try:
            images[row["id"]] = (str(row["file_name"]), row.get("coco_url"))
        except (KeyError, TypeError, AttributeError) as problem:
            raise _broken(file, "images", number, problem, "`id` and `file_name`") from None
    captions: dict[Any, list[ListedCaption]] = {}
    strangers = 0
    for number, row in enumerate(_rows(file, content, "annotations")):
        try:
            one = ListedCaption(" ".join(str(row["caption"]).split()), str(row["id"]))
            owner = row["image_id"]
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
    split = split_in_name(file)
    listed = [
        ListedImage(
            name,
            tuple(captions.get(one, ())),
            split,
            str(one),
            url=str(url) if url else None,
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
