"""The app as a process of its own, for the benchmarks that visit it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
APP = ("-m", "lsr", "app", "--port")
_PATIENCE = 120.0  # seconds


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    port: int, environment: Mapping[str, str], log: Path, arguments: Sequence[str] = APP
) -> Iterator[subprocess.Popen[bytes]]:
    """The app on a port, healthy; it is ended afterwards.

    Raises:
        RuntimeError: it does not come up; the message holds what it said.
    """
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments, str(port)],
            cwd=HERE,
            env={**os.environ, **environment},
            stdout=said,
            stderr=said,
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _healthy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The app did not come up: {log.read_text()}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
