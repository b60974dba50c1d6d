"""JSON objects of unknown origin as what they should be: fields of known types, or a dataclass."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lsr.exceptions import shorten
from lsr.storage.untrusted import UnexpectedError

Record = TypeVar("Record")
# Whole numbers that fit an array; JSON has any.
_LARGEST = 2**63


def check_fields(content: Mapping[str, Any], needed: Mapping[str, Any], **optional: Any) -> None:
    """Refuse an object in which a field is missing or of another type.

    Args:
        needed, optional: types by name, as annotations write them: `int`, `list[str]`,
            `dict[str, float]`, `str | None`. What is optional may be missing.

    Raises:
        UnexpectedError: the message follows the name of the file.
    """
    for name, kind in {**needed, **optional}.items():
        if name not in content:
            if name in needed:
                raise UnexpectedError(f"lacks `{name}`")
        elif not fits(content[name], kind):
            shown = shorten(repr(content[name])[:200], 40)
            raise UnexpectedError(f"has {shown} as `{name}`, not {_called(kind)}")


def fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type; a whole number is a float too, a bool is no number."""
    if kind is Any:
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
    if is_dataclass(kind):
        return isinstance(value, dict)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin in (list, tuple):
        each = inner[0] if inner else Any
        right_size = origin is list or inner[1:] == (...,) or len(value) == len(inner)
        return isinstance(value, list | tuple) and right_size and all(fits(v, each) for v in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, inner[1]) for one in value.values())
    return isinstance(value, kind)


def record_of(kind: type[Record], content: Any) -> Record:
    """The dataclass whose fields a JSON object has; lists become tuples where tuples are meant.

    Raises:
        UnexpectedError: no object, or a field is missing, unknown or of another type; the message
            follows the name of the file.
    """
    if not isinstance(content, dict):
        raise UnexpectedError(f"holds a {type(content).__name__}, not an object")
    kinds = _hints(kind)  # type: ignore[arg-type]
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(content.keys() - known.keys()):
        raise UnexpectedError(f"has `{shorten(unknown[0])}`, which is not known")
    needed = {
        name: kinds[name]
        for name, one in known.items()
        if one.default is MISSING and one.default_factory is MISSING
    }
    check_fields(content, needed, **{name: kinds[name] for name in content})
    return kind(**{name: _made(value, kinds[name]) for name, value in content.items()})


def _made(value: Any, kind: Any) -> Any:
    """A value that fits, as the dataclass holds it."""
    inner = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for one in inner:
        if isinstance(value, list) and get_origin(one) is tuple:
            return tuple(value)
        if isinstance(value, dict) and is_dataclass(one):
            return record_of(one, value)  # type: ignore[arg-type]
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _called(kind: Any) -> str:
    """A type in a message."""
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
