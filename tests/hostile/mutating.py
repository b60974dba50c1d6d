"""Files changed at random, byte by byte or in their structure, the same for the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePath
from random import Random
from typing import Any

from tests.hostile import formats

Mutate = Callable[[bytes, Random], bytes]
MOST_BYTES = 2**22


def mutated(name: str, content: bytes, rng: Random) -> bytes:
    """The content of a file with one to three changes.

    Args:
        name: its ending says which structure it has.
    """
    structural = _STRUCTURAL.get(PurePath(name).suffix.lower())
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if structural is not None and (structural is _address or rng.random() < 0.6):
            try:
                content = structural(content, rng)
                continue
            except Exception:  # noqa: BLE001  # an earlier change broke the structure
                if structural is _address:
                    continue
        content = rng.choice(_BYTEWISE)(content, rng)
    return content[:MOST_BYTES]


def _flip(content: bytes, rng: Random) -> bytes:
    """Some bits turned over."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[_place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, rng: Random) -> bytes:
    """A few bytes replaced by ones that readers take for lengths, signs and ends."""
    start = _place(content, rng)
    piece = rng.choice(_PIECES)
    return content[:start] + piece + content[start + len(piece) :]


def _insert(content: bytes, rng: Random) -> bytes:
    start = _place(content, rng)
    return content[:start] + rng.choice(_PIECES) + content[start:]


def _delete(content: bytes, rng: Random) -> bytes:
    start = _place(content, rng)
    return content[:start] + content[start + rng.choice((1, 2, 7, 64, 1000)) :]


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: _place(content, rng)]


def _double(content: bytes, rng: Random) -> bytes:
    """A part that comes again, or the whole."""
    if rng.random() < 0.2:
        return content + content
    start, end = sorted((_place(content, rng), _place(content, rng)))
    return content[:end] + content[start:end] + content[end:]


def _blank(content: bytes, rng: Random) -> bytes:
    start = _place(content, rng)
    length = rng.choice((1, 4, 16, 256))
    filler = rng.choice((b"\0", b"\xff", b" ", b"9"))
    return content[:start] + filler * length + content[start + length :]


def _noise(content: bytes, rng: Random) -> bytes:
    """Nothing of the file but its beginning."""
    return content[: rng.choice((0, 4, 8, 64))] + rng.randbytes(rng.choice((0, 1, 100, 4000)))


def _place(content: bytes | bytearray, rng: Random) -> int:
    """A place in a file, more often near an end, where headers and tables of content are."""
    size = max(len(content), 1)
    near = min(size, 300)
    return rng.choice((rng.randrange(size), rng.randrange(near), size - 1 - rng.randrange(near)))


_PIECES = (
    b"\0",
    b"\xff",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 3,
    b"\xff\xff\xff\x7f",
    b"\0" * 8,
    b"9" * 30,
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[",
    b"{" * 40,
    b"[" * 3000,
    b'"',
    b"'",
    b"\n",
    b"\r",
    b"\t",
    b",",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"../../",
    b"=1+1",
    b"x" * 3000,
)
_BYTEWISE = (_flip, _flip, _overwrite, _insert, _delete, _cut, _double, _blank, _noise)


def hostile_value(rng: Random) -> Any:
    """A JSON value that a reader may not expect where it comes."""
    nested: Any = 1
    for _ in range(rng.choice((2, 60, 500))):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    numbers = (0, -1, 1, 2**31, 2**63, 10**30, 1e308, -1e308, float("inf"), float("nan"), 0.5)
    simple = (None, True, False, [], {}, [[]], [1, 2], ["a"], {"a": 1}, {"a": {"b": []}})
    return rng.choice((*simple, nested, *numbers, *formats.TEXTS))


def mutated_value(value: Any, rng: Random) -> Any:
    """A JSON value with one thing in it exchanged, left out, doubled or renamed."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return hostile_value(rng)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    key = rng.choice(list(copy)) if isinstance(copy, dict) else rng.randrange(len(copy))
    match rng.randrange(6):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[rng.choice(formats.TEXTS)] = copy.pop(key)
        case 1:
            copy.append(copy[key])
        case 2:
            copy[key] = hostile_value(rng)
        case _:
            copy[key] = mutated_value(copy[key], rng)
    return copy


def _json(content: bytes, rng: Random) -> bytes:
    value = mutated_value(json.loads(content), rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")


def _json_lines(content: bytes, rng: Random) -> bytes:
    lines = content.split(b"\n")
    row = rng.randrange(len(lines))
    lines[row] = _json(lines[row], rng)
    return b"\n".join(lines)


def _text(content: bytes, rng: Random) -> bytes:
    """A table of text with a cell, a column or a line changed."""
    lines = content.split(b"\n")
    separator = b"\t" if b"\t" in content else b","
    row = rng.choice((0, rng.randrange(len(lines))))
    cells = lines[row].split(separator)
    cell = rng.randrange(len(cells))
    text = rng.choice(formats.TEXTS).encode("utf-8", "surrogatepass")
    match rng.randrange(7):
        case 0:
            cells[cell] = text
        case 1:
            cells[cell] = cells[rng.randrange(len(cells))]  # two columns of one name
        case 2:
            del cells[cell]
        case 3:
            cells.insert(cell, text)
        case 4:
            cells[cell] = b'"' + cells[cell]
        case 5:
            lines.insert(row, lines[rng.randrange(len(lines))])
        case _:
            separator = rng.choice((b"\t", b",", b";", b"|", b" ", b"\r"))
    lines[row] = separator.join(cells)
    return b"\n".join(lines)


def _address(content: bytes, rng: Random) -> bytes:
    """One of the addresses with a parameter changed, doubled under another name or added."""
    address = dict(rng.choice(json.loads(content)))
    names = [name for name in address if name != "page"]
    for name in rng.choices(names, k=rng.choice((1, 1, 2))):
        value = str(address.get(name, "")).encode()
        if rng.random() < 0.5:
            address[name] = rng.choice(_BYTEWISE)(value, rng).decode("utf-8", "replace")
        else:
            address[name] = str(hostile_value(rng))
        if rng.random() < 0.2:
            address[rng.choice(names)] = address[name]
    return json.dumps([address]).encode("utf-8", "replace")


def _safetensors(content: bytes, rng: Random) -> bytes:
    """Its header, which is JSON, changed and given its length; or the numbers."""
    size = int.from_bytes(content[:8], "little")
    head, body = content[8 : 8 + size], content[8 + size :]
    if rng.random() < 0.3:
        return content[: 8 + size] + formats.numbers_changed(body, rng)
    head = json.dumps(mutated_value(json.loads(head), rng)).encode("utf-8", "replace")
    return len(head).to_bytes(8, "little") + head + body


def _zip(content: bytes, rng: Random) -> bytes:
    return formats.zip_changed(content, rng, mutated)


def _tar(content: bytes, rng: Random) -> bytes:
    return formats.tar_changed(content, rng, mutated)


_STRUCTURAL: dict[str, Mutate] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".address": _address,
    ".csv": _text,
    ".tsv": _text,
    ".txt": _text,
    ".token": _text,
    ".qrels": _text,
    ".parquet": formats.parquet_changed,
    ".arrow": formats.arrow_changed,
    ".npy": formats.npy_changed,
    ".safetensors": _safetensors,
    ".zip": _zip,
    ".tar": _tar,
    ".png": formats.png_changed,
}
