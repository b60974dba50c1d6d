"""What lies in a folder, a zip or tar shards: names and places, nothing is unpacked.

A picture is only ever unpacked under a number of ours, so no name in an archive can lead anywhere.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import Place
from lsr.imports.readers.bounds import Look
from lsr.storage.files import is_inside
from lsr.storage.pictures import PICTURE_ENDINGS, UNREAD_ENDINGS
from lsr.storage.untrusted import DamagedError, parsed

# Photos and texts are packed to a fifth at best; a larger file that shrinks by more is a trap.
_MOST_TIMES = 100
_HARMLESS = 2**24
_UTF8 = 0x800
_UNSAFE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\0")


@dataclass(frozen=True)
class Container:
    """The files of a source by relative name, in the order of their names or of the archive.

    notes: what was decided about names, in sentences.
    """

    kind: Literal["folder", "zip", "webdataset"]
    label: str
    files: dict[str, Place] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def pictures(self) -> dict[str, Place]:
        """The files whose ending is that of a picture, in any case."""
        return {name: place for name, place in self.files.items() if is_picture(name)}

    def add(self, name: str, place: Place) -> None:
        r"""Take a file in, unless its name is hidden or cannot be stored.

        Windows writes names with `\` into archives: it stands between folders as `/` does.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        name = path.as_posix()
        if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
            return
        if (ending := path.suffix.lower()) in UNREAD_ENDINGS:
            self.refuse(
                name, f"Pictures that end in `{ending}` are not read. Convert it to JPEG or PNG."
            )
            return
        try:
            name.encode()
        except UnicodeEncodeError:
            shown = name.encode("utf-8", "replace").decode()
            self.skipped.append(Skipped(shown, "Its name is not UTF-8. Rename the file."))
            return
        if name in self.files:
            where = "an earlier file of that name is taken."
            self.skipped.append(Skipped(f"{place.path.name}: {name}", f"It comes twice; {where}"))
            return
        self.files[name] = place

    def refuse(self, name: str, why: str) -> None:
        """List a file that is not taken."""
        self.skipped.append(Skipped(shorten(name, 200), why))


def is_picture(name: str) -> bool:
    """Whether the ending is that of a picture."""
    return PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS


def user_path(text: str) -> Path:
    """A path as a user types it, `~` meaning their home."""
    path = Path(text)
    with suppress(RuntimeError):  # `~stranger`
        return path.expanduser()
    return path


def refuse_link(path: Path, root: Path) -> None:
    """Refuse a shard that is a link out of the folder it was found in, or in a circle.

    Raises:
        CollectionError: it is one.
    """
    if path.is_symlink() and not is_inside(path, root):
        raise CollectionError(
            f"`{shorten(path.name)}` is a link that leads out of `{shorten(root.name)}`. Put a "
            "copy in its place."
        )


def scan_folder(folder: Path, label: str) -> Container:
    """Every file below a folder, by name, without hidden ones.

    A link is followed to a file of the folder only: one that leads out of it could bring in any
    file that whoever imports may read.
    """
    found = Container("folder", label)
    for path, status in _walk(folder, folder, found, Look(label)):
        place = Place("file", path, status.st_size, status.st_mtime_ns)
        found.add(path.relative_to(folder).as_posix(), place)
    return found


def _walk(
    folder: Path, root: Path, found: Container, look: Look
) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        entries = sorted(look.over(os.scandir(folder)), key=lambda entry: entry.name)
    except OSError as problem:
        why = f"The folder cannot be read ({problem.strerror or problem})."
        if folder == root:
            raise CollectionError(f"`{found.label}`: {why} Check its rights.") from None
        found.refuse(folder.relative_to(root).as_posix(), why)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root, found, look)
        elif entry.is_symlink() and not (is_inside(path, root) and path.is_file()):
            found.refuse(
                path.relative_to(root).as_posix(),
                "It is a link that leads out of the folder, to a folder, or nowhere. Put a copy in "
                "its place.",
            )
        elif entry.is_file():
            yield path, entry.stat()


def scan_zip(path: Path, code_page: str = "") -> Container:
    """The members of a zip file; links, encrypted ones and ways out of it are refused.

    Args:
        code_page: of names that the zip does not mark as UTF-8 and that are none.

    Raises:
        CollectionError: it is damaged or no zip file.
    """
    found = Container("zip", path.name)
    stamp = path.stat().st_mtime_ns
    try:
        with parsed(), zipfile.ZipFile(path) as opened:
            members = [one for one in opened.infolist() if not one.is_dir()]
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{shorten(path.name)}` is truncated or not a zip file ({problem}). Copy it again."
        ) from None
    guessed = []
    for one in Look(path.name).over(members):
        name, is_sure = _member_name(one, code_page)
        if not is_sure:
            guessed.append(name)
        if _UNSAFE.search(name):
            found.refuse(name, "Its path leads out of the archive.")
        elif stat.S_ISLNK(one.external_attr >> 16):
            found.refuse(name, "It is a link, not a file.")
        elif one.flag_bits & 0x1:
            found.refuse(name, "It is encrypted.")
        elif one.file_size > max(_HARMLESS, _MOST_TIMES * one.compress_size):
            found.refuse(
                name,
                f"Its {one.compress_size / 2**20:,.1f} MB unpack to {one.file_size / 2**20:,.0f} "
                "MB, as only files do that are made to fill a memory. Unpack it yourself if you "
                "trust it.",
            )
        else:
            place = Place("zip", path, one.file_size, stamp, one.filename)
            found.add(name, place)
    if guessed:
        found.notes.append(
            f"{len(guessed):,} names in {path.name} are in a code page that it does not name, "
            f"such as `{shorten(guessed[0])}`. Say which with --code-page, such as cp932 or gbk."
        )
    return found


