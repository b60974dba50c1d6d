"""Folders replaced at once and read as one version: a visible name never disappears."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from lsr.exceptions import BusyError, InputError
from lsr.storage.leftovers import lock_of, remove_leftovers, restore_if_lost, temporary_folder
from lsr.storage.locks import exclusive
from lsr.storage.room import told_when_full

Read = TypeVar("Read")

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
_UNKNOWN = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM)
# A folder that was replaced while it was read is read again, so often.
_MOST_READS = 100


@contextmanager
def replacing_folder(target: Path, taken: InputError | None = None) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place when the block ends well.

    Nobody else writes `target` during the block. On an exception the temporary folder is removed
    and `target` stays as it was.

    Args:
        taken: what is raised where somebody else writes it, in the place of a BusyError.

    Raises:
        DiskFullError: there is no room.
        BusyError: another process is writing it.
        InputError: nothing can be written there, or `target` is in use, on a system that minds.
    """
    if target.is_symlink():
        target = target.resolve()
    with writing(target, taken):
        temporary = temporary_folder(target)
        try:
            with told_when_full(target):
                temporary.mkdir()
                yield temporary
                _put(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def writing(target: Path, taken: InputError | None = None) -> Iterator[None]:
    """Keep other writers of a folder away, and remove what killed ones left of it.

    Raises:
        InputError: `taken`, a BusyError if none is given, where somebody writes it.
    """
    busy = BusyError(
        f"`{target}` is being written by another process. Wait until it is done, then do the same "
        "again."
    )
    with exclusive(lock_of(target), taken or busy):
        remove_leftovers(target)
        yield


def remove_folder(folder: Path) -> None:
    """Remove a folder, from its place at once: nobody adds a file to what is being removed.

    On Windows a file that somebody has open stays, and so does its folder.
    """
    retired = temporary_folder(folder)
    try:
        folder.rename(retired)
    except PermissionError:
        retired = folder
    shutil.rmtree(retired, ignore_errors=True)


def _put(temporary: Path, target: Path) -> None:
    """Give a finished folder its name; `temporary` is then the earlier version, if any."""
    if not target.exists():
        temporary.rename(target)
    elif not _exchanged(temporary, target):
        _put_in_steps(temporary, target)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange the names of two folders at once; False where system or disk cannot do that."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if not exchange(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise _refused(other, OSError(number, os.strerror(number)))


def _put_in_steps(temporary: Path, target: Path) -> None:
    """Two renames. Who looks for the name in between, or after a kill, gives it back."""
    retired = temporary.with_name(f"{temporary.name}-old")
    try:
        target.rename(retired)
    except OSError as problem:
        raise _refused(target, problem) from None
    try:
        temporary.rename(target)
    except OSError:
        retired.rename(target)
        raise
    shutil.rmtree(retired, ignore_errors=True)


def _refused(target: Path, problem: OSError) -> InputError:
    """Windows refuses while somebody reads a file in the folder, others without the right."""
    return InputError(
        f"`{target}` cannot be replaced while a file in it is open, or without the right to "
        f"({problem.strerror}). Close what reads it, such as the app, then do the same again."
    )


def read_one_version(folder: Path, read: Callable[[], Read]) -> Read:
    """What `read` gives, which reads several files of a folder that others may replace.

    It is called again where the folder was replaced meanwhile, so that what it reads together, and
    what it complains of, is of one version.

    Raises:
        InputError: what `read` raises, or the folder is replaced again and again.
    """
    restore_if_lost(folder)
    for _ in range(_MOST_READS):
        with _held(folder) as held:
            try:
                found = read()
            except (InputError, OSError, ValueError):
                if _same(folder, held):
                    raise
                restore_if_lost(folder)
                continue
            # No other folder has its number while it is held: equal numbers are one folder.
            if _same(folder, held):
                return found
    raise InputError(
        f"`{folder}` was replaced again and again while it was read. Wait until nothing writes "
        "it, then do the same again."
    )


@contextmanager
def _held(folder: Path) -> Iterator[os.stat_result | None]:
    """What tells a folder from the one that replaces it; None where there is none."""
    descriptor = None
    with suppress(OSError):
        if os.name != "nt":
            descriptor = os.open(folder, os.O_RDONLY)
    try:
        known = None
        with suppress(OSError):
            known = folder.stat() if descriptor is None else os.fstat(descriptor)
        yield known
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _same(folder: Path, held: os.stat_result | None) -> bool:
    try:
        now = folder.stat()
    except OSError:
        return held is None
    return held is not None and os.path.samestat(now, held)
