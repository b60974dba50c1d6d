"""The card of a collection, `collection.json`: what it must say, and of which type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsr.exceptions import CollectionError
from lsr.storage.files import read_json

CARD = "collection.json"
SCHEMA = 1
UNIT = "unit_vectors"
"""Says that the vectors were checked when they were written: finite and of length 1."""
_TYPES: dict[str, type] = {
    "schema": int,
    "name": str,
    "title": str,
    "encoder": str,
    "dense_size": int,
    "counts": dict,
    "fingerprint": str,
    "caption_vector_splits": list,
}
_OPTIONAL: dict[str, type] = {
    "licence": str,
    "source": str,
    "imported": dict,
    "small_pictures": int,
    "parts": list,
}
_NOUNS = {int: "whole number", str: "string", dict: "object", list: "list"}


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the collection in a folder; what it must say is there and of its type.

    Raises:
        CollectionError: it is missing, damaged or of another schema.
    """
    path = folder / CARD
    card = read_json(path, CollectionError)
    if absent := sorted(_TYPES.keys() - card.keys()):
        raise CollectionError(f"`{path}` lacks {', '.join(absent)}. Restore the file.")
    for name, kind in {**_TYPES, **_OPTIONAL}.items():
        if card.get(name) is not None or name in _TYPES:
            _check(path, name, card[name], kind)
    if card["schema"] != SCHEMA:
        raise CollectionError(
            f"Collection `{folder.name}` has schema {card['schema']}, this version reads "
            f"schema {SCHEMA}. Build the collection again."
        )
    for name in ("images", "captions"):
        _check(path, f"counts.{name}", card["counts"].get(name), int)
    for split in card["caption_vector_splits"]:
        _check(path, "caption_vector_splits", split, str)
    return card


def _check(path: Path, name: str, value: object, kind: type) -> None:
    # JSON's true is an int of Python's.
    if not isinstance(value, kind) or isinstance(value, bool) or (kind is int and value < 0):  # type: ignore[operator]
        raise CollectionError(
            f"`{path}` is not a collection's card: `{name}` is no {_NOUNS[kind]}. Restore the file "
            "or remove the folder."
        )
