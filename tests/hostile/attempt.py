"""One changed file read: what came of it, how long it took and how much memory."""

from __future__ import annotations

import contextlib
import shutil
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lsr.exceptions import LexiscopeError
from tests.hostile.mutating import mutated
from tests.hostile.readers import Reader

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """end: `read`, `refused` by an error of ours, or `foreign`.

    what: class and message of the error. place: where in our code it was raised. file: what was
    changed. seconds: of processor time. n_bytes: memory at its peak beyond what there was before.
    """

    end: str
    what: str
    place: str
    file: str
    seconds: float
    n_bytes: int


def changed(reader: Reader, sound: Path, into: Path, seed: int, number: int) -> str:
    """A copy of the sound files with one of them changed; its name.

    Args:
        number: of the mutation; with `seed` and the reader's name it decides all.
    """
    rng = Random(f"{seed} {reader.name} {number}")
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(sound, into)
    files = sorted({path for one in reader.files for path in into.glob(one) if path.is_file()})
    file = rng.choice(files)
    file.write_bytes(mutated(file.name, file.read_bytes(), rng))
    return file.relative_to(into).as_posix()


def attempt(reader: Reader, folder: Path, file: str = "") -> Outcome:
    """Read what lies in a folder; nothing is raised."""
    end, what, place = "read", "", ""
    _forget_peak()
    before, started = _peak(), time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder)
    except LexiscopeError as problem:
        end, what = "refused", f"{type(problem).__name__}: {problem}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:  # noqa: BLE001  # of a Rust library's panics as well
        end, what = "foreign", f"{type(problem).__name__}: {problem}"
        place = _place(problem)
    seconds = time.process_time() - started
    return Outcome(end, what[:600], place, file, seconds, max(_peak() - before, 0))


def _place(problem: BaseException) -> str:
    """The innermost line of our own code that the error passed."""
    ours = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT / "lsr")
    ]
    if not ours:
        return "tests/hostile"
    return f"{Path(ours[-1].filename).relative_to(ROOT)}:{ours[-1].lineno} {ours[-1].name}"


def _peak() -> int:
    """The most memory since `_forget_peak`, in bytes; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    return 0


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
