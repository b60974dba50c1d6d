"""Files written whole or not at all, and guarded reads."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from lsr.exceptions import InputError
from lsr.storage.leftovers import remove_leftovers_beside, temporary_file
from lsr.storage.locks import exclusive
from lsr.storage.part_rows import PartRows
from lsr.storage.room import check_room, told_when_full
from lsr.storage.untrusted import (
    DamagedError,
    UnexpectedError,
    check_array,
    parse_json,
    parsed,
)

MOST_JSON_BYTES = 2**28
"""Of a card, or of a list that is one JSON object; COCO's has 150 MB."""
# Windows neither replaces nor removes a file that is mapped into memory, or its folder.
_MAY_MAP = os.name != "nt"
# Seconds in which whoever reads such a file, a moment's work, closes it.
_PATIENCE = 0.0 if _MAY_MAP else 2.0
_PAUSE = 0.02
# Of an array, which may be mapped, that are read at once for a fingerprint.
_HASHED_ROWS = 2**16


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """A temporary file name beside `target` that takes its place when the block ends well.

    Of two who write the same file, the one who ends last stands.

    Raises:
        DiskFullError: there is no room.
        InputError: nothing can be written there.
    """
    temporary = temporary_file(target)
    busy = InputError(f"`{temporary}` is in use.")
    # A lock tells others that the file is being written; on Windows it would refuse the writer.
    with exclusive(temporary, busy) if _MAY_MAP else _removed(temporary):
        remove_leftovers_beside(target)
        with told_when_full(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _replace(temporary, target)


@contextmanager
def _removed(temporary: Path) -> Iterator[None]:
    try:
        yield
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


class _Plain:
    """A file of which numpy knows no more than how to write to it.

    Else it leaves Python to write, and tells no reason where it cannot.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a `.npy` file; what the array holds is numbers.

    Raises:
        DiskFullError: there is no room.
    """
    check_room(array.nbytes, path)
    with told_when_full(path), path.open("wb") as file:
        np.lib.format.write_array(_Plain(file), np.asanyarray(array), allow_pickle=False)


def save_blocks(
    path: Path, blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype
) -> None:
    """Write a `.npy` file whose rows come block by block, so that no more than one is in memory.

    Args:
        shape: of the whole array; the blocks have its rows, in order.

    Raises:
        DiskFullError: there is no room.
    """
    check_room(math.prod(shape) * dtype.itemsize, path)
    described = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with told_when_full(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype).data)


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


def forget(mapped: mmap.mmap) -> None:
    """Take the pages of a mapped file out of this process; the system keeps them while it can."""
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def forget_array(array: np.ndarray | PartRows) -> None:
    """Give back the memory of what was read so far of a mapped array that was not written to."""
    for part in array.parts if isinstance(array, PartRows) else (array,):
        base: Any = part
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap):
            forget(base)


@contextmanager
def told_when_no_parquet(path: Path, error: type[InputError]) -> Iterator[None]:
    """Turn what a reader of the parquet file says of it into one sentence of class `error`."""
    try:
        with parsed():
            yield
    except FileNotFoundError:
        raise error(missing(path)) from None
    except UnexpectedError as problem:
        raise error(f"`{path}` {problem}. Restore the file.") from None
    except (DamagedError, OSError) as problem:
        raise error(
            f"`{path}` is truncated or not a parquet file ({problem}). Restore the file."
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


Part = bytes | str | Path | np.ndarray | PartRows | Iterator[str]


def fingerprint(*parts: Part) -> str:
    """Sixteen hexadecimal digits that change when any part changes.

    A `Path` stands for the content of that file, an iterator for what its pieces are together.
    """
    return fingerprint_of(parts)


def fingerprint_of(parts: Iterable[Part]) -> str:
    """The fingerprint of parts that need not all be in memory."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        match part:
            case Path():
                with part.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
            case str():
                digest.update(part.encode())
            case PartRows():
                for array in part.parts:
                    digest.update(np.ascontiguousarray(array, part.dtype).view(np.uint8).data)
            case np.ndarray():
                rows = part if part.ndim else part.reshape(1)
                for first in range(0, len(rows), _HASHED_ROWS):
                    some = np.ascontiguousarray(rows[first : first + _HASHED_ROWS])
                    digest.update(some.view(np.uint8).data)
                    if not part.flags.writeable:
                        forget_array(part)
            case Iterator():
                for piece in part:
                    digest.update(piece.encode())
            case _:
                digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()
