"""Which list of captions goes with the pictures, and the reader that understands it."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from lsr.exceptions import CollectionError, UnknownNameError, shorten
from lsr.imports.listing import Listing, Place
from lsr.imports.readers.caption_tables import (
    decoded,
    is_token_list,
    looks_like_json_lines,
    looks_like_table,
    read_json_lines,
    read_json_rows,
    read_table,
    read_tokens,
)
from lsr.imports.readers.coco import coco_listing
from lsr.imports.readers.containers import Container, scan_folder, user_path
from lsr.imports.readers.contents import first_bytes, text_of
from lsr.imports.readers.karpathy import karpathy_listing
from lsr.storage.untrusted import DamagedError, parse_json

KARPATHY_NAMES = ("dataset*.json",)
COCO_NAMES = ("captions_*.json",)
TABLE_NAMES = (
    "captions*.csv",
    "captions*.tsv",
    "captions*.jsonl",
    "captions*.txt",
    "captions.json",
    "results*.csv",
)
# Hugging Face's image folders have one in every folder of pictures.
METADATA_NAMES = ("metadata.csv", "metadata.jsonl")
TOKEN_NAMES = ("*.token", "*.token.txt")
FLICKR_NAMES = (*TOKEN_NAMES, "results*.csv", "captions.txt")
# Where a data set keeps its lists: beside its picture folders, or in a folder of this name.
_PLACES = (".", "annotations")
_JSON_LINES = (".jsonl", ".ndjson")

# So much of a file shows whether it is a list.
_HEAD = 2**16

Found = Sequence[tuple[str, Place]]


def lists_in(container: Container, names: Sequence[str]) -> list[tuple[str, Place]]:
    """Files of a container, at its top or in `annotations`, whose names fit a pattern."""
    tops = {str(PurePosixPath(name).parent) for name in container.files}
    # A zip of one folder has that folder at its top.
    only = {top.split("/")[0] for top in tops}
    roots = [PurePosixPath(".")] + ([PurePosixPath(only.pop())] if len(only) == 1 else [])
    places = {str(root / place) for root in roots for place in _PLACES}
    return [
        (name, place)
        for name, place in container.files.items()
        if str(PurePosixPath(name).parent) in places
        and any(fnmatch.fnmatch(PurePosixPath(name).name.lower(), one) for one in names)
    ]


def has_list(folder: Path, names: Sequence[str]) -> bool:
    """Whether a list of such a name lies in a folder, or in its `annotations`."""
    places = [folder / place for place in _PLACES if (folder / place).is_dir()]
    there = chain.from_iterable(place.iterdir() for place in places)
    return any(
        fnmatch.fnmatch(path.name.lower(), one) for path in there if path.is_file() for one in names
    )


def captions_given(path: str) -> list[tuple[str, Place]]:
    """What `--captions` names: a file, or the `captions_*.json` of a folder.

    Raises:
        UnknownNameError: there is no such file.
        CollectionError: a folder without them.
    """
    given = user_path(path)
    if "\0" not in path and given.is_file():
        status = given.stat()
        return [(given.name, Place("file", given, status.st_size, status.st_mtime_ns))]
    if "\0" in path or not path or not given.is_dir():
        raise UnknownNameError(
            f"There is no file of captions `{shorten(path)}`. Check the path after --captions."
        )
    found = lists_in(scan_folder(given, given.name), COCO_NAMES)
    if not found:
        raise CollectionError(
            f"The folder `{shorten(given.name)}` after --captions holds no `captions_*.json`. "
            "Name the file of captions itself."
        )
    return found


def captions_found(container: Container, form: str | None) -> tuple[list[tuple[str, Place]], str]:
    """(the lists that lie with the pictures, a note on others that were left alone).

    Raises:
        CollectionError: several lists that could be meant.
    """
    by_form = {
        "karpathy": lists_in(container, KARPATHY_NAMES),
        "coco": lists_in(container, COCO_NAMES),
        "flickr": lists_in(container, TOKEN_NAMES),
        "table": [one for one in lists_in(container, TABLE_NAMES) if _is_table(*one)],
        "metadata": [
            (name, place)
            for name, place in container.files.items()
            if PurePosixPath(name).name.lower() in METADATA_NAMES and _is_table(name, place)
        ],
    }
    if form == "flickr":
        found = by_form["flickr"] or by_form["table"]
        return _only(found, container), ""
    if form in by_form:
        found = by_form[form]
        return found if form == "coco" else _only(found, container), ""
    if form is not None and form not in ("folder", "zip", "webdataset"):
        return [], ""
    there = {name: found for name, found in by_form.items() if found}
    if set(there) in ({"coco"}, {"metadata"}):  # several files make one list
        return next(iter(there.values())), ""
    if set(there) == {"flickr", "table"}:  # the same captions twice; tokens number them
        note = f"{there['flickr'][0][0]} was read, {there['table'][0][0]} was not."
        return _only(there["flickr"], container), note
    return _only(list(chain(*there.values())), container), ""


def _is_table(name: str, place: Place) -> bool:
    if name.lower().endswith(".json"):
        return True
    head = text_of(first_bytes(place, _HEAD), name).decode("utf-8-sig", "replace")
    if name.lower().endswith(_JSON_LINES):
        return looks_like_json_lines(head)
    return is_token_list(head) or looks_like_table(head)


def _only(found: list[tuple[str, Place]], container: Container) -> list[tuple[str, Place]]:
    if len(found) > 1:
        names = ", ".join(f"`{name}`" for name, _ in found)
        raise CollectionError(
            f"`{container.label}` holds {len(found)} lists of captions ({names}). Name the one "
            "that is meant after --captions, or its format after --format."
        )
    return found


def read_lists(found: Found, form: str | None = None) -> Listing:
    """What one list says, or several of COCO together.

    Raises:
        CollectionError: a list is not of its format; the message names file and line.
    """
    listings = [
        _below_its_folder(name, read_list(PurePosixPath(name).name, text_of(place, name), form))
        for name, place in found
    ]
    if len(listings) == 1:
        return listings[0]
    return replace(
        listings[0],
        images=list(chain.from_iterable(one.images for one in listings)),
        skipped=list(chain.from_iterable(one.skipped for one in listings)),
        notes=list(chain.from_iterable(one.notes for one in listings)),
    )


def _below_its_folder(name: str, listing: Listing) -> Listing:
    """The file names in a `metadata.csv` are those of its own folder."""
    path = PurePosixPath(name)
    if path.name.lower() not in METADATA_NAMES:
        return listing
    images = [replace(one, name=str(path.parent / one.name)) for one in listing.images]
    return replace(listing, images=images)


def read_list(file: str, content: bytes, form: str | None = None) -> Listing:
    """The images and captions of a list, recognised by its content unless `form` says it.

    Raises:
        CollectionError: not of its format, with file and line.
    """
    text = decoded(file, content)
    if form in ("karpathy", "coco") or file.lower().endswith(".json"):
        return _read_json(file, text, form)
    if file.lower().endswith(_JSON_LINES):
        return read_json_lines(file, text)
    if is_token_list(text):
        return read_tokens(file, text)
    if form == "flickr" and not looks_like_table(text):
        return read_tokens(file, text)
    return read_table(file, text)


def _read_json(file: str, text: str, form: str | None) -> Listing:
    content: Any
    try:
        content = parse_json(text)
    except DamagedError as problem:
        raise CollectionError(
            f"`{file}` is not readable JSON ({problem}). Restore the file."
        ) from None
    if isinstance(content, list):
        return read_json_rows(file, content)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise CollectionError(f"`{file}` holds a {kind}. Give a list of images with captions.")
    if form == "karpathy" or (form is None and _has_sentences(content)):
        return karpathy_listing(file, content)
    if form == "coco" or "annotations" in content:
        return coco_listing(file, content)
    keys = ", ".join(f"`{shorten(key)}`" for key in list(content)[:8]) or "nothing"
    raise CollectionError(
        f"`{file}` holds {keys}: it is neither a list in Karpathy's format (`images` with "
        "`sentences`) nor one of COCO (`images` and `annotations` with `caption`). Give one of "
        "these, or a CSV with the columns `image` and `caption`."
    )


def _has_sentences(content: dict[str, Any]) -> bool:
    images = content.get("images")
    first = images[0] if isinstance(images, list) and images else None
    return isinstance(first, dict) and "sentences" in first
