"""Pictures with captions, from a folder, a zip or tar shards, made one listing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lsr.exceptions import CollectionError
from lsr.imports.imported import ImportRequest, Skipped
from lsr.imports.listing import Listing
from lsr.imports.readers.bounds import Look, entries_in
from lsr.imports.readers.caption_lists import (
    Chosen,
    captions_found,
    captions_given,
    read_lists,
)
from lsr.imports.readers.containers import (
    Container,
    refuse_link,
    scan_folder,
    scan_tars,
    scan_zip,
    user_path,
)
from lsr.imports.readers.finding import matched
from lsr.imports.readers.list_files import ARCHIVE_ENDINGS, LIST_ENDINGS
from lsr.imports.readers.sidecars import unread_sidecars, with_sidecars
from lsr.imports.readers.splits import splits_from_files
from lsr.storage.pictures import PICTURE_ENDINGS

LIST_FORMS = ("karpathy", "coco", "flickr")


def tars_in(path: Path) -> list[Path]:
    """The shards that a path names: itself, or those of a folder.

    Raises:
        CollectionError: one of them is a link out of the folder.
    """
    if path.is_dir():
        shards = sorted(one for one in entries_in(path) if one.suffix.lower() == ".tar")
        for one in shards:
            refuse_link(one, path)
        return [one for one in shards if one.is_file()]
    return [path] if path.suffix.lower() == ".tar" else []


def open_container(path: Path, label: str, form: str, code_page: str = "") -> Container:
    """What lies in the source, by the kind of the source and not by its format."""
    if path.suffix.lower() == ".zip" and path.is_file():
        return scan_zip(path, code_page)
    if form == "webdataset" or path.is_file():
        return scan_tars(tars_in(path), label, code_page)
    return scan_folder(path, label)


def read_pictures(path: Path, label: str, request: ImportRequest, form: str) -> Listing:
    """The pictures of a source with the captions that go with them.

    Captions come from `request.captions`, else from the list that lies with the pictures, else from
    a text file beside each picture; without any of them the images have none. What looks like a
    list and is not read, and archives inside the source, are listed as skipped.

    Raises:
        CollectionError: no picture, or a list that cannot be read or does not fit.
        UnknownNameError: there is no such file of captions.
    """
    container = open_container(path, label, form, request.code_page or "")
    if not container.pictures:
        endings = ", ".join(sorted(ending[1:] for ending in PICTURE_ENDINGS))
        raise CollectionError(
            f"`{label}` holds no pictures: none of its {len(container.files):,} files ends in "
            f"{endings}.{_first(container)} Name the folder that holds the pictures."
        )
    given = user_path(request.captions) if request.captions else None
    if request.captions:
        chosen = Chosen(captions_given(request.captions), True, [])
    else:
        chosen = captions_found(container, form)
    listing = _listed(container, chosen, form)
    others = [*chosen.others, *_unread_beside(path, container), *_archives(container)]
    listing = replace(
        listing,
        skipped=[*listing.skipped, *others],
        notes=[*container.notes, *listing.notes],
    )
    notes = listing.notes
    images = listing.images
    if listing.form == "coco" and len({image.split for image in images}) == 1:
        # One file of COCO's, such as that of val2014, sets nothing apart.
        images = [replace(image, split="") for image in images]
    if not any(image.split for image in images):
        images, said = splits_from_files(images, container, given)
        notes += said
    return replace(listing, form=_form(listing, form), images=images, notes=notes)


def _listed(container: Container, chosen: Chosen, form: str) -> Listing:
    """The pictures with the captions of a list, else with those beside each."""
    if not chosen.found:
        return with_sidecars(container)
    names = " and ".join(name for name, _ in chosen.found)
    try:
        listed = read_lists(chosen.found, form if form in LIST_FORMS else None)
        partial = listed.form in ("table", "flickr")
        listing = matched(container, listed, keep_unlisted=partial)
    except CollectionError as problem:
        if chosen.is_named:
            raise
        # Only its content says that it is a list, so the pictures come without it.
        listing = with_sidecars(container)
        return replace(listing, skipped=[*listing.skipped, Skipped(names, str(problem))])
    return replace(
        listing,
        notes=[f"Captions come from {names}.", *listing.notes],
        skipped=[*listing.skipped, *unread_sidecars(container, names)],
    )


def _unread_beside(path: Path, container: Container) -> list[Skipped]:
    """Lists that lie beside shards, which hold their captions themselves."""
    if container.kind != "webdataset" or not path.is_dir():
        return []
    files = (one for one in sorted(entries_in(path)) if one.is_file())
    why = "Captions come from the shards. Name this one after --captions to read it instead."
    return [
        Skipped(one.name, why)
        for one in files
        if one.suffix.lower() in LIST_ENDINGS and not one.name.startswith(".")
    ]


def _archives(container: Container) -> list[Skipped]:
    why = "An archive inside the source is not opened. Unpack it, or import it by itself."
    return [
        Skipped(name, why)
        for name in container.files
        if PurePosixPath(name).suffix.lower() in ARCHIVE_ENDINGS
    ]


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
