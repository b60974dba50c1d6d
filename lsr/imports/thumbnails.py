"""Pictures of a collection: WebP at display widths, made once, by several threads.

No picture goes into a collection at full size. Two widths are enough for every page: tiles are 135
to 220 pixels wide, a single picture up to 640.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from lsr.collection.collection import SMALL_PICTURES
from lsr.exceptions import PictureError
from lsr.storage.files import replacing_file
from lsr.storage.pictures import read_sized
from lsr.storage.room import told_when_full

SMALL, LARGE = 320, 640
_QUALITY = 82
# A larger JPEG is decoded at half its size, or less, as long as that leaves this many pixels.
_ENOUGH = 4 * LARGE * LARGE
_CHUNK = 128


class StoredPicture(NamedTuple):
    """A picture in the collection. file: below `images/`. width, height: of the original."""

    file: str
    width: int
    height: int


def make_thumbnails(
    files: Sequence[Path | None], work: Path, workers: int | None = None
) -> Generator[int, None, list[StoredPicture | str | None]]:
    """Write every picture into `work/images` and yield how many are done, chunk by chunk.

    Killed and called again with the same files it goes on with the first chunk that is not whole.

    Args:
        files: None for an image without a picture.

    Returns:
        For every file what was stored, or why it cannot be read, or None.

    Raises:
        DiskFullError: there is no room.
    """
    log, into = work / "thumbnails", work / "images"
    if not into.exists():  # a collection took them away and could not be finished
        shutil.rmtree(log, ignore_errors=True)
    with told_when_full(into):
        log.mkdir(parents=True, exist_ok=True)
        into.mkdir(exist_ok=True)
    made: list[StoredPicture | str | None] = []
    with ThreadPoolExecutor(
        workers or min(os.cpu_count() or 1, 8), thread_name_prefix="thumbnails"
    ) as pool:
        for start in range(0, len(files), _CHUNK):
            rows = range(start, min(start + _CHUNK, len(files)))
            path = log / f"{start:09d}.json"
            if path.exists():
                found = json.loads(path.read_text("utf-8"))
            else:
                with told_when_full(into):
                    found = list(pool.map(lambda row: _store(row, files[row], into), rows))
                with replacing_file(path) as temporary:
                    temporary.write_text(json.dumps(found), "utf-8")
            made += [StoredPicture(*one) if isinstance(one, list | tuple) else one for one in found]
            yield len(made)
    return made


def _store(row: int, file: Path | None, into: Path) -> StoredPicture | str | None:
    if file is None:
        return None
    try:
        picture, (width, height) = read_sized(file, most_pixels=_ENOUGH)
    except PictureError as problem:
        return str(problem)
    name = f"{row // 1000:03d}/{row:06d}.webp"
    _save(picture, LARGE, into / name)
    if max(width, height) > SMALL:
        _save(picture, SMALL, into / SMALL_PICTURES / name)
    return StoredPicture(name, width, height)


def _save(picture: Image.Image, pixels: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = picture.copy()
    small.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    small.save(path, "WEBP", quality=_QUALITY, method=2)
