"""Listed images found among the pictures of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedImage, Listing
from lsr.imports.readers.containers import Container


class _Finder:
    """Pictures by path, else by the end of a path, by file name, and by name in any case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._by_key: dict[str, list[str]] = {}
        for name in self._exact:
            for key in set(_keys(name)):
                self._by_key.setdefault(key, []).append(name)

    def find(self, listed: str) -> str | list[str] | None:
        """The picture, None, or several that could be meant."""
        if listed in self._exact:
            return listed
        wanted = PurePosixPath(listed.replace("\\", "/")).as_posix().removeprefix("./")
        for key in _keys(wanted):
            if found := self._by_key.get(key):
                ends = [name for name in found if name.endswith(f"/{wanted}") or name == wanted]
                best = ends or found
                return best[0] if len(best) == 1 else sorted(best)
        return None


def _keys(name: str) -> Iterator[str]:
    """From sharp to blunt; a list may leave out folder, case, or ending."""
    base = PurePosixPath(name).name
    yield base
    yield base.lower()
    yield PurePosixPath(base).stem.lower()


def matched(container: Container, listing: Listing, *, keep_unlisted: bool) -> Listing:
    """The listed images with the places of their pictures, in the order of the list.

    Args:
        keep_unlisted: take pictures that are not listed as well, without captions, at the end.

    Raises:
        CollectionError: no listed image has a picture.
    """
    finder = _Finder(container.pictures)
    images: list[ListedImage] = []
    skipped = [*container.skipped, *listing.skipped]
    owner: dict[str, str] = {}
    for image in listing.images:
        found = finder.find(image.name)
        if not isinstance(found, str):
            skipped.append(Skipped(image.name, _not_found(image, found, container)))
        elif found in owner:
            why = f"{image.row} means the same picture as {owner[found]}; the earlier one holds."
            skipped.append(Skipped(image.name, why))
        else:
            owner[found] = image.row
            images.append(replace(image, name=found, place=container.pictures[found]))
    if not images:
        raise _none_found(container, listing)
    notes = [*listing.notes]
    if missing := len(listing.images) - len(images):
        notes.append(f"{missing:,} of the {len(listing.images):,} listed images have no picture.")
    unlisted = [name for name in container.pictures if name not in owner]
    if unlisted and keep_unlisted:
        notes.append(f"{len(unlisted):,} pictures are not in the list and have no captions.")
        images += [ListedImage(name, place=container.pictures[name]) for name in unlisted]
    elif unlisted:
        notes.append(f"{len(unlisted):,} pictures are not in the list and are left out.")
    return replace(listing, images=images, skipped=skipped, notes=notes)


def _not_found(image: ListedImage, found: list[str] | None, container: Container) -> str:
    n = len(image.captions)
    lost = f"its {n:,} captions are left out" if n != 1 else "its caption is left out"
    if found is None:
        return f"There is no such picture in `{container.label}`; {lost} ({image.row})."
    places = f"`{found[0]}` and `{found[1]}`"
    return f"{len(found)} pictures have that name, such as {places}; {lost} ({image.row})."


def _none_found(container: Container, listing: Listing) -> CollectionError:
    first, there = listing.images[0], next(iter(container.pictures))
    return CollectionError(
        f"None of the {len(listing.images):,} listed images is among the "
        f"{len(container.pictures):,} pictures of `{container.label}`: the list names "
        f"`{shorten(first.name)}` ({first.row}), the pictures are like `{shorten(there)}`. Use a "
        "list and pictures that belong together."
    )
