"""What a file is that may list captions: found out from its content, under any name."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from lsr.exceptions import CollectionError, shorten
from lsr.imports.listing import Place
from lsr.imports.readers.caption_tables import (
    is_caption_row,
    is_token_list,
    looks_like_json_lines,
    missing_columns,
)
from lsr.imports.readers.contents import text_of
from lsr.imports.readers.delimited import header_of
from lsr.storage.pictures import PICTURE_ENDINGS
from lsr.storage.texts import EncodingError, decode_head, decode_text
from lsr.storage.untrusted import DamagedError, parse_json, parsed

ListKind = Literal["karpathy", "coco", "flickr", "table"]
LIST_ENDINGS = frozenset(
    (".csv", ".tsv", ".txt", ".token", ".json", ".jsonl", ".ndjson", ".parquet")
)
_SAVE_AS_CSV = "Save it as CSV with the columns `image` and `caption`."
UNREAD_LISTS = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), f"It is a spreadsheet. {_SAVE_AS_CSV}"),
    **dict.fromkeys(
        (".pkl", ".pickle"),
        f"It holds Python objects, which can run code when they are read. {_SAVE_AS_CSV}",
    ),
    **dict.fromkeys((".arrow", ".feather"), f"It is an Arrow table. {_SAVE_AS_CSV}"),
    ".xml": f"It is XML. {_SAVE_AS_CSV}",
}
ARCHIVE_ENDINGS = (
    *(".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"),
)
_HEAD = 2**16
# A larger list of JSON under an unusual name is not searched for what it is.
_MOST_JSON = 2**28
_PICTURE_NAME = re.compile("(?:" + "|".join(map(re.escape, PICTURE_ENDINGS)) + r")\b", re.I)
_KEYS = 8


class ListFile(NamedTuple):
    """A file that lists captions, or looks as if it did.

    kind: None where it cannot be read, and then why, with the remedy.
    """

    name: str
    place: Place
    kind: ListKind | None
    why: str = ""


def probe(name: str, place: Place, *, is_expected: bool = False) -> ListFile | None:
    """What a file is, from its first bytes; None for one that is no list at all.

    Args:
        is_expected: its name says that it is a list of captions, so it is never None.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending in UNREAD_LISTS:
        return ListFile(name, place, None, UNREAD_LISTS[ending])
    if ending not in LIST_ENDINGS:
        return None
    try:
        if ending == ".parquet":
            kind, why = _parquet(text_of(place, name))
        else:
            head = decode_head(text_of(place._replace(size=min(place.size, _HEAD)), name))
            plain = ending == ".txt" and not is_expected
            if plain and not _lists_pictures(head):
                return None
            kind, why = _text(name, place, head)
    except (EncodingError, CollectionError, DamagedError) as problem:
        if ending == ".txt" and not is_expected:
            return None
        kind, why = None, _as_sentence(problem)
    return ListFile(name, place, kind, why)


def _as_sentence(problem: Exception) -> str:
    if isinstance(problem, EncodingError):
        return f"It {problem}. Save it as UTF-8 text."
    return str(problem) if isinstance(problem, CollectionError) else f"It is damaged ({problem})."


def _lists_pictures(head: str) -> bool:
    """Whether a text file may be a list: notes and licences lie beside pictures too."""
    first = head.lstrip().partition("\n")[0]
    if head.lstrip()[:1] in ("[", "{") or is_token_list(head):
        return True
    # A file of names alone says which images belong to a split.
    named = _PICTURE_NAME.search(first)
    return not missing_columns(_names(head)) or (named is not None and named.end() < len(first))


def _names(head: str) -> list[str]:
    try:
        return header_of(head).names
    except csv.Error:
        return []


