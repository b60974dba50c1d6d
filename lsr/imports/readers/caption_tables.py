"""Captions listed row by row: CSV, TSV, JSONL, and the token files of Flickr8k and Flickr30k."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
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

# Of JSON lines; a longer first line is a whole file.
_LONGEST_LINE = 2**20


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


def missing_columns(names: Sequence[str]) -> list[str]:
    """`image`, `caption` or both, where no name of a column stands for it."""
    there = {
        "image": _column(names, IMAGE_COLUMNS) is not None,
        "caption": bool(_caption_columns(names)) or "conversations" in names,
    }
    return [name for name, is_there in there.items() if not is_there]


def looks_like_table(text: str) -> bool:
    """Whether the first line names a column of images and one of captions."""
    try:
        return not missing_columns(header_of(text).names)
    except csv.Error:
        return False


def is_caption_row(one: Any) -> bool:
    """Whether an object names an image and a caption, which may be empty."""
    try:
        return bool(_object_row(1, one).image)
    except ValueError:
        return False


def looks_like_json_lines(text: str) -> bool:
    """Whether the first line is an object with an image and a caption."""
    first = text.lstrip().partition("\n")[0]
    try:
        return len(first) < _LONGEST_LINE and is_caption_row(parse_json(first))
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
        missing = missing_columns(header) or ["caption"]
        # A file that names neither may be anything: what it says is not shown.
        named = ", ".join(f"`{shorten(name)}`" for name in header) if len(missing) < 2 else ""
        raise CollectionError(
            f"`{file}` has no column {' and '.join(f'`{name}`' for name in missing)}"
            f"{f'; its first line names {named}' if named else ' in its first line'}. "
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


def read_mapping(file: str, content: Mapping[str, Any]) -> Listing:
    """A JSON object from names of pictures to a caption, a list of them, or an object with one.

    Raises:
        CollectionError: no entry is of that form.
    """
    objects = [
        {"image": name, **(value if isinstance(value, dict) else {"caption": value})}
        for name, value in content.items()
    ]
    return read_json_rows(file, objects)


def captions_in(value: Any) -> tuple[ListedCaption, ...]:
    """The captions in a JSON or table value: a text, or a list of texts or of objects with one."""
    values = value if isinstance(value, list) else [value]
    texts = [_text_in(one) if isinstance(one, Mapping) else one for one in values]
    return tuple(ListedCaption(_squeezed(one)) for one in texts if isinstance(one, str))


def _text_in(one: Mapping[str, Any]) -> Any:
    """What a caption says that is an object, as Karpathy's `raw`."""
    return next((one[key] for key in ("raw", *CAPTION_COLUMNS) if key in one), None)


def _object_row(number: int, one: Any) -> _Row:
    if not isinstance(one, dict):
        raise ValueError(f"a {type(one).__name__}")
    names = list(one)
    image, columns = _column(names, IMAGE_COLUMNS), _caption_columns(names)
    if image is None or not (columns or "conversations" in one):
        raise ValueError("`image` or `caption` is missing")
    captions = tuple(c for column in columns for c in captions_in(one[names[column]]))
    if not columns:
        captions = _answers(one["conversations"])
    split = one.get("split")
    name = str(one[names[image]]).strip()
    return _Row(number, name, captions, split_of(split) if isinstance(split, str) else "")


def _answers(turns: Any) -> tuple[ListedCaption, ...]:
    """What the model says of a picture in LLaVA's `conversations`."""
    said = [
        turn.get("value")
        for turn in (turns if isinstance(turns, list) else [])
        if isinstance(turn, Mapping) and turn.get("from") in ("gpt", "assistant")
    ]
    return captions_in(said)


def _column(names: Sequence[str], wanted: tuple[str, ...]) -> int | None:
    lowered = [name.lower() for name in names]
    return next((lowered.index(name) for name in wanted if name in lowered), None)


def _caption_columns(names: Sequence[str]) -> list[int]:
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
