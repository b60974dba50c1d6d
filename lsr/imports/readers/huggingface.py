"""Images and captions of Hugging Face `datasets`: parquet or Arrow shards with an image column.

A folder of shards needs no package; a name on the hub is fetched by `datasets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lsr.exceptions import CollectionError, InputError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedImage, Listing, Place, split_of
from lsr.imports.readers.arrow_files import column_batches, table_schema
from lsr.imports.readers.bounds import Look
from lsr.imports.readers.caption_tables import CAPTION_COLUMNS, captions_in
from lsr.imports.readers.coco import split_in_name
from lsr.imports.readers.containers import refuse_link
from lsr.imports.readers.contents import batch_bytes

ENDINGS = (".parquet", ".arrow")
_BINARY = ("image", "img", "jpg", "jpeg", "png", "webp", "picture")
_NAMES = ("filename", "file_name", "image_name")


def shards_in(folder: Path) -> list[tuple[Path, str]]:
    """(shards with an image column below a folder, the split that folder or file names say).

    Raises:
        CollectionError: a shard is damaged, or a link out of the folder.
    """
    shards = []
    found = sorted(Look(folder.name).over(folder.rglob("*")))
    for path in Look(folder.name).over(found):  # each is opened, which takes its time
        parts = path.relative_to(folder).parts
        if path.suffix not in ENDINGS or any(part.startswith(".") for part in parts):
            continue
        refuse_link(path, folder)
        if path.is_file() and image_column(table_schema(path)) is not None:
            # The file's own name first, then the folders from the inside out.
            said = next(filter(None, map(split_in_name, reversed(parts))), "")
            shards.append((path, said))
    return shards


def fetch_shards(name: str) -> tuple[list[tuple[Path, str]], list[Path]]:
    """The Arrow files of a data set on the hub, fetched by the package `datasets`; its own folders.

    Raises:
        InputError: the package is not installed, or the hub or the data set cannot be reached.
    """
    try:
        import datasets  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise InputError(
            f"Reading the data set `{name}` of the hub needs a package. Run `python -m pip install "
            "datasets`, or download its parquet files and give their folder."
        ) from None
    try:
        fetched = datasets.load_dataset(name)
    except Exception as problem:  # noqa: BLE001  a builder of any format may raise anything
        reason = str(problem).strip() or type(problem).__name__
        raise InputError(
            f"The data set `{name}` could not be fetched from the hub ({shorten(reason, 160)}). "
            "Check the name and the network, or download its files and give their folder."
        ) from None
    shards = [
        (Path(file["filename"]), split_of(split))
        for split, part in fetched.items()
        for file in part.cache_files
    ]
    places = datasets.config.HF_DATASETS_CACHE, datasets.config.HF_CACHE_HOME
    return shards, [Path(place) for place in places]


def image_column(schema: pa.Schema) -> str | None:
    """The first column of pictures: a struct with `bytes`, or bytes with a picture's name."""
    for one in schema:
        if pa.types.is_struct(one.type):
            if one.type.get_field_index("bytes") >= 0:
                return str(one.name)
        elif one.name.lower() in _BINARY and (
            pa.types.is_binary(one.type) or pa.types.is_large_binary(one.type)
        ):
            return str(one.name)
    return None


def read_shards(
    shards: Sequence[tuple[Path, str]], label: str, roots: Sequence[Path] = ()
) -> Listing:
    """The rows of all shards, in order.

    Args:
        roots: the only folders from which a picture is taken that a row names by its path.

    Raises:
        CollectionError: a shard is damaged or has no image column.
    """
    images: list[ListedImage] = []
    skipped: list[Skipped] = []
    for path, split in shards:
        schema = table_schema(path)
        column = image_column(schema)
        if column is None:
            raise CollectionError(
                f"`{path.name}` has no column of pictures; its columns are "
                f"{', '.join(schema.names)}. Give shards with an `image` column."
            )
        _read_shard(path, schema, column, split, roots, images, skipped)
    if not images:
        first = f" The first row: {skipped[0].why}" if skipped else ""
        raise CollectionError(
            f"`{label}` holds 0 rows with a picture.{first} Give a data set with its pictures."
        )
    return Listing("huggingface", images, skipped=skipped)


def _read_shard(
    path: Path,
    schema: pa.Schema,
    column: str,
    split: str,
    roots: Sequence[Path],
    images: list[ListedImage],
    skipped: list[Skipped],
) -> None:
    captions = _caption_columns(schema.names)
    others = [name for name in ("split", *_NAMES) if name in schema.names]
    stamp = path.stat().st_mtime_ns
    row = 0
    for batch in column_batches(path, [column, *captions, *others]):
        pictures = batch.column(column)
        sizes = pc.binary_length(batch_bytes(pictures)).to_pylist()
        paths = _paths(pictures)
        fields = batch.select([*captions, *others]).to_pylist()
        for size, inner, said in zip(sizes, paths, fields, strict=True):
            place = _file_in(inner, roots)
            if size:
                place = Place("table", path, size, stamp, column, row)
            where = f"row {row:,} of {path.name}"
            if place is not None:
                images.append(_image(said, captions, inner, split, place, len(images), where))
            else:
                why = "It holds no bytes of a picture"
                why += f", only the path `{shorten(inner)}`." if inner else "."
                skipped.append(Skipped(where, why))
            row += 1


def _image(
    said: dict[str, Any],
    captions: Sequence[str],
    inner: str,
    split: str,
    place: Place,
    number: int,
    where: str,
) -> ListedImage:
    name = next((str(said[key]) for key in _NAMES if said.get(key)), inner)
    texts = tuple(c for column in captions for c in captions_in(said[column]) if c.text)
    own = said.get("split")
    return ListedImage(
        PurePosixPath(name).name if name else f"{split or 'image'}-{number:06d}",
        tuple(dict.fromkeys(texts)),
        split_of(own) if isinstance(own, str) and own else split,
        place=place,
        row=where,
    )


def _file_in(inner: str, roots: Sequence[Path]) -> Place | None:
    """The file that a row names, where it lies below one of the roots."""
    if not inner or "\0" in inner:
        return None
    for root in roots:
        file = (root / inner).resolve()
        if file.is_relative_to(root.resolve()) and file.is_file():
            status = file.stat()
            return Place("file", file, status.st_size, status.st_mtime_ns)
    return None


def _paths(pictures: pa.Array) -> Iterable[str]:
    if pa.types.is_struct(pictures.type) and pictures.type.get_field_index("path") >= 0:
        return (path or "" for path in pc.struct_field(pictures, "path").to_pylist())
    return [""] * len(pictures)


def _caption_columns(names: Sequence[str]) -> list[str]:
    lowered = {name.lower(): name for name in names}
    for wanted in CAPTION_COLUMNS:
        if wanted in lowered:
            return [lowered[wanted]]
    return [name for name in names if re.fullmatch(r"(caption|sentence)s?_?\d+", name.lower())]