def _text(name: str, place: Place, head: str) -> tuple[ListKind | None, str]:
    if not head.strip():
        return None, "It is empty. Give a list with one caption a line."
    if head.lstrip()[0] in "[{":
        return _json(name, place, head)
    if is_token_list(head):
        return "flickr", ""
    names = _names(head)
    if not (missing := missing_columns(names)):
        return "table", ""
    if len(missing) == 2:
        # What else it says stays in it: it may be anything.
        return None, (
            "Its first line names no column `image` and `caption`. Write such a line above the "
            "others."
        )
    return None, f"{_said(names, 'columns')}. Name one of them `{missing[0]}`."


def _json(name: str, place: Place, head: str) -> tuple[ListKind | None, str]:
    if looks_like_json_lines(head):
        return "table", ""
    if place.size > _MOST_JSON:
        return None, (
            f"It has {place.size / 2**20:,.0f} MB, so it was not searched for captions. Name it "
            "after --captions if it lists them."
        )
    text = decode_text(text_of(place, name))
    if head.lstrip()[0] == "[":
        return _rows(_first_of(text))
    has = [f'"{key}"' in text for key in ("images", "sentences", "annotations", "caption")]
    if has[0] and has[1]:
        return "karpathy", ""
    if has[0] and has[2] and has[3]:
        return "coco", ""
    if is_mapping(_first_of(text)):
        return "table", ""
    return None, (
        "It is no list of captions that is known: neither Karpathy's, nor COCO's, nor a list of "
        "objects with `image` and `caption`. Save it as one, or as CSV."
    )


def _rows(first: Any) -> tuple[ListKind | None, str]:
    if not isinstance(first, dict):
        return None, f"It is a list of {type(first).__name__}, not of objects. {_SAVE_AS_CSV}"
    if is_caption_row(first):
        return "table", ""
    missing = missing_columns(list(first))
    if len(missing) == 2:
        return None, "Its objects have no `image` and `caption`. Name them so, or give a CSV."
    return None, f"{_said(list(first), 'keys')}. Its objects need `{(*missing, 'caption')[0]}`."


def _first_of(text: str) -> Any:
    """The first value of a list; of an object all of it, where it is small, else its first pair.

    Raises:
        DamagedError: it is not JSON.
    """
    start = text.index(text.lstrip()[0])
    if text[start] == "{" and len(text) > _HEAD:
        pair = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")\s*:\s*').match(text, start)
        if pair is None:
            raise DamagedError("not JSON")
        with parsed():
            return {json.loads(pair[1]): json.JSONDecoder().raw_decode(text, pair.end())[0]}
    if text[start] == "{":
        return parse_json(text)
    at = re.compile(r"\s*").match(text, start + 1).end()  # type: ignore[union-attr]
    if text[at : at + 1] == "]":
        return None
    with parsed():
        return json.JSONDecoder().raw_decode(text, at)[0]


def is_mapping(content: Any) -> bool:
    """Whether a JSON object goes from names of pictures to captions."""
    if not isinstance(content, dict) or not content:
        return False
    name, value = next(iter(content.items()))
    if isinstance(value, dict):
        return is_caption_row({"image": name, **value})
    texts = value if isinstance(value, list) else [value]
    named = PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS
    return named and bool(texts) and all(isinstance(one, str) for one in texts)


def _parquet(content: bytes) -> tuple[ListKind | None, str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with parsed():
        schema = pq.read_schema(BytesIO(content))
    if any(pa.types.is_struct(one.type) or pa.types.is_binary(one.type) for one in schema):
        return None, (
            "It holds pictures itself. Import it with `--format huggingface`, from a folder of "
            "such files."
        )
    if not (missing := missing_columns(schema.names)):
        return "table", ""
    if len(missing) == 2:
        return None, "It has no columns `image` and `caption`. Name them so."
    return None, f"{_said(schema.names, 'columns')}. Name one of them `{missing[0]}`."


def _said(names: Sequence[object], noun: str) -> str:
    shown = ", ".join(f"`{shorten(str(name), 30)}`" for name in list(names)[:_KEYS])
    more = f" and {len(names) - _KEYS:,} more" if len(names) > _KEYS else ""
    return f"Its {noun} are {shown}{more}" if names else f"It has no {noun}"
