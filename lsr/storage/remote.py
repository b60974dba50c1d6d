"""Folders and files in an object storage: copied here to be read, and written there from here.

Addresses are `s3://bucket/folder` and `gs://bucket/folder`. Account and server come from the
environment, as every tool of these storages reads them: `$AWS_ACCESS_KEY_ID`,
`$AWS_SECRET_ACCESS_KEY`, and `$AWS_ENDPOINT_URL` for a server that is compatible with S3;
`$GOOGLE_APPLICATION_CREDENTIALS`, and `$CLOUD_STORAGE_EMULATOR_ENDPOINT` for another server.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lsr.exceptions import InputError, QueryError, shorten
from lsr.storage.files import fingerprint
from lsr.storage.leftovers import is_leftover, temporary_file
from lsr.storage.places import home
from lsr.storage.room import check_room, is_no_room, told_when_full

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

SCHEMES = ("s3://", "gs://")
_SENDING = ".lexiscope-sending"
"""An object that is there while a folder is being written, so that a stopped one can go on."""
# Objects that are on their way at once: what takes time is each one's answer, not its bytes.
_AT_ONCE, _BLOCK = 16, 1_024
# What the client of each is asked for: a small file is sent in one request, not in three; where no
# server answers, this is told after seconds, not after a quarter of an hour.
_OPTIONS = {"s3": "allow_delayed_open=true", "gs": "retry_limit_seconds=10"}
_ACCOUNT = {
    "s3": "`$AWS_ACCESS_KEY_ID` and `$AWS_SECRET_ACCESS_KEY`",
    "gs": "`$GOOGLE_APPLICATION_CREDENTIALS`",
}
_SERVER = {
    "s3": "`$AWS_ENDPOINT_URL` names a server other than Amazon's",
    "gs": "`$CLOUD_STORAGE_EMULATOR_ENDPOINT` names a server other than Google's",
}
# What storages call their refusals, and what a user does about them.
_REMEDIES = {
    "NO_SUCH_BUCKET|NOT_FOUND": "there is no such bucket. Make it first, or correct the address",
    "access token": "there is no account. Set {account}, or write {scheme}://anonymous@… for what "
    "everybody may read",
    "NETWORK_CONNECTION|curlCode|[Tt]imed? ?out|UNAVAILABLE": "no server answers, or the "
    "connection was lost. Check the network, then do the same again; {server}",
    "ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|CLIENT_TOKEN|[Cc]redential|[Pp]ermission": "the "
    "account may not do that. Set {account}, or get the right",
}


def is_remote(place: object) -> bool:
    """Whether a place is an address of an object storage."""
    return isinstance(place, str) and place.startswith(SCHEMES)


@dataclass(frozen=True)
class Remote:
    """A folder or file in an object storage.

    root: bucket and path, as `there` takes them.
    """

    address: str
    there: FileSystem
    root: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.root).name

    def files(self, without: str = "") -> dict[str, FileInfo]:
        """The objects below a folder by their paths in it, ascending; a file has the path "".

        Args:
            without: a folder on the first level that is not looked into.

        Raises:
            InputError: the storage cannot be read, or an object has a name that no file may have.
        """
        from pyarrow.fs import FileType

        with told(self.address, "read"):
            if (alone := self.there.get_file_info(self.root)).type == FileType.File:
                return {"": alone}
            below = self._below(self.root, recursive=not without)
            for one in [one for one in below if without and one.type == FileType.Directory]:
                if one.base_name != without:
                    below += self._below(one.path, recursive=True)
        found = {_inside(one.path, self.root): one for one in below if one.type == FileType.File}
        return dict(sorted(found.items()))

    def _below(self, path: str, *, recursive: bool) -> list[FileInfo]:
        from pyarrow.fs import FileSelector

        selector = FileSelector(path, allow_not_found=True, recursive=recursive)
        return list(self.there.get_file_info(selector))

    def info(self, name: str) -> FileInfo:
        """What is known of one object; its type is `FileType.NotFound` where it is not there."""
        with told(self.address, "read"):
            return self.there.get_file_info(f"{self.root}/{name}")

    def read(self, name: str) -> bytes:
        """The content of a small object."""
        with told(self.address, "read"), self.there.open_input_stream(f"{self.root}/{name}") as one:
            return bytes(one.read())

    def fetch(self, wanted: Mapping[str, Path]) -> None:
        """Copy objects into files, several at once, each whole or not at all.

        Args:
            wanted: the file for each path below the folder.

        Raises:
            InputError: the storage cannot be read. DiskFullError: there is no room.
        """

        def copied(name: str, place: Path) -> None:
            part = temporary_file(place)
            path = f"{self.root}/{name}" if name else self.root
            try:
                with (
                    told(self.address, "read"),
                    self.there.open_input_stream(path) as source,
                    part.open("wb") as written,
                ):
                    shutil.copyfileobj(source, written, 2**20)
                part.replace(place)
            finally:
                part.unlink(missing_ok=True)

        for folder in {place.parent for place in wanted.values()}:
            folder.mkdir(parents=True, exist_ok=True)
        _at_once(copied, wanted.items())

    def send(self, folder: Path, card: str) -> tuple[int, int]:
        """Write the files of a folder there, in the place of what was there.

        Each is whole or not at all, the card comes last: who finds it finds all. While it is
        written there is no card. Where it is stopped, the same call goes on.

        Args:
            card: name of the file that says what a folder holds.

        Returns:
            How many files were written, and their bytes.

        Raises:
            QueryError: something else is at the address.
            InputError: the storage cannot be written to.
        """
        before = set(self.check_free(card))
        files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not is_leftover(path.name)
        }

        def sent(name: str) -> None:
            with (
                told(self.address, "written to"),
                files[name].open("rb") as source,
                self.there.open_output_stream(f"{self.root}/{name}") as out,
            ):
                shutil.copyfileobj(source, out, 2**20)

        with told(self.address, "written to"):
            with self.there.open_output_stream(f"{self.root}/{_SENDING}") as mark:
                mark.write(b"")
            if card in before:
                self.there.delete_file(f"{self.root}/{card}")
            _at_once(sent, ((name,) for name in files if name != card))
            for old in sorted(before - {*files, card, _SENDING}):
                self.there.delete_file(f"{self.root}/{old}")
            sent(card)
            self.there.delete_file(f"{self.root}/{_SENDING}")
        return len(files), sum(path.stat().st_size for path in files.values())

    def check_free(self, card: str) -> dict[str, FileInfo]:
        """Refuse an address with something else; the files of an earlier version.

        Raises:
            QueryError: there are files at the address, and no such card.
        """
        before = self.files()
        if before and not {card, _SENDING} & before.keys():
            raise QueryError(
                f"At `{shorten(self.address)}` is something else already. Give a folder of its own."
            )
        return before


def opened(address: str) -> Remote:
    """What an address leads to; nothing is asked yet.

    Raises:
        InputError: it names no bucket, or an account.
    """
    from pyarrow.fs import FileSystem

    account, scheme = re.match(r"\w+://([^/@]+)@", address), _scheme(address)
    if account and account[1] != "anonymous":
        raise InputError(
            "An account has no place in an address, where others may read it. Set "
            f"{_ACCOUNT[scheme]}, and leave it out."
        )
    with told(address, "read"):
        there, root = FileSystem.from_uri(_with_option(address, _OPTIONS[scheme]))
    if not (root := root.strip("/")):
        raise InputError(f"`{shorten(address)}` names no bucket. Write `s3://bucket/folder`.")
    return Remote(address.rstrip("/"), there, root)


def copied_here(address: str) -> Path:
    """A copy of a folder or file, under `$LEXISCOPE_HOME/cache/remote`.

    What an earlier call has copied, and has not changed since, is not copied again.

    Raises:
        InputError: the storage cannot be read, or there is nothing at the address.
        DiskFullError: there is no room.
    """
    remote = opened(address)
    if not (files := remote.files()):
        raise InputError(f"There is nothing at `{shorten(address)}`. Correct the address.")
    into = _copy(address)
    target = into / remote.name
    places = {name: target / name for name in files}
    missing = {name: place for name, place in places.items() if not _same(files[name], place)}
    with told_when_full(into):
        into.mkdir(parents=True, exist_ok=True)
        check_room(sum(files[name].size for name in missing), into)
        remote.fetch(missing)
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

    Where something goes wrong before, nothing is written.

    Args:
        card: name of the file that says what a folder holds. Only a folder with one is replaced.

    Raises:
        QueryError: something else is at the address.
        InputError: the storage cannot be written to.
    """
    if not is_remote(place):
        yield Path(place).expanduser()
        return
    remote = opened(place)
    remote.check_free(card)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / remote.name
        yield folder
        remote.send(folder, card)


def _at_once(work: Callable[..., None], each: Iterable[tuple[Any, ...]]) -> None:
    """Call `work` with the arguments of each, several at once; the first error ends it."""
    calls = list(each)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="storage") as pool:
        for start in range(0, len(calls), _BLOCK):  # not a million futures
            for _ in pool.map(lambda one: work(*one), calls[start : start + _BLOCK]):
                pass


def _inside(path: str, root: str) -> str:
    """The path of an object below a root; its name may try to lead out of it.

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
def told(address: str, what: str) -> Iterator[None]:
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
        said, scheme = str(problem), _scheme(address)
        for form, remedy in _REMEDIES.items():
            if re.search(form, said):
                remedy = remedy.format(
                    scheme=scheme, account=_ACCOUNT[scheme], server=_SERVER[scheme]
                )
                raise InputError(f"`{shorten(address)}` cannot be {what}: {remedy}.") from None
        raise InputError(
            f"`{shorten(address)}` cannot be {what}: {shorten(said, 200)}. Check the address and "
            f"the account; {_SERVER[scheme]}."
        ) from None


def _scheme(address: str) -> str:
    return address.partition("://")[0]


def _with_option(address: str, option: str) -> str:
    """An address with one more option for its client, unless it has that one already."""
    if option.partition("=")[0] in address.partition("?")[2]:
        return address
    return f"{address}{'&' if '?' in address else '?'}{option}"
