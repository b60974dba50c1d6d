"""The stages of an import, each a generator of reports that can be gone on with after a kill."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from lsr.encoding.encoding import EncodingReport
from lsr.exceptions import PictureError
from lsr.imports.imported import Imported
from lsr.imports.listing import ListedImage
from lsr.imports.readers.contents import contents
from lsr.imports.thumbnails import StoredPicture, make_thumbnails
from lsr.storage.pictures import MAX_FILE_BYTES
from lsr.storage.room import check_room, told_when_full
from lsr.storage.spreading import Spread

Stage = Literal["unpacking", "pictures", "encoding images", "encoding captions", "writing"]
_EVERY = 64


@dataclass(frozen=True)
class ImportReport:
    """How far an import is.

    done: of `total` images or captions in this stage. seconds_left: of this stage.
    imported: the result, in the last report only. per_second: while encoding, else 0.
    """

    stage: Stage
    done: int
    total: int
    seconds_left: float
    imported: Imported | None = None
    per_second: float = 0.0


class _Clock:
    """Time left, from the speed since the first report: what is resumed took no time."""

    def __init__(self, total: int) -> None:
        self._total, self._from, self._started = total, 0, time.perf_counter()
        self._reported = False

    def left(self, done: int) -> float:
        now = time.perf_counter()
        made = done - self._from
        left = (self._total - done) * (now - self._started) / made if made else 0.0
        if not self._reported:
            self._reported, self._from, self._started = True, done, now
        return left


def unpacked(
    images: Sequence[ListedImage], work: Path, problems: dict[int, str]
) -> Generator[ImportReport, None, list[Path | None]]:
    """A file for every picture: its own, or one unpacked into `work` under a number.

    Args:
        problems: gets the rows of pictures that cannot be unpacked, with why.

    Raises:
        DiskFullError: the pictures would not fit on the disk.
    """
    files: list[Path | None] = []
    packed: list[int] = []
    for row, image in enumerate(images):
        if image.place is None:
            files.append(None)
        elif image.place.kind == "file":
            files.append(image.place.path)
        else:
            ending = PurePosixPath(image.name).suffix.lower()
            files.append(work / "unpacked" / f"{row // 1000:03d}" / f"{row:06d}{ending}")
            packed.append(row)
    for row in packed:
        size = _size(images[row])
        if size > MAX_FILE_BYTES:
            problems[row] = (
                f"It has {size / 2**20:,.1f} MB; pictures may have up to "
                f"{MAX_FILE_BYTES // 2**20} MB."
            )
    missing = [row for row in packed if row not in problems and not _whole(files[row], images[row])]
    if needed := sum(_size(images[row]) for row in missing):
        check_room(needed, work)
    clock = _Clock(len(packed))
    for number, row, content in _contents(images, missing):
        file = files[row]
        if isinstance(content, PictureError):
            problems[row] = str(content)
        elif file is not None:
            with told_when_full(file):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        if number % _EVERY == 0 or number == len(missing):
            done = len(packed) - len(missing) + number
            yield ImportReport("unpacking", done, len(packed), clock.left(done))
    return [None if row in problems else file for row, file in enumerate(files)]


def _contents(
    images: Sequence[ListedImage], rows: Sequence[int]
) -> Iterator[tuple[int, int, bytes | PictureError]]:
    places = [place for row in rows if (place := images[row].place) is not None]
    for number, (row, content) in enumerate(zip(rows, contents(places), strict=True), 1):
        yield number, row, content


def _size(image: ListedImage) -> int:
    return image.place.size if image.place else 0


def _whole(file: Path | None, image: ListedImage) -> bool:
    """Whether an earlier call unpacked it; a kill leaves at most one file that is too short."""
    return file is not None and file.exists() and file.stat().st_size == _size(image)


def thumbnails(
    files: Sequence[Path | None], work: Path, spread: Spread | None = None
) -> Generator[ImportReport, None, list[StoredPicture | str | None]]:
    """What `make_thumbnails` stored, with reports where there is any picture at all."""
    if not any(files):
        return [None] * len(files)
    clock = _Clock(len(files))
    with closing(make_thumbnails(files, work, spread=spread)) as making:
        while True:
            try:
                done = next(making)
            except StopIteration as end:
                return list(end.value)
            yield ImportReport("pictures", done, len(files), clock.left(done))


def encoding(reports: Iterator[EncodingReport]) -> Iterator[ImportReport]:
    """The reports of an encoding as those of an import."""
    for one in reports:
        stage: Stage = "encoding images" if one.kind == "images" else "encoding captions"
        yield ImportReport(stage, one.done, one.total, one.seconds_left, per_second=one.per_second)
