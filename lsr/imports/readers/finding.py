"""Listed images found among the pictures of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedImage, Listing
from lsr.imports.readers.containers import Container
from lsr.imports.readers.duplicates import first_copies
from lsr.imports.readers.names import plain_name


class _Finder:
    """Pictures by path, else by the end of a path, by file name, and by name in any case.

    Names are compared as `plain_name` has them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._plain = {name: plain_name(name) for name in self._exact}
        self._by_key: dict[str, list[str]] = {}
        for name, plain in self._plain.items():
            for key in set(_keys(plain)):
                self._by_key.setdefault(key, []).append(name)

    def find(self, listed: str) -> str | list[str] | None:
        """The picture, None, or several that could be meant."""
        if listed in self._exact:
            return listed
        wanted = plain_name(listed)
        for key in _keys(wanted):
            if found := self._by_key.get(key):
                plain = [(name, self._plain[name]) for name in found]
                ends = [name for name, one in plain if one == wanted or one.endswith(f"/{wanted}")]
                best = ends or found
                return best[0] if len(best) == 1 else sorted(best)
        return None


def _keys(name: str) -> Iterator[str]:
    """From sharp to blunt; a list may leave out folder, case, or ending."""
    base = PurePosixPath(name).name
    yield base
    yield base.casefold()
    yield PurePosixPath(base).stem.casefold()


def matched(container: Container, listing: Listing, *, keep_unlisted: bool) -> Listing:
    """The listed images with the places of their pictures, in the order of the list.

    Pictures of one name that are copies of each other count as one: the one that lies highest.

    Args:
        keep_unlisted: take pictures that are not listed as well, without captions, at the end.

    Raises:
        CollectionError: no listed image has a picture.
    """
    finder = _Finder(container.pictures)
    images: list[ListedImage] = []
    skipped, absent = [*container.skipped, *listing.skipped], list(listing.absent)
    owner: dict[str, str] = {}
    places, copies = _without_copies([finder.find(one.name) for one in listing.images], container)
    for image, found in zip(listing.images, places, strict=True):
        if not isinstance(found, str):
            kind = skipped if found else absent
            kind.append(Skipped(image.name, _not_found(image, found, container)))
        elif found in owner:
            why = f"{image.row} means the same picture as {owner[found]}; the earlier one holds."
            skipped.append(Skipped(image.name, why))
        else:
            owner[found] = image.row
            images.append(replace(image, name=found, place=container.pictures[found]))
    if not images:
        raise _none_found(container, listing, places[0])
    skipped += [
        Skipped(copy, f"A copy of `{kept}`, which has the same name.")
        for copy, kept in copies.items()
        if copy not in owner
    ]
    notes = [*listing.notes]
    if len(images) < (named := len(listing.images)):
        notes.append(
            f"Of the {named:,} images that the list names, {len(images):,} are here; the others "
            "are left alone."
        )
    unlisted = [name for name in container.pictures if name not in owner and name not in copies]
    if unlisted and keep_unlisted:
        notes.append(f"{len(unlisted):,} pictures are not in the list and have no captions.")
        images += [ListedImage(name, place=container.pictures[name]) for name in unlisted]
    elif unlisted:
        notes.append(f"{len(unlisted):,} pictures are not in the list and are left out.")
    return replace(listing, images=images, skipped=skipped, absent=absent, notes=notes)


def _without_copies(
    found: list[str | list[str] | None], container: Container
) -> tuple[list[str | list[str] | None], dict[str, str]]:
    """(the same, of copies of one picture only the one that lies highest; what each copies)."""
    unsure = sorted({name for one in found if isinstance(one, list) for name in one})
    firsts = first_copies([container.pictures[name] for name in unsure])
    content = dict(zip(unsure, firsts, strict=True))
    chosen: list[str | list[str] | None] = []
    copies: dict[str, str] = {}
    for one in found:
        if isinstance(one, list) and len({content[name] for name in one}) == 1:
            kept = min(one, key=lambda name: (name.count("/"), name))
            copies |= dict.fromkeys((name for name in one if name != kept), kept)
            chosen.append(kept)
        else:
            chosen.append(one)
    return chosen, copies


def _not_found(image: ListedImage, found: list[str] | None, container: Container) -> str:
    n = len(image.captions)
    lost = f"its {n:,} captions are left out" if n != 1 else "its caption is left out"
    if found is None:
        return f"There is no such picture in `{container.label}`; {lost} ({image.row})."
    places = f"`{found[0]}` and `{found[1]}`"
    return (
        f"{len(found)} different pictures have that name, such as {places}; {lost} ({image.row})."
    )


def _none_found(
    container: Container, listing: Listing, found: str | list[str] | None
) -> CollectionError:
    """Args:
    found: what the first listed image was found to be.
    """
    first, there = listing.images[0], next(iter(container.pictures))
    if isinstance(found, list):
        return CollectionError(
            f"None of the {len(listing.images):,} listed images can be told apart among the "
            f"{len(container.pictures):,} pictures of `{container.label}`: `{shorten(first.name)}` "
            f"({first.row}) is the name of {len(found)} different ones, such as "
            f"`{shorten(found[0])}` and `{shorten(found[1])}`. Write their folders into the list."
        )
    return CollectionError(
        f"None of the {len(listing.images):,} listed images is among the "
        f"{len(container.pictures):,} pictures of `{container.label}`: the list names "
        f"`{shorten(first.name)}` ({first.row}), the pictures are like `{shorten(there)}`. Use a "
        "list and pictures that belong together."
    )
