"""Rows of CSV, TSV and the like, where an unclosed quotation mark swallows no other row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

# A quoted cell over more lines than this is one whose quotation mark was never closed.
_MOST_LINES = 20
# Lines whose first cells say what the beginning of a row looks like.
_EXAMPLES = 1000
_DIGITS, _WORDS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")


class Row(NamedTuple):
    """The cells of a row, and the number of its first line, counted from 1."""

    number: int
    cells: list[str]


class Header(NamedTuple):
    """The names in the first line, lower-case, and what separates cells."""

    names: list[str]
    separator: str


def header_of(text: str) -> Header:
    """What the first line with anything in it names.

    Raises:
        csv.Error: it cannot be split into cells.
    """
    first = next((line for line in text.split("\n") if line.strip()), "")
    separator = max("\t,;|", key=first.count)
    names = next(csv.reader([first.rstrip("\r")], delimiter=separator), [])
    return Header([name.strip().lower() for name in names], separator)


def rows_below(text: str, header: Header) -> Iterator[Row]:
    """Every row below the first line, in order; empty lines do not count.

    A quoted cell may go over several lines. Where its quotation mark is not closed before a line
    that begins as rows do, the mark is a letter of the text. Files with tabs or bars quote nothing
    but whole cells.
    """
    separator = header.separator
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = next((n for n, line in enumerate(lines) if line.strip()), len(lines)) + 1
    known = _beginnings(lines[at : at + _EXAMPLES], header)
    while at < len(lines):
        line, n_lines = lines[at], 1
        if not line.replace(separator, "").strip():
            at += 1
            continue
        if separator in "\t|":
            cells = [_unquoted(cell) for cell in line.split(separator)]
        elif '"' not in line:
            cells = line.split(separator)
        else:
            n_lines, cells = _quoted(lines, at, header, known)
        yield Row(at + 1, cells)
        at += n_lines


def _quoted(
    lines: list[str], at: int, header: Header, known: frozenset[str]
) -> tuple[int, list[str]]:
    """(how many lines the row goes over, its cells)."""
    for n_lines in range(1, min(_MOST_LINES, len(lines) - at) + 1):
        last = lines[at + n_lines - 1]
        if n_lines > 1 and _begins_a_row(last, header, known):
            break
        # Only a line with a quotation mark can close one.
        if '"' not in last:
            continue
        cells = _strict("\n".join(lines[at : at + n_lines]), header.separator)
        if cells is not None and (n_lines == 1 or len(cells) == len(header.names)):
            return n_lines, cells
    return 1, lines[at].split(header.separator)


def _strict(text: str, separator: str) -> list[str] | None:
    """The cells of one row, None where a quotation mark is not closed or stands in the way."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        cells = next(reader)
        return cells if next(reader, None) is None else None
    except (csv.Error, StopIteration):
        return None


def _beginnings(lines: list[str], header: Header) -> frozenset[str]:
    """What first cells look like: that of the first row, and the usual ones of plain rows.

    A line inside a quoted cell can look like a row, but neither often nor with a number or dot.
    """
    parts = [line.split(header.separator) for line in lines if line.strip()]
    shapes = Counter(
        _shape(cells[0])
        for cells in parts
        if len(cells) == len(header.names) and '"' not in "".join(cells)
    )
    usual = {s for s, n in shapes.items() if 10 * n >= shapes.total() and re.search("[0.]", s)}
    return frozenset((*usual, *(_shape(cells[0]) for cells in parts[:1])))


def _begins_a_row(line: str, header: Header, known: frozenset[str]) -> bool:
    cells = line.split(header.separator)
    return len(cells) >= len(header.names) and bool(cells[0].strip()) and _shape(cells[0]) in known


def _shape(cell: str) -> str:
    """`img_0012.jpg` and `img_7.jpg` look alike; a word of a caption does not."""
    return _WORDS.sub("a", _DIGITS.sub("0", cell.strip().strip('"')))


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell
