"""What a source is that cannot be imported as it is, and what to do with it."""

from __future__ import annotations

import shlex
from pathlib import Path

from lsr.exceptions import InputError, shorten
from lsr.imports.readers.containers import user_path
from lsr.imports.readers.list_files import ARCHIVE_ENDINGS, LIST_ENDINGS
from lsr.imports.vectors.authors import DATA_FILES
from lsr.storage.pictures import PICTURE_ENDINGS, UNREAD_ENDINGS

# Files of a folder that are looked at for what they are.
_MOST = 10_000


def refuse_file(source: str) -> None:
    """Refuse a file that is no source, with what to do; folders and hub names pass.

    Raises:
        InputError: it is a file.
    """
    path = user_path(source)
    if "\0" in source or not path.is_file():
        return
    name, ending = shorten(path.name), path.suffix.lower()
    if ending in LIST_ENDINGS:
        raise InputError(
            f"`{name}` is a list of captions, not pictures. Give the folder of its pictures with "
            f"`--captions {shlex.quote(source)}`; or, with vectors of them, `--images FILE.npy "
            "--encoder NAME`."
        )
    if ending in PICTURE_ENDINGS or ending in UNREAD_ENDINGS:
        raise InputError(f"`{name}` is one picture. Give the folder that holds it.")
    if ending in ARCHIVE_ENDINGS:
        raise InputError(_compressed(path))


def what_lies_in(folder: Path, source: str, captions: str | None) -> str:
    """What to do with a folder that cannot be imported, from what lies in it; or nothing."""
    if not folder.is_dir():
        return ""
    files = [one for one in sorted(folder.iterdir())[:_MOST] if one.is_file()]
    archives = [one for one in files if one.suffix.lower() in ARCHIVE_ENDINGS]
    lists = [one for one in files if one.suffix.lower() in LIST_ENDINGS - {".txt"}]
    unread = [one for one in files if one.suffix.lower() in UNREAD_ENDINGS]
    tables = [
        one
        for one in files
        if one.suffix.lower() in (".parquet", ".arrow") and one.name not in DATA_FILES
    ]
    zips = [one for one in archives if one.suffix.lower() == ".zip"]
    if zips:
        given = captions or (f"{source.rstrip('/')}/{lists[0].name}" if lists else "")
        command = ["python", "-m", "lsr", "import", f"{source.rstrip('/')}/{zips[0].name}"]
        command += ["--name", "NAME", *(["--captions", given] if given else [])]
        said = f"It holds {_named(zips, 'archive')}, which is not opened in a folder"
        return f"{said}: run `{shlex.join(command)}`."
    if archives:
        return _compressed(archives[0])
    if unread:
        return (
            f"It holds {_named(unread, 'picture')} of a kind that is not read. Convert them to "
            "JPEG or PNG."
        )
    if tables:
        return _columns_of(tables[0])
    return ""


def _compressed(path: Path) -> str:
    name = shorten(path.name)
    if path.suffix.lower() in (".7z", ".rar"):
        return f"`{name}` is an archive that is not read. Unpack it, and give the folder."
    return (
        f"`{name}` is compressed, so its files cannot be found one by one. Unpack it and give the "
        f"folder, or decompress it, such as with `gunzip {shlex.quote(path.name)}`, and give the "
        ".tar."
    )


def _columns_of(path: Path) -> str:
    from lsr.imports.readers.arrow_files import table_schema

    schema = table_schema(path)
    columns = ", ".join(
        f"`{shorten(one.name, 30)}` of {shorten(str(one.type), 60)}" for one in schema
    )
    return (
        f"`{shorten(path.name)}` has the columns {columns}: none holds a picture in each row. "
        "Store the bytes of one in a column `image`, as `datasets` does."
    )


def _named(files: list[Path], noun: str) -> str:
    if len(files) == 1:
        return f"the {noun} `{shorten(files[0].name)}`"
    return f"{len(files):,} {noun}s, such as `{shorten(files[0].name)}`"
