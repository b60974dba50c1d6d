"""Fields of a JSON object that others wrote, with the types that a list of captions gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def id_in(row: Any, key: str) -> str:
    """A text or whole number, as text.

    Raises:
        TypeError, KeyError: something else, or nothing; the message names the key.
    """
    value = _mapping(row)[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"`{key}` is a {type(value).__name__}")
    return str(value)


def text_in(row: Any, key: str) -> str:
    """A text; numbers are written out.

    Raises:
        TypeError, KeyError: something else, or nothing; the message names the key.
    """
    value = _mapping(row)[key]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(f"`{key}` is a {type(value).__name__}")
    return str(value)


def list_in(row: Any, key: str) -> list[Any]:
    """A list.

    Raises:
        TypeError, KeyError: something else, or nothing; the message names the key.
    """
    value = _mapping(row)[key]
    if not isinstance(value, list):
        raise TypeError(f"`{key}` is a {type(value).__name__}")
    return value


def _mapping(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise TypeError(f"it is a {type(row).__name__}, not an object")
    return row
