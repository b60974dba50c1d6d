"""Captions listed row by row: CSV, TSV, JSONL, and the token files of Flickr8k and Flickr30k."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lsr.exceptions import CollectionError, shorten
from lsr.imports.imported import Skipped
from lsr.imports.listing import ListedCaption, ListedImage, Listing, split_of
from lsr.imports.readers.delimited import header_of, rows_below
from lsr.storage.texts import EncodingError, decode_text
from lsr.storage.untrusted import parse_json

# The sharper names first: a table may have several.
IMAGE_COLUMNS = (
    *("image", "image_name", "file_name", "filename", "file", "image_id", "path"),
    *("filepath", "file_path", "image_path", "img_path", "image_file", "img", "__key__", "key"),
)
CAPTION_COLUMNS = (
    *("caption", "captions", "text", "comment", "sentence", "sentences", "raw"),
    *("txt", "title", "description", "alt_text"),
)
# `name.jpg#0`, a tab, the caption. Flickr8k has names such as `2258277193_586949ec62.jpg.1`.
_TOKEN_LINE = re.compile(r"([^\t#]+)#(\d+)\t(.*)")


class _Row(NamedTuple):
    number: int
    image: str
    captions: tuple[ListedCaption, ...]
    split: str


def decoded(file: str, content: bytes) -> str:
    """The text of a list.

    Raises:
        CollectionError: in another encoding than UTF-8 or UTF-16 with a byte-order mark; or empty.
    """
    try:
        text = decode_text(content)
    except EncodingError as problem:
        raise CollectionError(f"`{file}` {problem}. Save the file as UTF-8 text.") from None
    if not text.strip():
        raise CollectionError(f"`{file}` is empty. Give a list with one caption a line.")
    return text


def is_token_list(text: str) -> bool:
    """Whether the first line is one of a Flickr token file."""
    return _TOKEN_LINE.fullmatch(text.lstrip().partition("\n")[0].rstrip()) is not None


def read_tokens(file: str, text: str) -> Listing:
    """Flickr8k's and Flickr30k's `name.jpg#0<TAB>caption`.

    Raises:
        CollectionError: no line is of that form.
    """
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if found := _TOKEN_LINE.fullmatch(line.rstrip()):
            name = found[1].strip()
            caption = ListedCaption(found[3].strip(), f"{name}#{found[2]}")
            rows.append(_Row(number, name, (caption,), ""))
        else:
            skipped.append(_bad(file, number, "It is not `name.jpg#0`, a tab and a caption."))
    return _listing("flickr", file, rows, skipped)


def looks_like_table(text: str) -> bool:
    """Whether the first line names a column of images and one of captions."""
    try:
        header = header_of(text).names
    except csv.Error:
        return False
    return _column(header, IMAGE_COLUMNS) is not None and bool(_caption_columns(header))


def looks_like_json_lines(text: str) -> bool:
    """Whether the first line is an object with an image and a caption."""
    try:
        first = parse_json(text.lstrip().partition("\n")[0])
        return bool(_object_row(1, first).image)
    except ValueError:
        return False


def read_table(file: str, text: str) -> Listing:
    """CSV, TSV or any other table with a line of column names.

    Columns: `image`, `caption`, and `split` where there is one; usual other names are known.
    A comma in a last column that is not quoted belongs to the caption.

    Raises:
        CollectionError: a column is missing, or a line cannot be read.
    """
    try:
        found = header_of(text)
    except csv.Error as problem:
        raise CollectionError(
            f"The first line of `{file}` cannot be read ({problem}). Write the names of its "
            "columns there."
        ) from None
    header, separator = found
    image, captions = _column(header, IMAGE_COLUMNS), _caption_columns(header)
    if image is None or not captions:
        missing = " and ".join(
            f"`{name}`"
            for name, there in (("image", image is not None), ("caption", bool(captions)))
            if not there
        )
        raise CollectionError(
            f"`{file}` has no column {missing}; its first line names "
            f"{', '.join(f'`{shorten(name)}`' for name in header)}. "
            "Name the columns `image` and `caption`."
        )
    split = _column(header, ("split",))
    for chosen in (image, *captions, *([] if split is None else [split])):
        if (n := header.count(header[chosen])) > 1:
            raise CollectionError(
                f"`{file}` has {n} columns `{shorten(header[chosen])}`. Rename one of them, so "
                "that it is clear which is meant."
            )
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    last_is_caption = captions == [len(header) - 1]
    for number, cells in rows_below(text, found):
        if len(cells) > len(header) and last_is_caption:
            rest = separator.join(cells[len(header) - 1 :])
            cells = [*cells[: len(header) - 1], rest]
        if len(cells) != len(header):
            why = f"It has {len(cells)} columns, the first line has {len(header)}."
            skipped.append(_bad(file, number, why))
        else:
            texts = tuple(ListedCaption(_squeezed(cells[column])) for column in captions)
            said = split_of(cells[split]) if split is not None else ""
            rows.append(_Row(number, cells[image].strip(), texts, said))
    return _listing("table", file, rows, skipped)


def read_json_lines(file: str, text: str) -> Listing:
    """One JSON object a line with `image` and `caption`; a caption may be a list of them.

    Raises:
        CollectionError: no line is of that form.
    """
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(_object_row(number, parse_json(line)))
        except ValueError as problem:
            skipped.append(_bad(file, number, f"It is no such object ({problem})."))
    return _listing("table", file, rows, skipped)


def read_json_rows(file: str, objects: list[Any]) -> Listing:
    """The same as a JSON list of objects.

    Raises:
        CollectionError: no object is of that form.
    """
    rows: list[_Row] = []
    skipped: list[Skipped] = []
    for number, one in enumerate(objects, 1):
        try:
            rows.append(_object_row(number, one))
        except ValueError as problem:
            skipped.append(_bad(file, number, f"It is no such object ({problem})."))
    return _listing("table", file, rows, skipped)


def captions_in(value: Any) -> tuple[ListedCaption, ...]:
    """The captions in a JSON or table value: a text, or a list of texts or of `raw` texts."""
    values = value if isinstance(value, list) else [value]
    texts = [one.get("raw") if isinstance(one, Mapping) else one for one in values]
    return tuple(ListedCaption(_squeezed(one)) for one in texts if isinstance(one, str))


def _object_row(number: int, one: Any) -> _Row:
    if not isinstance(one, dict):
        raise ValueError(f"a {type(one).__name__}")
    names = list(one)
    image, columns = _column(names, IMAGE_COLUMNS), _caption_columns(names)
    if image is None or not columns:
        raise ValueError("`image` or `caption` is missing")
    captions = tuple(c for column in columns for c in captions_in(one[names[column]]))
    split = one.get("split")
    name = str(one[names[image]]).strip()
    return _Row(number, name, captions, split_of(split) if isinstance(split, str) else "")


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    lowered = [name.lower() for name in names]
    return next((lowered.index(name) for name in wanted if name in lowered), None)


def _caption_columns(names: list[str]) -> list[int]:
    """The caption's column, or several ones numbered as `caption_0`."""
    numbered = [n for n, name in enumerate(names) if re.fullmatch(r"caption_?\d+", name.lower())]
    one = _column(names, CAPTION_COLUMNS)
    return numbered if one is None else [one]


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _bad(file: str, number: int, why: str) -> Skipped:
    return Skipped(f"line {number:,} of {file}", why)


def _listing(form: str, file: str, rows: list[_Row], skipped: list[Skipped]) -> Listing:
    """The rows grouped by image, in the order in which images first come."""
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        if not row.image:
            skipped.append(_bad(file, row.number, "It names no image."))
        else:
            grouped.setdefault(row.image, []).append(row)
    if not grouped:
        first = f" Its first problem is {skipped[0].file}: {skipped[0].why}" if skipped else ""
        raise CollectionError(
            f"`{file}` lists no caption that can be read.{first} Give a list with the columns "
            "`image` and `caption`."
        )
    images = []
    for name, group in grouped.items():
        said = [row.split for row in group if row.split]
        if len(set(said)) > 1:
            why = f"Its rows name the splits {', '.join(dict.fromkeys(said))}; the first one holds."
            skipped.append(_bad(file, group[0].number, why))
        captions = tuple(caption for row in group for caption in row.captions)
        split = said[0] if said else ""
        images.append(ListedImage(name, captions, split, row=f"line {group[0].number:,} of {file}"))
    return Listing(form, images, skipped=skipped)
