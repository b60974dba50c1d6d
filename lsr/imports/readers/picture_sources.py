"""Pictures with captions, from a folder, a zip or tar shards, made one listing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lsr.exceptions import CollectionError
from lsr.imports.imported import ImportRequest
from lsr.imports.listing import Listing
from lsr.imports.readers.bounds import Look
from lsr.imports.readers.caption_lists import captions_found, captions_given, read_lists
from lsr.imports.readers.containers import (
    Container,
    refuse_link,
    scan_folder,
    scan_tars,
    scan_zip,
    user_path,
)
from lsr.imports.readers.finding import matched
from lsr.imports.readers.sidecars import with_sidecars
from lsr.imports.readers.splits import splits_from_files
from lsr.storage.pictures import PICTURE_ENDINGS

LIST_FORMS = ("karpathy", "coco", "flickr")


def tars_in(path: Path) -> list[Path]:
    """The shards that a path names: itself, or those of a folder.

    Raises:
        CollectionError: one of them is a link out of the folder.
    """
    if path.is_dir():
        shards = sorted(one for one in path.iterdir() if one.suffix.lower() == ".tar")
        for one in shards:
            refuse_link(one, path)
        return [one for one in shards if one.is_file()]
    return [path] if path.suffix.lower() == ".tar" else []


def open_container(path: Path, label: str, form: str) -> Container:
    """What lies in the source, by the kind of the source and not by its format."""
    if path.suffix.lower() == ".zip" and path.is_file():
        return scan_zip(path)
    if form == "webdataset" or path.is_file():
        return scan_tars(tars_in(path), label)
    return scan_folder(path, label)


def read_pictures(path: Path, label: str, request: ImportRequest, form: str) -> Listing:
    """The pictures of a source with the captions that go with them.

    Captions come from `request.captions`, else from the list that lies with the pictures, else from
    a text file beside each picture; without any of them the images have none.

    Raises:
        CollectionError: no picture, or a list that cannot be read or does not fit.
        UnknownNameError: there is no such file of captions.
    """
    container = open_container(path, label, form)
    if not container.pictures:
        endings = ", ".join(sorted(ending[1:] for ending in PICTURE_ENDINGS))
        raise CollectionError(
            f"`{label}` holds no pictures: none of its {len(container.files):,} files ends in "
            f"{endings}.{_first(container)} Name the folder that holds the pictures."
        )
    given = user_path(request.captions) if request.captions else None
    if request.captions:
        found, note = captions_given(request.captions), ""
    else:
        found, note = captions_found(container, form)
    if found:
        listed = read_lists(found, form if form in LIST_FORMS else None)
        partial = listed.form in ("table", "flickr")
        listing = matched(container, listed, keep_unlisted=partial)
        names = ", ".join(name for name, _ in found)
        listing = replace(listing, notes=[f"Captions come from {names}.", *listing.notes])
    else:
        listing = with_sidecars(container)
    notes = [*listing.notes, *([note] if note else [])]
    images = listing.images
    if listing.form == "coco" and len({image.split for image in images}) == 1:
        # One file of COCO's, such as that of val2014, sets nothing apart.
        images = [replace(image, split="") for image in images]
    if not any(image.split for image in images):
        images, said = splits_from_files(images, container, given)
        notes += said
    return replace(listing, form=_form(listing, form), images=images, notes=notes)


def _first(container: Container) -> str:
    """What was left out of a source without any picture, where something was."""
    if not container.skipped:
        return ""
    first = container.skipped[0]
    return f" {len(container.skipped):,} were left out, such as `{first.file}`: {first.why}"


def _form(listing: Listing, form: str) -> str:
    return listing.form if form == "folder" and listing.form in LIST_FORMS else form


def has_pictures(path: Path) -> bool:
    """Whether a folder holds a picture at any depth; stops at the first."""
    return any(_pictures_below(path))


def _pictures_below(path: Path) -> Iterator[Path]:
    for found in Look(path.name).over(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.suffix.lower() in PICTURE_ENDINGS and not hidden and found.is_file():
            yield found
