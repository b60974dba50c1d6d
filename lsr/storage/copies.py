"""Collections, models and indexes that stand in an object storage, opened as folders.

What is opened is copied into `$LEXISCOPE_HOME/cache/copies`, whole or not at all, where it is
mapped into memory as any folder is. A copy is found by the address and the version that stands
there: its card, and names, sizes and times of its objects. Pictures, which are most of a
collection's bytes, are left out and copied when they are asked for.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.exceptions import BusyError, InputError, UnknownNameError, shorten
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.folders import remove_folder
from lsr.storage.leftovers import lock_of, remove_leftovers, temporary_folder
from lsr.storage.locks import exclusive
from lsr.storage.places import home
from lsr.storage.remote import Remote, opened
from lsr.storage.room import bytes_on_disk, check_room, make_room, told_when_full

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo

LIMIT_BYTES = 50 * 10**9
"""Of all copies together; those that were not opened for longest go first."""
_ABOUT = "copy.json"
# How often what is replaced while it is copied is copied again, and the seconds that whoever needs
# what another process is copying waits for it.
_MOST_READS, _PATIENCE = 5, 3600.0


def copied_folder(address: str, card: str, left_out: str = "") -> Path:
    """The folder of a copy of what stands at an address now.

    Args:
        card: name of the file that says what the folder holds; who writes it writes it last.
        left_out: a folder whose files are copied by `bring` and `bring_all`.

    Raises:
        UnknownNameError: there is no such card at the address.
        InputError: the storage cannot be read, or is replaced again and again.
        DiskFullError: there is no room.
    """
    remote = opened(address)
    for _ in range(_MOST_READS):
        files = remote.files(left_out)
        if card not in files:
            raise UnknownNameError(_nothing(remote, card, files))
        mark = fingerprint(remote.read(card), *_listed(files))
        copy = _folder() / f"{fingerprint(remote.address)}-{mark}"
        if not (copy / _ABOUT).exists():
            _make(copy, remote, files, card)
            if _listed(remote.files(left_out)) != _listed(files):
                remove_folder(copy)  # it may hold parts of two versions
                continue
        with suppress(OSError):  # used now, so others are older; a file system may forbid it
            os.utime(copy / _ABOUT)
        return copy / remote.name
    raise InputError(
        f"What is at `{shorten(address)}` was replaced again and again while it was copied. Wait "
        "until nothing writes it, then do the same again."
    )


def is_copy(place: Path) -> bool:
    """Whether a folder or file is, or would be, part of a copy, which may make room for others."""
    return place.is_relative_to(_folder())


def address_of(folder: Path) -> str | None:
    """The address that a folder is the copy of; None for any other folder.

    Raises:
        InputError: the copy has made room for others.
    """
    return _about(folder.parent)[1].address if is_copy(folder) else None


def bring(place: Path) -> None:
    """Copy a file that was left out of the copy that it belongs to; any other place stays as it is.

    Raises:
        InputError: the storage cannot be read, another version stands there, or the copy has made
            room for others.
    """
    if place.exists() or not is_copy(place):
        return
    copy = _folder() / place.relative_to(_folder()).parts[0]
    about, remote = _about(copy)
    name = place.relative_to(copy / remote.name).as_posix()
    with told_when_full(place):
        remote.fetch({name: place})
    _check_version(about, remote)


def bring_all(folder: Path) -> None:
    """Copy everything that was left out of a copy; any other folder stays as it is.

    Raises:
        InputError: as `bring`. DiskFullError: there is no room.
    """
    if not is_copy(folder):
        return
    about, remote = _about(folder.parent)
    files = remote.files()
    missing = {name: folder / name for name in files if not (folder / name).exists()}
    check_room(sum(files[name].size for name in missing), folder)
    with told_when_full(folder):
        remote.fetch(missing)
    _check_version(about, remote)


def _make(copy: Path, remote: Remote, files: dict[str, FileInfo], card: str) -> None:
    """Copy objects into a folder that is there when all are, unless somebody else has done it."""
    busy = BusyError(
        f"`{shorten(remote.address)}` is being copied by another process. Wait until it is done, "
        "then do the same again."
    )
    with told_when_full(copy), exclusive(lock_of(copy), busy, _PATIENCE):
        if (copy / _ABOUT).exists():
            return
        remove_leftovers(copy)
        needed = sum(one.size for one in files.values())
        make_room(_kept(), max(LIMIT_BYTES - needed, 0), remove_folder)
        check_room(needed, copy)
        temporary = temporary_folder(copy)
        try:
            remote.fetch({name: temporary / remote.name / name for name in files})
            seen = {"card": card, "size": files[card].size, "changed": files[card].mtime_ns}
            write_json(temporary / _ABOUT, {"address": remote.address, **seen})
            temporary.rename(copy)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _kept() -> list[tuple[int, int, Path]]:
    """When each copy was last opened, its bytes, and where it is."""
    kept = []
    for about in _folder().glob(f"[!.]*/{_ABOUT}"):
        with suppress(OSError):  # taken away by another process
            kept.append((about.stat().st_mtime_ns, bytes_on_disk(about.parent), about.parent))
    return kept


def _about(copy: Path) -> tuple[dict[str, Any], Remote]:
    if not (copy / _ABOUT).exists():
        raise InputError(
            "The copy of what lies in the object storage was removed meanwhile. Do the same again."
        )
    about = read_json(copy / _ABOUT, InputError)
    return about, opened(str(about.get("address")))


def _check_version(about: dict[str, Any], remote: Remote) -> None:
    """Refuse what was copied later than the rest and may belong to another version."""
    now = remote.info(str(about.get("card")))
    if (now.size, now.mtime_ns) != (about.get("size"), about.get("changed")):
        raise InputError(
            f"`{shorten(remote.address)}` was replaced while it was in use. Open it again."
        )


def _listed(files: dict[str, FileInfo]) -> list[str]:
    return [f"{name} {one.size} {one.mtime_ns}" for name, one in files.items()]


def _nothing(remote: Remote, card: str, files: dict[str, FileInfo]) -> str:
    there = f"{len(files):,} files, but no `{card}`" if files else "nothing"
    return (
        f"There is {there} at `{shorten(remote.address)}`. Correct the address, or wait until what "
        "is being written there is done."
    )


def _folder() -> Path:
    return home() / "cache" / "copies"
