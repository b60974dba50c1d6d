"""Which list of captions goes with the pictures, and the reader that understands it."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lsr.exceptions import CollectionError, UnknownNameError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import Listing, Place
from lsr.imports.readers.bounds import entries_in
from lsr.imports.readers.coco import split_in_name
from lsr.imports.readers.containers import Container, scan_folder, user_path
from lsr.imports.readers.contents import text_of
from lsr.imports.readers.list_content import read_list
from lsr.imports.readers.list_files import LIST_ENDINGS, UNREAD_LISTS, ListFile, probe
from lsr.imports.readers.names import plain_name
from lsr.imports.readers.splits import names_split

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
METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.json", "metadata.parquet")
TOKEN_NAMES = ("*.token", "*.token.txt")
FLICKR_NAMES = (*TOKEN_NAMES, "results*.csv", "captions.txt")
# Where a data set keeps its lists: beside its picture folders, or in a folder of this name.
_PLACES = (".", "annotations")
# More files of one kind than these are told in one line.
_MOST_LINES = 20

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
    there = chain.from_iterable(entries_in(place) for place in places)
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


class Chosen(NamedTuple):
    """The lists whose captions are taken, and what else looks like one.

    is_named: their names say that they are lists of captions, so one that cannot be read is an
    error. others: lists that are not read, with why and what to do.
    """

    found: list[tuple[str, Place]]
    is_named: bool
    others: list[Skipped]


def captions_found(container: Container, form: str | None) -> Chosen:
    """The lists that lie with the pictures; a usual name comes first, then the content decides.

    Raises:
        CollectionError: several lists of usual names that could be meant.
    """
    usual = _usual(container)
    files = [_trusted(*one) or probe(*one, is_expected=True) for one in usual.items()]
    named = [one for one in files if one is not None]
    unusual = [(name, place) for name, place in _other_lists(container) if name not in usual]
    picked = _picked([one for one in named if one.kind], form)
    if picked is None:
        raise _several(container, [one.name for one in named if one.kind])
    if picked:
        others = [*(one for one in named if one not in picked), *_unread(unusual)]
        return Chosen(_pairs(picked), True, _left_alone(others, picked))
    probed = [found for one in unusual if (found := probe(*one)) is not None]
    readable = [one for one in probed if one.kind]
    picked = _picked(readable, form)
    if picked is None:
        why = str(_several(container, [one.name for one in readable]))
        probed = [one._replace(kind=None, why=why) if one.kind else one for one in probed]
        picked = []
    others = [*(one for one in named if one.kind is None), *probed]
    others = [one for one in others if one not in picked]
    return Chosen(_pairs(picked), False, _left_alone(others, picked))


def _usual(container: Container) -> dict[str, Place]:
    """Files whose names and places are usual for lists of captions."""
    names = (*KARPATHY_NAMES, *COCO_NAMES, *TOKEN_NAMES, *TABLE_NAMES)
    metadata = [
        one
        for one in container.files.items()
        if PurePosixPath(one[0]).name.lower() in METADATA_NAMES
    ]
    return dict([*lists_in(container, names), *metadata])


def _trusted(name: str, place: Place) -> ListFile | None:
    """JSON lists of usual names may be large, and reading them says best what is wrong."""
    base = PurePosixPath(name).name.lower()
    for kind, patterns in (("karpathy", KARPATHY_NAMES), ("coco", COCO_NAMES)):
        if any(fnmatch.fnmatch(base, one) for one in patterns):
            return ListFile(name, place, kind)  # type: ignore[arg-type]
    return ListFile(name, place, "table") if base == "captions.json" else None


def _other_lists(container: Container) -> Iterator[tuple[str, Place]]:
    """Files that may be lists, without those that belong to one picture or say its split."""
    stems = {_without_ending(name) for name in container.pictures}
    whole = {plain_name(name) for name in container.pictures}
    for name, place in container.files.items():
        beside = _without_ending(name)
        if beside not in stems and beside not in whole and not names_split(name):
            yield name, place


def _without_ending(name: str) -> str:
    """A member's name as names are compared, of a member named `.` as well."""
    path = PurePosixPath(name)
    return plain_name(str(path)[: -len(path.suffix) or None])


def _unread(files: Iterable[tuple[str, Place]]) -> Iterator[ListFile]:
    """What looks like a list by its ending: it is not opened, because others were found."""
    for name, place in files:
        ending = PurePosixPath(name).suffix.lower()
        if ending in UNREAD_LISTS:
            yield ListFile(name, place, None, UNREAD_LISTS[ending])
        elif ending in LIST_ENDINGS and ending != ".txt":
            yield ListFile(name, place, "table")


def _picked(readable: Sequence[ListFile], form: str | None) -> list[ListFile] | None:
    """The lists that are meant, several where they make one; None where it cannot be told."""
    if form in ("karpathy", "coco"):
        readable = [one for one in readable if one.kind == form]
    elif form == "flickr":
        tables = [one for one in readable if one.kind == "table"]
        readable = [one for one in readable if one.kind == "flickr"] or tables
    if len(readable) < 2:
        return list(readable)
    groups = {_group(one) for one in readable}
    if groups in ({"coco"}, {"metadata"}):  # several files make one list
        return list(readable)
    if groups == {"flickr", "table"}:  # the same captions twice; tokens number them
        tokens = [one for one in readable if one.kind == "flickr"]
        return tokens if len(tokens) == 1 else None
    splits = {split_in_name(one.name) for one in readable}
    if len(groups) == 1 and "" not in splits and len(splits) == len(readable):
        return list(readable)
    return None


def _group(one: ListFile) -> str:
    base = PurePosixPath(one.name).name.lower()
    return "metadata" if base in METADATA_NAMES else str(one.kind)


def _pairs(picked: Sequence[ListFile]) -> list[tuple[str, Place]]:
    return [(one.name, one.place) for one in picked]


def _left_alone(others: Iterable[ListFile], picked: Sequence[ListFile]) -> list[Skipped]:
    """Why each other list is not read; many of one kind are one line."""
    taken = " and ".join(one.name for one in picked)
    instead = f"Captions come from {taken}. Name this one after --captions to read it instead."
    skipped: dict[str, list[Skipped]] = {}
    for one in others:
        ending = PurePosixPath(one.name).suffix.lower()
        why = instead if one.kind else f"It was not read. {one.why}"
        skipped.setdefault(ending, []).append(Skipped(one.name, why))
    return [line for ending, lines in skipped.items() for line in _in_short(ending, lines)]


def _in_short(ending: str, lines: list[Skipped]) -> list[Skipped]:
    if len(lines) <= _MOST_LINES:
        return lines
    first = lines[0]
    return [Skipped(f"{len(lines):,} {ending} files", f"Such as `{first.file}`: {first.why}")]


def _several(container: Container, names: Sequence[str]) -> CollectionError:
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_LINES])
    return CollectionError(
        f"`{container.label}` holds {len(names)} lists of captions ({shown}). Name the one "
        "that is meant after --captions, or its format after --format."
    )


def read_lists(found: Found, form: str | None = None) -> Listing:
    """What one list says, or several together: where their names say splits, those are taken.

    Raises:
        CollectionError: a list is not of its format; the message names file and line.
    """
    listings = [
        _below_its_folder(name, read_list(PurePosixPath(name).name, text_of(place, name), form))
        for name, place in found
    ]
    if len(listings) == 1:
        return listings[0]
    parts = [
        [replace(image, split=image.split or split_in_name(name)) for image in one.images]
        for (name, _), one in zip(found, listings, strict=True)
    ]
    return replace(
        listings[0],
        images=list(chain.from_iterable(parts)),
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