def _member_name(one: zipfile.ZipInfo, code_page: str) -> tuple[str, bool]:
    """(the name, whether its letters are known).

    Without the mark of UTF-8 it is in the code page of whoever packed it: macOS writes UTF-8 all
    the same, and Python reads the code page of the first PCs.
    """
    if one.flag_bits & _UTF8 or one.filename.isascii():
        return one.filename, True
    for encoding in ("utf-8", code_page or "ascii"):
        with suppress(UnicodeError):
            return one.filename.encode("cp437").decode(encoding), True
    return one.filename, False


def scan_tars(shards: Sequence[Path], label: str, code_page: str = "") -> Container:
    """The members of tar shards, shard by shard.

    A truncated shard gives what is whole in it and is listed.

    Args:
        code_page: of names that are not UTF-8.

    Raises:
        CollectionError: a shard is no plain tar file.
    """
    found = Container("webdataset", label)
    look = Look(label)
    for shard in shards:
        n_before = len(found.files)
        status = shard.stat()
        try:
            with tarfile.open(shard, "r:", encoding="utf-8") as opened:
                whole = _scan_tar(opened, shard, status, found, look, code_page)
        except (tarfile.TarError, OSError, ValueError, EOFError) as problem:
            if len(found.files) == n_before:
                raise CollectionError(
                    f"`{shorten(shard.name)}` is not a plain tar file ({problem}). Decompress "
                    "it, such as with `gunzip`, or copy it again."
                ) from None
            whole = False
        if not whole:
            why = f"It is truncated after {len(found.files) - n_before:,} whole files."
            found.refuse(shard.name, why)
    return found


def _scan_tar(
    opened: tarfile.TarFile,
    shard: Path,
    status: os.stat_result,
    found: Container,
    look: Look,
    code_page: str,
) -> bool:
    """Whether the last member is whole."""
    for one in look.over(iter(opened.next, None)):
        opened.members.clear()  # type: ignore[attr-defined]  # a million files stay small
        if one.isdir():
            continue
        if one.issym() or one.islnk():
            found.refuse(one.name, "It is a link, not a file.")
        elif not one.isreg() or one.issparse():
            found.refuse(one.name, "It is no ordinary file.")
        elif _UNSAFE.search(one.name):
            found.refuse(one.name, "Its path leads out of the archive.")
        elif one.offset_data + one.size > status.st_size:
            return False
        else:
            name = one.name
            if code_page and not name.isascii():
                with suppress(UnicodeError):  # UTF-8 has no letters that stand for wrong bytes
                    name = name.encode("ascii", "surrogateescape").decode(code_page)
            place = Place("tar", shard, one.size, status.st_mtime_ns, "", one.offset_data)
            found.add(name, place)
    return True
