"""Room on the disk: whether something fits, and one sentence where it did not."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lsr.exceptions import DiskFullError

# A quota and the largest file that a system allows are no room either.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def told_when_full(target: Path) -> Iterator[None]:
    """Turn whatever a writer says about a full disk into one sentence that names `target`.

    Of several such blocks the outermost has the last word.

    Raises:
        DiskFullError: there is no room.
    """
    try:
        yield
    except Exception as problem:
        if not is_no_room(problem):
            raise
        raise disk_full(target, getattr(problem, "needed", 0)) from None


def disk_full(target: Path, needed: int = 0) -> DiskFullError:
    """The sentence for a file or folder that was not written, and the bytes that it needs."""
    room = f"{in_bytes(free_bytes(target))} free"
    if needed:
        room += f", {in_bytes(needed)} needed"
    return DiskFullError(
        f"The disk is full ({room}), so `{target}` was not written; what stood there before is "
        "untouched. Free some space, then do the same again.",
        needed,
    )


def is_no_room(problem: BaseException) -> bool:
    """Whether an error says that the disk, a quota or a limit of the system is used up."""
    if isinstance(problem, DiskFullError) or getattr(problem, "errno", None) in _NO_ROOM:
        return True
    # safetensors has an error of its own, without a number.
    return "No space left" in str(problem) or "File too large" in str(problem)


def check_room(needed: int, target: Path) -> None:
    """Refuse work that would fill the disk before its end.

    Args:
        needed: bytes that are going to be written.
        target: where; neither it nor its parent need exist.

    Raises:
        DiskFullError: fewer bytes are free.
    """
    if needed > free_bytes(target):
        raise disk_full(target, needed)


def free_bytes(place: Path) -> int:
    """Bytes that this user may still write on the disk that holds a place, or will hold it."""
    there = next(one for one in (place, *place.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def bytes_on_disk(folder: Path) -> int:
    """What all files below `folder` take."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):  # removed, or replaced, in this moment
                total += (Path(place) / name).stat().st_size
    return total


def make_room(
    kept: Iterable[tuple[int, int, Path]], most: int, remove: Callable[[Path], object]
) -> None:
    """Remove what was not used for longest until at most so many bytes are left.

    Args:
        kept: when each was last used, its bytes, and where it is.
    """
    oldest = sorted(kept)
    total = sum(size for _, size, _ in oldest)
    for _, size, path in oldest:
        if total <= most:
            return
        with suppress(OSError):  # another process does the same
            remove(path)
        total -= size


def make_room_among(files: Iterable[Path], most: int) -> None:
    """As `make_room`, for files, which were last used when they were last changed."""
    kept = []
    for path in files:
        with suppress(OSError):  # taken away by another process
            state = path.stat()
            kept.append((state.st_mtime_ns, state.st_size, path))
    make_room(kept, most, Path.unlink)


def in_bytes(n: int) -> str:
    """A number of bytes in words, such as `1.5 GB`."""
    size = float(n)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"
