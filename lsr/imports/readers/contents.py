"""The bytes behind places, archive by archive, with limits."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lsr.exceptions import CollectionError, PictureError
from lsr.imports.listing import Place
from lsr.imports.readers.arrow_files import column_batches
from lsr.storage.untrusted import DamagedError, parsed

MOST_TEXT_BYTES = 2**28


def contents(places: Sequence[Place]) -> Iterator[bytes | PictureError]:
    """The bytes of each place, in order, or why they cannot be read.

    Places of one archive that follow each other are read in one pass over it.
    """
    for (kind, path), group in groupby(places, key=lambda place: (place.kind, place.path)):
        together = list(group)
        if kind == "table":
            yield from _of_table(path, together)
        elif kind == "zip":
            yield from _of_zip(path, together)
        else:
            for place in together:
                try:
                    yield _of_file(place)
                except OSError as problem:
                    yield PictureError(f"It cannot be read ({problem.strerror or problem}).")


def first_bytes(place: Place, most: int) -> Place:
    """Only the beginning of a file; a row of a table comes whole."""
    return place if place.kind == "table" else place._replace(size=min(place.size, most))


def text_of(place: Place, name: str) -> bytes:
    """The bytes of a list of captions.

    Raises:
        CollectionError: it cannot be read or is larger than MOST_TEXT_BYTES.
    """
    if place.size > MOST_TEXT_BYTES:
        raise CollectionError(
            f"`{name}` has {place.size / 2**20:,.0f} MB; lists of captions may have up to "
            f"{MOST_TEXT_BYTES // 2**20:,} MB. Split it."
        )
    content = next(contents([place]))
    if isinstance(content, PictureError):
        raise CollectionError(f"`{name}`: {content} Restore the file.")
    return content


def _of_file(place: Place) -> bytes:
    with place.path.open("rb") as file:
        file.seek(place.offset)
        return file.read(place.size)


def _of_zip(path: Path, places: list[Place]) -> Iterator[bytes | PictureError]:
    try:
        with parsed(), zipfile.ZipFile(path) as opened:
            for place in places:
                yield _of_member(opened, place)
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{path.name}` is no longer a whole zip file ({problem}). Copy it again."
        ) from None


def _of_member(opened: zipfile.ZipFile, place: Place) -> bytes | PictureError:
    try:
        # zipfile gives at most the size that the directory states, which was checked.
        with parsed(), opened.open(place.member) as member:
            return member.read(place.size)
    except (DamagedError, OSError) as problem:
        return PictureError(f"It is damaged in the archive ({problem}).")


def _of_table(path: Path, places: list[Place]) -> Iterator[bytes | PictureError]:
    """Rows ascend, as they were listed."""
    wanted = iter(places)
    place = next(wanted, None)
    first = 0
    for batch in column_batches(path, [places[0].member]):
        pictures = batch_bytes(batch.column(0))
        while place is not None and place.offset < first + len(batch):
            content = pictures[place.offset - first].as_py()
            yield content if content else PictureError("Its row holds no bytes of a picture.")
            place = next(wanted, None)
        first += len(batch)
        if place is None:
            return
    while place is not None:
        yield PictureError(f"`{path.name}` no longer has row {place.offset:,}.")
        place = next(wanted, None)


def batch_bytes(column: pa.Array) -> pa.Array:
    """The bytes in an image column: a struct with `bytes`, or bytes themselves."""
    return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column
