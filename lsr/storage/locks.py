"""Other processes: whether one is still at work, and a lock that dies with its holder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from lsr.exceptions import InputError
from lsr.storage.room import told_when_full

# `is_held` takes the lock for a moment itself; whoever wants it tries again that long.
_PATIENCE = 0.5
_PAUSE = 0.02
# Seconds by which two readings of when a process began may differ: some systems round.
_ROUNDING = 2.0


@contextmanager
def exclusive(path: Path, taken: InputError, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the lock file `path` during the block; the system frees it when the process dies.

    Two threads exclude each other too. The file goes with the lock.

    Args:
        patience: seconds to wait for another holder.

    Raises:
        InputError: `taken`, where another holder has it, in this process or another; or no file can
            be made there.
    """
    descriptor = _locked(path, taken, patience)
    try:
        yield
    finally:
        _free(path, descriptor)


def _locked(path: Path, taken: InputError, patience: float) -> int:
    """A descriptor that holds the lock. A file that its last holder removed would guard nothing."""
    deadline = time.monotonic() + patience
    while True:
        descriptor = _opened(path)
        if descriptor is not None:
            if _is_locked(path, descriptor) and _is_named(path, descriptor):
                return descriptor
            os.close(descriptor)
        if time.monotonic() >= deadline:
            raise taken from None
        time.sleep(_PAUSE)


def _opened(path: Path) -> int | None:
    """A descriptor of the lock file, made where there is none; None where one is being removed."""
    try:
        with told_when_full(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:  # the folder was removed in this moment
        return None
    except OSError as problem:
        if os.name == "nt" and isinstance(problem, PermissionError) and path.parent.is_dir():
            return None  # its last holder is removing it
        if isinstance(problem, FileExistsError) and (
            path.parent.is_dir() or not os.path.lexists(path.parent)
        ):
            return None  # the folder was there when it was to be made, and then it was not
        raise InputError(
            f"Nothing can be written into `{path.parent}` ({problem.strerror}). Give another "
            "folder, or get the right to write there."
        ) from None


def _is_locked(path: Path, descriptor: int) -> bool:
    """Lock an open file; False where another holder has it."""
    try:
        return lock_descriptor(descriptor, blocking=False)
    except OSError as problem:
        os.close(descriptor)
        raise InputError(
            f"The disk that holds `{path.parent}` knows no locks ({problem.strerror}), so nothing "
            "is written there. Give a folder on another disk."
        ) from None


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _free(path: Path, descriptor: int) -> None:
    """Remove the lock file, while it is held: who waits for it sees that it is gone."""
    with suppress(OSError):
        if os.name != "nt" and _is_named(path, descriptor):
            path.unlink()
    os.close(descriptor)
    if os.name == "nt":  # an open file stays, and that of the next holder is open
        with suppress(OSError):
            path.unlink()


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


def start_mark(pid: int) -> str | None:
    """What tells a running process from a later one of the same number; None where none runs.

    A process that has ended and is not yet collected does not run.
    """
    import psutil  # only who asks for other processes needs it

    if not 0 < pid < 2**31:  # a file said so
        return None
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
