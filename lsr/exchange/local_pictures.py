"""Pictures that lie beside a list of images, taken into a collection."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from lsr.exceptions import PictureError
from lsr.exchange.imported import Skipped
from lsr.exchange.karpathy import KarpathyImage
from lsr.pictures import read_picture

IMAGE_SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "file": pa.string(),
        "url": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "split": pa.string(),
    }
)
# A relative folder such as `val2014`: whoever wrote the list must not reach outside.
_PLACE = re.compile(r"(?!.*\.\.)\w[\w ./-]{0,99}")


def image_table(
    folder: Path, images: Sequence[KarpathyImage], into: Path
) -> tuple[pa.Table, list[Skipped]]:
    """(the table `images.parquet` of a collection, pictures that could not be read).

    A picture is looked for under its file name in `images/FILEPATH`, `images`, `FILEPATH` and
    the folder itself, and copied. An image without one keeps its address, if it has one.

    Args:
        folder: what others made.
        into: a folder for the copies; it is made when the first picture is found.
    """

    @cache
    def names_in(place: Path) -> frozenset[str]:
        return frozenset(entry.name for entry in place.iterdir()) if place.is_dir() else frozenset()

    rows, skipped = [], []
    for number, image in enumerate(images):
        beside = [folder / "images", folder]
        if _PLACE.fullmatch(image.filepath):
            beside = [place / end for place in beside for end in (image.filepath, "")]
        found = next((p / image.filename for p in beside if image.filename in names_in(p)), None)
        row: dict[str, Any] = {"id": image.id, "url": image.url, "split": image.split}
        if found is not None:
            try:
                width, height = read_picture(found).size
                file = _copy(found, into, number)
                row |= {"file": file, "width": width, "height": height}
            except PictureError as problem:
                skipped.append(Skipped(image.filename, f"Kept without its picture: {problem}"))
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=IMAGE_SCHEMA), skipped


def _copy(picture: Path, into: Path, number: int) -> str:
    """The name of the copy; two folders may hold pictures of one name."""
    into.mkdir(exist_ok=True)
    taken = (into / picture.name).exists()
    copy = into / (f"{number}-{picture.name}" if taken else picture.name)
    shutil.copyfile(picture, copy)
    return copy.name
