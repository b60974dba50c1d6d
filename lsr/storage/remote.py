"""Folders and files in an object storage: copied here to be read, and written there from here.

Addresses are `s3://bucket/folder` and `gs://bucket/folder`. Account and server come from the
environment, as every tool of these storages reads them: `$AWS_ACCESS_KEY_ID`,
`$AWS_SECRET_ACCESS_KEY`, and `$AWS_ENDPOINT_URL` for a server that is compatible with S3.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lsr.exceptions import InputError, QueryError, shorten
from lsr.storage.files import fingerprint
from lsr.storage.places import home
from lsr.storage.room import check_room, is_no_room, told_when_full

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

SCHEMES = ("s3://", "gs://")


def is_remote(place: str | None) -> bool:
    """Whether a place is an address of an object storage."""
    return bool(place) and str(place).startswith(SCHEMES)


def copied_here(address: str) -> Path:
    """A copy of a folder or file, under `$LEXISCOPE_HOME/cache/remote`.

    What an earlier call has copied, and has not changed since, is not copied again.

    Raises:
        InputError: the storage cannot be read, or there is nothing at the address.
        DiskFullError: there is no room.
    """
    with _told(address, "read"):
        there, root = _opened(address)
        files = _files(there, root)
    if not files:
        raise InputError(f"There is nothing at `{shorten(address)}`. Correct the address.")
    into = _copy(address)
    alone = [one.path for one in files] == [root]
    target = into / PurePosixPath(root).name
    places = {one.path: target if alone else target / _below(one.path, root) for one in files}
    missing = [one for one in files if not _same(one, places[one.path])]
    with told_when_full(into):
        into.mkdir(parents=True, exist_ok=True)
        check_room(sum(one.size for one in missing), into)
        for one in missing:
            place = places[one.path]
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(f".{place.name}.part")
            with (
                _told(address, "read"),
                there.open_input_stream(one.path) as source,
                part.open("wb") as written,
            ):
                shutil.copyfileobj(source, written, 2**20)
            part.replace(place)
    for old in [path for path in into.rglob("*") if path.is_file()]:
        if old not in places.values():  # it is no longer there
            old.unlink()
    return target


def forget_copy(address: str) -> None:
    """Remove what `copied_here` made."""
    shutil.rmtree(_copy(address), ignore_errors=True)


@contextmanager
def written_there(place: str, card: str) -> Iterator[Path]:
    """A folder to write into: that of a place here, or one that goes to an address at the end.

    Files are written there one by one, each whole or not at all, the card last: who finds it finds
    all. Where something goes wrong before, nothing is written.

    Args:
        card: name of the file that says what a folder holds. Only a folder with one is replaced.

    Raises:
        QueryError: something else is at the address.
        InputError: the storage cannot be written to.
    """
    if not is_remote(place):
        yield Path(place).expanduser()
        return
    with _told(place, "written to"):
        there, root = _opened(place)
        before = {_below(one.path, root) for one in _files(there, root)}
    if before and card not in before:
        raise QueryError(
            f"At `{shorten(place)}` is something else already. Give a folder of its own."
        )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / (PurePosixPath(root).name or "folder")
        yield folder
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        files.sort(key=lambda path: path.name == card)
        with _told(place, "written to"):
            if card in before:
                there.delete_file(f"{root}/{card}")
            for file in files:
                name = file.relative_to(folder).as_posix()
                with file.open("rb") as source, there.open_output_stream(f"{root}/{name}") as out:
                    shutil.copyfileobj(source, out, 2**20)
                before.discard(name)
            for old in sorted(before - {card}):
                there.delete_file(f"{root}/{old}")


def _opened(address: str) -> tuple[FileSystem, str]:
    """The storage of an address, and the path in it.

    Raises:
        InputError: it names no bucket.
    """
    from pyarrow.fs import FileSystem

    there, root = FileSystem.from_uri(address)
    if not (root := root.strip("/")):
        raise InputError(f"`{shorten(address)}` names no bucket. Write `s3://bucket/folder`.")
    return there, root


def _files(there: FileSystem, root: str) -> list[FileInfo]:
    """The files at or below a path, by their names; none where there is nothing."""
    from pyarrow.fs import FileSelector, FileType

    info = there.get_file_info(root)
    if info.type == FileType.File:
        return [info]
    found = there.get_file_info(FileSelector(root, allow_not_found=True, recursive=True))
    return sorted((one for one in found if one.type == FileType.File), key=lambda one: one.path)


def _below(path: str, root: str) -> str:
    """The path of a file below a root; an object's name may try to lead out of it.

    Raises:
        InputError: it does.
    """
    name = path.removeprefix(root).lstrip("/")
    if ".." in PurePosixPath(name).parts or "\\" in name:
        raise InputError(f"The object `{shorten(path)}` has a name that no file may have.")
    return name


def _same(one: FileInfo, place: Path) -> bool:
    """Whether a copy is there that is not older."""
    if not place.is_file() or place.stat().st_size != one.size:
        return False
    return one.mtime_ns is None or place.stat().st_mtime_ns >= one.mtime_ns


def _copy(address: str) -> Path:
    return home() / "cache" / "remote" / fingerprint(address.rstrip("/"))


@contextmanager
def _told(address: str, what: str) -> Iterator[None]:
    """Turn whatever a storage raises into one sentence.

    Raises:
        InputError: instead.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as problem:
        if is_no_room(problem):
            raise
        raise InputError(
            f"`{shorten(address)}` cannot be {what}: {shorten(str(problem), 200)}. Check the "
            "address and the account; `$AWS_ENDPOINT_URL` names a server other than Amazon's."
        ) from None
