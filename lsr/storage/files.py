"""Whole-folder writes and guarded reads: nothing half-written is ever seen."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lsr.exceptions import DiskFullError, InputError
from lsr.storage.untrusted import DamagedError, check_array, parse_json

MOST_JSON_BYTES = 2**28
"""Of a card, or of a list that is one JSON object; COCO's has 150 MB."""
# Windows neither replaces nor removes a file that is mapped into memory, or its folder.
_MAY_MAP = os.name != "nt"
# Seconds in which whoever reads such a file, a moment's work, closes it.
_PATIENCE = 0.0 if _MAY_MAP else 2.0
_PAUSE = 0.02


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place when the block ends well.

    On an exception the temporary folder is removed and `target` stays as it was.

    Raises:
        DiskFullError: there is no room.
        InputError: `target` is in use, on a system that minds.
    """
    with told_when_full(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with told_when_full(target):
            yield temporary
        temporary.chmod(0o755)
        if target.exists():
            retired = temporary.with_name(temporary.name + "-old")
            _retire(target, retired)
            try:
                temporary.rename(target)
            except OSError:
                retired.rename(target)
                raise
            shutil.rmtree(retired)
        else:
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _retire(target: Path, retired: Path) -> None:
    """Take a folder's name away; Windows refuses while somebody reads a file in it."""
    try:
        target.rename(retired)
    except PermissionError:
        raise InputError(
            f"`{target}` cannot be replaced while a file in it is open, or without the right to. "
            "Close what reads it, such as the app, then do the same again."
        ) from None


def remove_folder(folder: Path) -> None:
    """Remove a folder, from its place at once: nobody adds a file to what is being removed.

    On Windows a file that somebody has open stays, and so does its folder.
    """
    retired = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}-old")
    try:
        folder.rename(retired)
    except PermissionError:
        retired = folder
    shutil.rmtree(retired, ignore_errors=not _MAY_MAP)


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """A temporary file name beside `target` that takes its place when the block ends well.

    Raises:
        DiskFullError: there is no room.
    """
    # The suffix stays last: numpy and parquet writers look at it.
    temporary = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        with told_when_full(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(temporary: Path, target: Path) -> None:
    """Put a file in the place of another; Windows refuses while somebody reads that one."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            temporary.replace(target)
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


@contextmanager
def told_when_full(target: Path) -> Iterator[None]:
    """Turn whatever a writer says about a full disk into one sentence."""
    try:
        yield
    except Exception as problem:
        if not _no_room(problem, target.parent):
            raise
        raise DiskFullError(
            f"The disk is full, so `{target}` was not written; what stood there before is "
            "untouched. Free some space, then do the same again."
        ) from None


def _no_room(problem: Exception, folder: Path) -> bool:
    number = getattr(problem, "errno", None)
    if isinstance(problem, DiskFullError) or number in (errno.ENOSPC, errno.EDQUOT):
        return True
    if "No space left" in str(problem):  # safetensors has an error of its own, without a number
        return True
    # numpy only says how much it could not write.
    return isinstance(problem, OSError) and not number and shutil.disk_usage(folder).free < 2**16


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write one JSON object, whole or not at all."""
    with replacing_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_json(path: Path, error: type[InputError]) -> dict[str, Any]:
    """The JSON object in `path`; a missing, huge or broken file raises `error`."""
    try:
        if (size := path.stat().st_size) > MOST_JSON_BYTES:
            raise DamagedError(f"it has {size / 2**20:,.0f} MB")
        content = parse_json(path.read_text("utf-8"))
    except FileNotFoundError:
        raise error(missing(path)) from None
    except (ValueError, OSError) as problem:
        raise error(f"`{path}` is not readable JSON ({problem}). Restore the file.") from None
    if not isinstance(content, dict):
        raise error(f"`{path}` holds a {type(content).__name__}, not a JSON object. Restore it.")
    return content


def load_array(path: Path, *, private: bool = False) -> np.ndarray:
    """The array in a `.npy` file, memory-mapped where such a file may still be replaced.

    Args:
        private: it may be written to, which does not change the file.

    Raises:
        DamagedError: it is not one whole array of numbers.
        OSError: it cannot be read.
    """
    check_array(path)
    mode: Literal["c", "r"] = "c" if private else "r"
    return np.load(path, mmap_mode=mode if _MAY_MAP else None, allow_pickle=False)


def read_array(path: Path, error: type[InputError]) -> np.ndarray:
    """The array in a `.npy` file, as `load_array`; anything else raises `error`."""
    try:
        return load_array(path)
    except FileNotFoundError:
        raise error(missing(path)) from None
    except (ValueError, OSError) as problem:
        message = f"`{path}` is truncated or not a .npy array ({problem}). Restore the file."
        raise error(message) from None


@contextmanager
def told_when_no_parquet(path: Path, error: type[InputError]) -> Iterator[None]:
    """Turn what a reader of the parquet file says of it into one sentence of class `error`."""
    import pyarrow as pa  # lists read only JSON

    try:
        yield
    except FileNotFoundError:
        raise error(missing(path)) from None
    except (pa.ArrowException, OSError) as problem:
        reason = str(problem).splitlines()[0]
        raise error(
            f"`{path}` is truncated or not a parquet file ({reason}). Restore the file."
        ) from None


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file, all links followed, lies in a folder; one that leads in a circle does not."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def missing(path: Path) -> str:
    """The sentence for a file that should be there."""
    return f"`{path.name}` is missing from `{path.parent}`. Restore it or remove the folder."


def fingerprint(*parts: bytes | str | Path | np.ndarray) -> str:
    """Sixteen hexadecimal digits that change when any part changes.

    A `Path` stands for the content of that file.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        match part:
            case Path():
                with part.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
            case str():
                digest.update(part.encode())
            case np.ndarray():
                digest.update(np.ascontiguousarray(part).view(np.uint8).data)
            case _:
                digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()
