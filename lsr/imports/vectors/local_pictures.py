"""Pictures that lie beside a list of images with vectors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lsr.imports.listing import Place
from lsr.imports.readers.bounds import entries_in
from lsr.imports.readers.karpathy import KarpathyImage
from lsr.storage.files import is_inside

# A relative folder such as `val2014`: whoever wrote the list must not reach outside.
_FOLDER = re.compile(r"(?!.*\.\.)\w[\w ./-]{0,99}")


def find_pictures(folder: Path, images: Sequence[KarpathyImage]) -> list[Place | None]:
    """The picture of each image, None where there is none.

    It is looked for under its file name in `images/FILEPATH`, `images`, `FILEPATH` and the folder
    itself; one that a link leads out of the folder is not there.
    """

    @cache
    def names_in(place: Path) -> frozenset[str]:
        return (
            frozenset(entry.name for entry in entries_in(place)) if place.is_dir() else frozenset()
        )

    places: list[Place | None] = []
    for image in images:
        beside = [folder / "images", folder]
        if _FOLDER.fullmatch(image.filepath):
            beside = [place / end for place in beside for end in (image.filepath, "")]
        found = next((p / image.filename for p in beside if image.filename in names_in(p)), None)
        if found is None or not found.is_file() or not is_inside(found, folder):
            places.append(None)
        else:
            status = found.stat()
            places.append(Place("file", found, status.st_size, status.st_mtime_ns))
    return places
