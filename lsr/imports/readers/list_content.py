"""A list of captions read by the reader that understands it, which its content says."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from lsr.exceptions import CollectionError
from lsr.imports.listing import Listing
from lsr.imports.readers.caption_tables import (
    decoded,
    is_caption_row,
    is_token_list,
    looks_like_json_lines,
    looks_like_table,
    read_json_lines,
    read_json_rows,
    read_mapping,
    read_table,
    read_tokens,
)
from lsr.imports.readers.coco import coco_listing
from lsr.imports.readers.karpathy import karpathy_listing
from lsr.imports.readers.list_files import is_mapping
from lsr.storage.untrusted import DamagedError, parse_json, parsed

_JSON_LINES = (".jsonl", ".ndjson")


def read_list(file: str, content: bytes, form: str | None = None) -> Listing:
    """The images and captions of a list, recognised by its content unless `form` says it.

    Raises:
        CollectionError: not of its format, with file and line.
    """
    if file.lower().endswith(".parquet"):
        return _read_parquet(file, content)
    text = decoded(file, content)
    if file.lower().endswith(_JSON_LINES) and not text.lstrip().startswith("["):
        return read_json_lines(file, text)
    is_json = file.lower().endswith(".json") or text.lstrip()[0] in "[{"
    if form in ("karpathy", "coco") or is_json:
        if form is None and "\n" in text.strip() and looks_like_json_lines(text):
            return read_json_lines(file, text)
        return _read_json(file, text, form)
    if is_token_list(text):
        return read_tokens(file, text)
    if form == "flickr" and not looks_like_table(text):
        return read_tokens(file, text)
    return read_table(file, text)


def _read_parquet(file: str, content: bytes) -> Listing:
    import pyarrow.parquet as pq

    try:
        with parsed():
            rows = pq.read_table(BytesIO(content)).to_pylist()
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"`{file}` is truncated or not a parquet file ({problem}). Restore the file."
        ) from None
    return read_json_rows(file, rows)


def _read_json(file: str, text: str, form: str | None) -> Listing:
    content: Any
    try:
        content = parse_json(text)
    except DamagedError as problem:
        raise CollectionError(
            f"`{file}` is not readable JSON ({problem}). Restore the file."
        ) from None
    if isinstance(content, list):
        return read_json_rows(file, content)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise CollectionError(f"`{file}` holds a {kind}. Give a list of images with captions.")
    if form == "karpathy" or (form is None and _has_sentences(content)):
        return karpathy_listing(file, content)
    if form == "coco" or "annotations" in content:
        return coco_listing(file, content)
    if form is None and is_caption_row(content):
        return read_json_rows(file, [content])
    if form is None and is_mapping(content):
        return read_mapping(file, content)
    raise CollectionError(
        f"`{file}` is no list of captions that is known: neither in Karpathy's format (`images` "
        "with `sentences`) nor one of COCO (`images` and `annotations` with `caption`). Give one "
        "of these, or a CSV with the columns `image` and `caption`."
    )


def _has_sentences(content: dict[str, Any]) -> bool:
    images = content.get("images")
    first = images[0] if isinstance(images, list) and images else None
    return isinstance(first, dict) and "sentences" in first
