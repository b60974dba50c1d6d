"""Other processes: whether one is still at work, and a lock that dies with its holder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lsr.exceptions import InputError

# `is_held` takes the lock for a moment itself; whoever wants it tries again that long.
_PATIENCE = 0.5
_PAUSE = 0.02
# Seconds by which a system's clock may have been set since a process began.
_CLOCK = 2.0


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
    """Whether someone holds the lock file `path` now."""
    if not path.exists():
        return False
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # its folder was removed in this moment
        return False
    lock.release()
    return False


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
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return None if ended else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def is_running(pid: int, mark: str) -> bool:
    """Whether the process that had this mark runs still; a later one of its number is another."""
    now = start_mark(pid)
    if now is None:
        return False
    try:
        return abs(float(now) - float(mark)) < _CLOCK
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
