"""Other processes: whether one is still at work, and a lock that dies with its holder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

from lsr.exceptions import InputError

# `is_held` takes the lock for a moment itself; whoever wants it tries again that long.
_PATIENCE = 0.5
_PAUSE = 0.02
# Seconds by which two readings of when a process began may differ: some systems round.
_ROUNDING = 2.0


@contextmanager
def exclusive(path: Path, taken: InputError) -> Iterator[None]:
    """Hold the lock file `path` during the block; the system frees it when the process dies.

    Raises:
        InputError: `taken`, where another holder has it, in this process or another.
    """
    lock = _taken(path, taken)
    try:
        yield
    finally:
        lock.release()


def _taken(path: Path, taken: InputError) -> FileLock:
    """The lock, held. Its last holder may remove the file: that lock would guard nothing."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        lock = _lock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_PATIENCE, poll_interval=_PAUSE)
        except Timeout:
            raise taken from None
        except FileNotFoundError:  # the folder was removed in this moment
            if time.monotonic() > deadline:
                raise taken from None
            continue
        if path.exists():
            return lock
        lock.release()


def is_held(path: Path) -> bool:
    """Whether someone holds the lock file `path` now. Asking makes neither it nor its folder."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:  # there is none, or it is being removed
        return False
    try:
        return not lock_descriptor(descriptor, blocking=False)
    except OSError:  # the file system knows no locks
        return False
    finally:
        os.close(descriptor)


def _lock(path: Path) -> FileLock:
    """A lock of its own for each holder, so that two threads exclude each other too."""
    return FileLock(path, thread_local=False, is_singleton=False)


def start_mark(pid: int) -> str | None:
    """What tells a running process from a later one of the same number; None where none runs.

    A process that has ended and is not yet collected does not run.
    """
    import psutil  # only who asks for other processes needs it

    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        began = process.create_time()
    except psutil.NoSuchProcess:
        return None
    # Linux counts from the start of the system. psutil adds the time of day at which that was,
    # which changes with the clock; other systems write down the time of day once.
    return f"{began - psutil.boot_time() if psutil.LINUX else began:.2f}"


def is_running(pid: int, mark: str) -> bool:
    """Whether the process that had this mark runs still; a later one of its number is another."""
    now = start_mark(pid)
    if now is None:
        return False
    try:
        return abs(float(now) - float(mark)) < _ROUNDING
    except ValueError:
        return False


def ends_within(pid: int, mark: str, seconds: float) -> bool:
    """Wait for a process, at most that long; whether it has ended."""
    deadline = time.monotonic() + seconds
    while is_running(pid, mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
