"""What killed processes left behind: whoever writes next in the same folder removes it.

The name of what is being written begins with a dot and holds a tilde, which no name of a collection
or model has. `.NAME~1a2b3c4d` is a folder that will be `NAME`, or was; with `-old` at its end it is
a version that was taken away before the next one got its name, on a disk that cannot exchange two
names. `.~1a2b3c4d~NAME` is a file that will be `NAME`. `.NAME~lock` is held by who writes `NAME`.
Earlier versions wrote `.NAME-abcdefgh`, `.NAME-abcdefgh-old`, `.NAME-deleted-abcdefgh`,
`.NAME.lock` and `.123-NAME`.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lsr.exceptions import InputError
from lsr.storage.locks import exclusive, start_mark

_MARK = "[0-9a-f]{8}"
_FOLDER = re.compile(rf"\.(.+)~{_MARK}(-old)?")
_FILE = re.compile(rf"\.~{_MARK}~.+")
_LOCK = re.compile(r"\.(.+)~lock")
# Where files that are being written cannot be locked, one of this age, in seconds, is nobody's.
_OLD = 86_400.0
_BUSY = InputError("It is in use.")


def temporary_folder(target: Path) -> Path:
    """The name of a folder that will be `target`, or that was and is to be removed."""
    return target.with_name(f".{target.name}~{secrets.token_hex(4)}")


def temporary_file(target: Path) -> Path:
    """The name of a file that will be `target`; the ending stays, because writers look at it."""
    return target.with_name(f".~{secrets.token_hex(4)}~{target.name}")


def lock_of(target: Path) -> Path:
    """What is locked while a folder is written."""
    return target.with_name(f".{target.name}~lock")


def is_leftover(name: str) -> bool:
    """Whether a file or folder is being written, or was and nobody came to an end with it."""
    return any(form.fullmatch(name) for form in (_FILE, _FOLDER, _LOCK))


def remove_leftovers(target: Path) -> None:
    """Remove what killed writers left of `target`; its lock is held."""
    restore(target)
    name = re.escape(target.name)
    earlier = re.compile(rf"\.{name}(-(deleted-)?[a-z0-9_]{{8}}(-old)?|\.lock)")
    for path in _hidden(target.parent):
        found = _FOLDER.fullmatch(path.name)
        # The folder of an unfinished training has a name of that form, and is no leftover.
        old = earlier.fullmatch(path.name) and path.name != f".{target.name}-training"
        if (found and found[1] == target.name) or old:
            _remove(path)
    remove_leftovers_beside(target)


def remove_leftovers_beside(target: Path) -> None:
    """Remove what killed writers left of other files and folders in the folder of `target`."""
    earlier = re.compile(rf"\.(\d+)-{re.escape(target.name)}")
    for path in _hidden(target.parent):
        if _FILE.fullmatch(path.name):
            _remove_unwritten(path)
        elif found := _FOLDER.fullmatch(path.name) or _LOCK.fullmatch(path.name):
            if found[1] != target.name:
                _remove_unheld(path, target.with_name(found[1]))
        elif (found := earlier.fullmatch(path.name)) and start_mark(int(found[1])) is None:
            _remove(path)


def _hidden(folder: Path) -> Iterator[Path]:
    """What is in a folder and begins with a dot; nothing where there is none."""
    with suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if entry.name.startswith(".")]:
            yield folder / name


def _remove_unheld(path: Path, target: Path) -> None:
    """Remove what is left of another folder, unless somebody writes that one now."""
    with suppress(InputError), exclusive(lock_of(target), _BUSY, patience=0):
        restore(target)
        if _FOLDER.fullmatch(path.name):
            _remove(path)


def _remove_unwritten(path: Path) -> None:
    """Remove a file that was being written, unless it still is."""
    if os.name == "nt":
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _OLD:
                path.unlink()
        return
    with suppress(InputError, OSError):
        if path.exists():
            with exclusive(path, _BUSY, patience=0):  # the lock takes its file away
                pass


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def restore_all(root: Path) -> None:
    """Give every folder its name back that a killed writer took away before the next had it."""
    for name in {name for path in _hidden(root) if (name := _taken_from(path))}:
        restore_if_lost(root / name)


def restore_if_lost(target: Path) -> None:
    """The same for one folder. Whoever is in the midst of exchanging it is waited for."""
    if target.exists() or not _lost(target):
        return
    with suppress(InputError), exclusive(lock_of(target), _BUSY):
        restore(target)


def restore(target: Path) -> None:
    """`restore_if_lost` for whoever holds the lock."""
    if target.exists():
        return
    for path in sorted(_lost(target), key=_changed)[-1:]:
        with suppress(OSError):
            path.rename(target)


def _lost(target: Path) -> list[Path]:
    return [path for path in _hidden(target.parent) if _taken_from(path) == target.name]


def _taken_from(path: Path) -> str:
    """The folder whose earlier version this is, taken away for the next one; empty for others."""
    earlier = re.fullmatch(r"\.([^.].*)-[a-z0-9_]{8}-old", path.name)
    found = _FOLDER.fullmatch(path.name)
    if found and found[2]:
        return found[1]
    return earlier[1] if earlier else ""


def _changed(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
