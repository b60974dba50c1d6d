"""A file of lines that grows: every line is appended whole, by whoever comes, and none is lost."""

from __future__ import annotations

import os
from pathlib import Path

from lsr.exceptions import BusyError, InputError
from lsr.storage.leftovers import lock_of
from lsr.storage.locks import exclusive
from lsr.storage.room import told_when_full

# Seconds to wait for another writer, who needs a moment.
_PATIENCE = 5.0


def append_line(path: Path, line: str, header: str) -> None:
    """Put a line at the end of a file, and on the disk, before this returns.

    Two who append at once take turns. Of a line that a killed writer left without its end, nothing
    is taken away: it stays a line of its own, and readers see that it is broken. Where nothing was
    ever whole, not even the header, the file begins anew.

    Args:
        header: the first line of a new file. line, header: one line each, without its end.

    Raises:
        ValueError: they are more than one line.
        BusyError: another process keeps the file locked.
        DiskFullError: there is no room; the file is as it was.
        InputError: nothing can be written there.
    """
    if "\n" in line or "\n" in header:
        raise ValueError("one line at a time")
    busy = BusyError(f"`{path}` is being written by another process. Do the same again.")
    with exclusive(lock_of(path), busy, _PATIENCE), told_when_full(path):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as problem:
            raise InputError(
                f"`{path}` cannot be written ({problem.strerror}). Get the right to write there."
            ) from None
        try:
            _append(descriptor, line.encode(), header.encode())
        finally:
            os.close(descriptor)


def _append(descriptor: int, line: bytes, header: bytes) -> None:
    size = os.fstat(descriptor).st_size
    begun = b"\n" in _read(descriptor, 0, size)
    if not begun:  # a header that was cut off names nothing
        content, end = header + b"\n" + line + b"\n", 0
    elif _read(descriptor, size - 1, 1) == b"\n":
        content, end = line + b"\n", size
    else:
        content, end = b"\n" + line + b"\n", size
    before = _read(descriptor, end, size - end)
    try:
        _write(descriptor, content, end)
        os.ftruncate(descriptor, end + len(content))
        os.fsync(descriptor)
    except OSError:
        _write(descriptor, before, end)
        os.ftruncate(descriptor, size)
        raise


def _read(descriptor: int, place: int, size: int) -> bytes:
    os.lseek(descriptor, place, os.SEEK_SET)
    found = b""
    while len(found) < size and (more := os.read(descriptor, size - len(found))):
        found += more
    return found


def _write(descriptor: int, content: bytes, place: int) -> None:
    os.lseek(descriptor, place, os.SEEK_SET)
    while content:
        content = content[os.write(descriptor, content) :]


def read_lines(path: Path) -> list[str]:
    """The lines of a file without their ends, a broken last one among them; none without a file.

    What is no UTF-8 comes with the character that stands for it.

    Raises:
        InputError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise InputError(
            f"`{path}` cannot be read ({problem.strerror}). Restore it, or move it away."
        ) from None
    lines = content.decode("utf-8", "replace").split("\n")
    return lines if lines[-1] else lines[:-1]
