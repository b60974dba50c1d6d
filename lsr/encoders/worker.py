"""A child process that turns batches into vectors: asked over pipes, timed, started again.

The messages are those of `lavis_worker.py`, which is the other side.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

import numpy as np

from lsr.encoders.lavis_worker import LENGTHS, MAGIC
from lsr.exceptions import EncoderError, shorten

_MOST_HEADER, _MOST_BODY = 2**20, 2**30
_CHUNK, _MOST_PARTS = 1 << 16, 256


class Patience(NamedTuple):
    """How many seconds a worker may take: to load its model, and to answer one batch."""

    start: float = 900.0
    answer: float = 300.0


class _HungError(Exception):
    """No byte came or went in time."""


class _BrokenError(Exception):
    """The worker ended, or sent something that is no answer."""


class Worker:
    """A child process behind a door that always answers or raises.

    A batch during which the process dies or talks nonsense is sent once more to a new process;
    a batch that takes too long is not, and ends the process: the next call starts a new one.
    The process ends with this object, or when its standard input closes.

    Args:
        command: what starts the child.
        label: its name in messages.
    """

    def __init__(
        self, command: Sequence[str], label: str, patience: Patience | None = None
    ) -> None:
        self.about: dict[str, Any] = {}
        self.starts = 0
        self._command = list(command)
        self._label = label
        self._patience = patience or Patience()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: _Pipes | None = None
        self._log: IO[bytes] | None = None
        self._said = ""
        self._end: Callable[[], object] = lambda: None

    def start(self) -> dict[str, Any]:
        """What the worker says about itself; it is started when it does not run.

        Raises:
            EncoderError: it does not start.
        """
        with self._conversation():
            self._started()
        return self.about

    def ask(self, header: dict[str, Any], body: bytes, n: int) -> np.ndarray:
        """The vectors of one batch, (n, d) float32.

        Raises:
            EncoderError: the worker reports a failure, dies twice on this batch, or takes longer
                than its patience.
        """
        with self._conversation():
            try:
                return self._answer(header, body, n)
            except _BrokenError:
                self._stop()
            try:
                return self._answer(header, body, n)
            except _BrokenError as problem:
                self._stop()
                raise EncoderError(
                    f"{self._label} broke off twice on a batch of {n:,} ({problem}){self._said}. "
                    "Encode a smaller batch, or check the installation."
                ) from None

    def close(self) -> None:
        """End the process; the next call would start a new one."""
        with self._lock:
            self._stop()

    @contextmanager
    def _conversation(self) -> Iterator[None]:
        """Alone with the process; it ends when Ctrl+C comes in between.

        Else what it still had to say would be taken for the answer to the next batch.
        """
        with self._lock:
            try:
                yield
            except KeyboardInterrupt:
                self._stop()
                raise

    def _answer(self, header: dict[str, Any], body: bytes, n: int) -> np.ndarray:
        pipes = self._started()
        deadline = time.monotonic() + self._patience.answer
        text = json.dumps(header).encode()
        try:
            pipes.send(LENGTHS.pack(MAGIC, len(text), len(body)) + text + body, deadline)
            answer, numbers = pipes.receive(deadline)
        except _HungError:
            self._stop()
            raise EncoderError(
                f"{self._label} gave no answer to a batch of {n:,} within "
                f"{self._patience.answer:g} s, so it was ended; the next batch starts it again. "
                "Encode a smaller batch."
            ) from None
        if "error" in answer:
            raise EncoderError(
                f"{self._label} failed on a batch of {n:,} ({shorten(str(answer['error']), 160)})."
            )
        shape = [n, self.about["dense_size"]]
        if answer.get("shape") != shape or len(numbers) != 4 * shape[0] * shape[1]:
            raise _BrokenError(f"it answered {answer.get('shape')} in {len(numbers):,} bytes")
        return np.frombuffer(numbers, "<f4").reshape(shape).astype(np.float32)

    def _started(self) -> _Pipes:
        if self._process is not None and self._pipes and self._process.poll() is None:
            return self._pipes
        self._stop()
        self.starts += 1
        log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the process
        try:
            process = subprocess.Popen(  # noqa: S603 - our own file and a checked name
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        except OSError as problem:
            log.close()
            raise EncoderError(f"{self._label} does not start ({problem}).") from None
        self._process, self._log = process, log
        self._end = weakref.finalize(self, _end, process, log)
        self._pipes = _Pipes(process)
        try:
            about, _ = self._pipes.receive(time.monotonic() + self._patience.start)
            if not {"dense_size", "fingerprint", "versions"} <= about.keys():
                raise _BrokenError(f"it began with {shorten(str(about))}")
        except (_HungError, _BrokenError) as problem:
            why = str(problem) or f"nothing came within {self._patience.start:g} s"
            self._stop()
            raise EncoderError(
                f"{self._label} did not start ({why}){self._said}. Mend the cause or run "
                "`make lavis` again."
            ) from None
        if self.about and about != self.about:
            self._stop()
            raise EncoderError(f"{self._label} came back with other weights. Load it again.")
        self.about = about
        return self._pipes

    def _stop(self) -> None:
        """End the process, and keep the last line that it wrote for a message."""
        if self._log is not None:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            self._said = f": {shorten(lines[-1], 160)}" if lines else ""
        self._end()
        self._process = self._log = self._pipes = None


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for file in (process.stdin, log):
        with suppress(OSError):  # what was not sent any more
            file.close()  # type: ignore[union-attr]


class _Pipes:
    """Both pipes of a process, with a time limit on every system.

    A pipe of its own knows none on Windows, so a thread reads all that comes; it closes the pipe
    when the process has ended.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._parts: queue.Queue[bytes] = queue.Queue(_MOST_PARTS)
        self._over = b""
        threading.Thread(target=self._read_all, daemon=True).start()

    def _read_all(self) -> None:
        pipe: Any = self._process.stdout
        with pipe, suppress(OSError, ValueError):
            while part := os.read(pipe.fileno(), _CHUNK):
                if not self._put(part):
                    return
        self._put(b"")

    def _put(self, part: bytes) -> bool:
        """Hand a part on; False where the process ended and nobody asks for it any more."""
        while True:
            try:
                self._parts.put(part, timeout=1)
            except queue.Full:
                if self._process.poll() is not None:
                    return False
            else:
                return True

    def send(self, message: bytes, deadline: float) -> None:
        """Write a message.

        Raises:
            _HungError: it was not taken in time. _BrokenError: the process is gone.
        """
        broken: list[bool] = []

        def write() -> None:
            try:
                self._process.stdin.write(message)  # type: ignore[union-attr]
                self._process.stdin.flush()  # type: ignore[union-attr]
            except (OSError, ValueError):
                broken.append(True)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        writer.join(max(0.0, deadline - time.monotonic()))
        if writer.is_alive():
            raise _HungError
        if broken:
            raise _BrokenError(_ended(self._process))

    def receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        """The next message: its header and its body.

        Raises:
            _HungError: it did not come in time. _BrokenError: it is none, or the process is gone.
        """
        magic, header, body = LENGTHS.unpack(self._take(LENGTHS.size, deadline))
        if magic != MAGIC or header > _MOST_HEADER or body > _MOST_BODY:
            raise _BrokenError(f"it sent {magic!r} and lengths of {header:,} and {body:,} bytes")
        text = self._take(header, deadline)
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise _BrokenError(f"it sent {text[:40]!r}")
        return content, self._take(body, deadline)

    def _take(self, n: int, deadline: float) -> bytes:
        taken = bytearray(self._over)
        while len(taken) < n:
            try:
                part = self._parts.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise _HungError from None
            if not part:
                raise _BrokenError(_ended(self._process))
            taken += part
        self._over = bytes(taken[n:])
        return bytes(taken[:n])


def _ended(process: subprocess.Popen[bytes]) -> str:
    try:
        return f"it ended with code {process.wait(5)}"
    except subprocess.TimeoutExpired:
        return "it closed its pipe"
