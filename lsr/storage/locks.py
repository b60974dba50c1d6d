"""Other processes: whether one is still at work, and a lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsr.exceptions import InputError

# `is_held` takes the lock for a moment itself; whoever wants it tries again that long.
_PATIENCE = 0.5
_PAUSE = 0.02


@contextmanager
def exclusive(path: Path, taken: InputError) -> Iterator[None]:
    """Hold the lock file `path` during the block; the system frees it when the process dies.

    Raises:
        InputError: `taken`, where another holder has it.
    """
    deadline = time.monotonic() + _PATIENCE
    while (descriptor := _try(path)) is None:
        if time.monotonic() > deadline:
            raise taken
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(path: Path) -> int | None:
    """A descriptor that holds the lock, or None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed the file since it was opened: that lock guards nothing.
        if os.stat(path).st_ino == os.fstat(descriptor).st_ino:  # noqa: PTH116
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Whether someone holds the lock file `path` now."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def start_mark(pid: int) -> str | None:
    """What tells a running process from a later one of the same number; None where none runs.

    A process that has ended and is not yet collected does not run. Outside Linux all running
    processes share one mark.
    """
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        return "running"
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in brackets may itself hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else started


def ends_within(pid: int, mark: str, seconds: float) -> bool:
    """Wait for a process, at most that long; whether it has ended."""
    deadline = time.monotonic() + seconds
    while start_mark(pid) == mark:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
