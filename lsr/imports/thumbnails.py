"""Pictures of a collection: WebP at display widths, made once, by several threads or machines.

No picture goes into a collection at full size. Two widths are enough for every page: tiles are 135
to 220 pixels wide, a single picture up to 640.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from lsr.collection.collection import SMALL_PICTURES
from lsr.encoding.on_ray import refuse_unshared
from lsr.exceptions import PictureError
from lsr.storage.files import replacing_file
from lsr.storage.pictures import read_sized
from lsr.storage.room import told_when_full
from lsr.storage.spreading import Spread, this_machine

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


class _Drawn(NamedTuple):
    """A picture as it will be stored: WebP files, `small` only where `large` is wider than SMALL.

    width, height: of the original.
    """

    width: int
    height: int
    large: bytes
    small: bytes | None


Stored = StoredPicture | str | None
_Chunk = Sequence[Path | None]
_DrawnChunk = list[_Drawn | str | None]


def make_thumbnails(
    files: Sequence[Path | None],
    work: Path,
    workers: int | None = None,
    spread: Spread | None = None,
) -> Generator[int, None, list[Stored]]:
    """Write every picture into `work/images` and yield how many are done, chunk by chunk.

    Killed and called again with the same files it goes on with the first chunk that is not whole.

    Args:
        files: None for an image without a picture.
        spread: makes them elsewhere, where the same files have the same paths.

    Returns:
        For every file what was stored, or why it cannot be read, or None.

    Raises:
        DiskFullError: there is no room.
        EngineError: a file is on this machine, but not where it was to be read.
    """
    log, into = work / "thumbnails", work / "images"
    if not into.exists():  # a collection took them away and could not be finished
        shutil.rmtree(log, ignore_errors=True)
    with told_when_full(into):
        log.mkdir(parents=True, exist_ok=True)
        into.mkdir(exist_ok=True)
    starts = range(0, len(files), _CHUNK)
    left = [start for start in starts if not _chunk_file(log, start).exists()]
    chunks = (files[start : start + _CHUNK] for start in left)
    drawing = _drawn_here(chunks, workers) if spread is None else _drawn_elsewhere(chunks, spread)
    made: list[Stored] = []
    with closing(drawing):
        for start in starts:
            path = _chunk_file(log, start)
            if path.exists():
                found = json.loads(path.read_text("utf-8"))
            else:
                with told_when_full(into):
                    found = [_store(row, one, into) for row, one in enumerate(next(drawing), start)]
                with replacing_file(path) as temporary:
                    temporary.write_text(json.dumps(found), "utf-8")
            made += [StoredPicture(*one) if isinstance(one, list | tuple) else one for one in found]
            yield len(made)
    return made


def _chunk_file(log: Path, start: int) -> Path:
    return log / f"{start:09d}.json"


def _drawn_here(chunks: Iterable[_Chunk], workers: int | None) -> Generator[_DrawnChunk]:
    """Each chunk, its pictures drawn by several threads."""
    threads = workers or min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(threads, thread_name_prefix="thumbnails") as pool:
        for chunk in chunks:
            yield list(pool.map(_drawn, chunk))


def _drawn_elsewhere(chunks: Iterable[_Chunk], spread: Spread) -> Generator[_DrawnChunk]:
    """Each chunk, drawn in a task of its own."""
    chunks, asked = itertools.tee(chunks)
    with closing(spread(_drawn_chunk, asked, f"{_CHUNK} pictures to store")) as made:
        for files, (drawn, machine) in zip(chunks, made, strict=True):
            for file, one in zip(files, drawn, strict=True):
                if file is not None and isinstance(one, str):
                    refuse_unshared(file, machine)
            yield drawn


def _drawn_chunk(files: _Chunk) -> tuple[_DrawnChunk, str]:
    """A chunk, and the machine that drew it."""
    return [_drawn(file) for file in files], this_machine()


def _drawn(file: Path | None) -> _Drawn | str | None:
    """A picture at both widths, or why it cannot be read."""
    if file is None:
        return None
    try:
        picture, (width, height) = read_sized(file, most_pixels=_ENOUGH)
    except PictureError as problem:
        return str(problem)
    small = _webp(picture, SMALL) if max(width, height) > SMALL else None
    return _Drawn(width, height, _webp(picture, LARGE), small)


def _webp(picture: Image.Image, pixels: int) -> bytes:
    fitted, content = picture.copy(), BytesIO()
    fitted.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
    fitted.save(content, "WEBP", quality=_QUALITY, method=2)
    return content.getvalue()


def _store(row: int, drawn: _Drawn | str | None, into: Path) -> Stored:
    """Write the files of a picture; what is none is handed on."""
    if not isinstance(drawn, _Drawn):
        return drawn
    name = f"{row // 1000:03d}/{row:06d}.webp"
    for path, content in ((into / name, drawn.large), (into / SMALL_PICTURES / name, drawn.small)):
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return StoredPicture(name, drawn.width, drawn.height)
