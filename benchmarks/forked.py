"""A process forked from this one, killed at a moment that is counted or timed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# Patience with one process, in seconds.
LONGEST = 600.0


class Ended(NamedTuple):
    """code: negative for a signal. events: how many were counted. swaps: which of them give a name
    to something that was written. seconds: it took."""

    code: int
    said: str
    events: int
    swaps: list[int]
    seconds: float


def run(root: Path, act: Callable[[], object], *, at: int = 0, after: float = 0.0) -> Ended:
    """Do something in a process of its own whose home is in `root`.

    Args:
        at: kill it right before the so manieth file or folder below `root` is touched.
        after: kill it after so many seconds.
    """
    # What it says must not need room on a disk that is full.
    said, counted = os.memfd_create("said"), os.memfd_create("counted")
    started = time.monotonic()
    child = os.fork()
    if not child:
        _child(root, act, at, said, counted)
    code = None
    while code is None:
        if (after and time.monotonic() - started >= after) or time.monotonic() - started > LONGEST:
            os.kill(child, signal.SIGKILL)
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
        else:
            time.sleep(0.002)
    text, told = _drained(said).decode("utf-8", "replace"), _drained(counted)
    events, swaps = json.loads(told) if told else (0, [])
    return Ended(code, text, events, swaps, time.monotonic() - started)


def _drained(descriptor: int) -> bytes:
    """What was written there; it is closed."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    os.close(descriptor)
    return content


def _child(root: Path, act: Callable[[], object], at: int, said: int, counted: int) -> None:
    """The forked process: it never returns."""
    code = 1
    try:
        os.environ["LEXISCOPE_HOME"] = str(root / "home")
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        events, swaps = [0], []
        below = os.fsencode(root)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event not in _TOUCHING or not arguments:
                return
            place = arguments[0]
            if event == "ctypes.dlsym":
                if arguments[1] != "renameat2":
                    return
            elif not isinstance(place, str | bytes | os.PathLike) or not os.fsencode(
                place
            ).startswith(below):
                return
            events[0] += 1
            if event in ("ctypes.dlsym", "os.rename"):
                swaps.append(events[0])
            if events[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        code = int(act() or 0)  # type: ignore[call-overload]
        reached = [events[0], swaps]
    except BaseException:  # noqa: BLE001  (whatever it is, it is an outcome)
        traceback.print_exc()
        reached = [0, []]
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(counted, json.dumps(reached).encode())
        os._exit(code)


_TOUCHING = {
    *("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"),
    *("os.scandir", "shutil.rmtree", "shutil.copyfile", "ctypes.dlsym"),
}
