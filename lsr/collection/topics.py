"""Topics of an evaluation as lines: `id<TAB>text`, or JSON lines as BEIR keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lsr.exceptions import QueryError, shorten
from lsr.storage.texts import EncodingError, decode_text
from lsr.storage.untrusted import DamagedError, parse_json

ID_NAMES = frozenset(
    ("id", "_id", "qid", "query_id", "query-id", "queryid", "topic", "topic_id", "number", "num")
)
TEXT_NAMES = frozenset(("text", "query", "title", "question", "caption"))
_JSON_LINES = (".jsonl", ".ndjson")


class Line(NamedTuple):
    """A line that is not empty, and its number, counted from 1."""

    number: int
    text: str


def lines_of(path: Path) -> list[Line]:
    """The lines of a text file; only a line feed ends one.

    Raises:
        QueryError: it cannot be read, or is in another encoding than UTF-8 or marked UTF-16.
    """
    lines = text_of(path).split("\n")
    return [Line(n, line.removesuffix("\r")) for n, line in enumerate(lines, 1) if line.strip()]


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        QueryError: as `lines_of`.
    """
    try:
        return decode_text(path.read_bytes())
    except EncodingError as problem:
        raise QueryError(f"`{path}` {problem}. Give a UTF-8 text file.") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise QueryError(f"`{path}` cannot be read ({reason}). Give a UTF-8 text file.") from None


def is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: `qid<TAB>query` and its like are no query."""
    names = [cell.strip().lower() for cell in cells]
    return len(names) > 1 and names[0] in ID_NAMES and names[1] in TEXT_NAMES


def holds_json(path: Path, lines: list[Line]) -> bool:
    """Whether lines are JSON objects: their file says so, or the first one is."""
    if not lines:
        return False
    first = lines[0].text.lstrip()
    if path.suffix.lower() in _JSON_LINES:
        return True
    try:
        return first.startswith("{") and isinstance(parse_json(first), dict)
    except DamagedError:
        return False


def json_topics(path: Path, lines: list[Line]) -> Iterator[tuple[int, str, str]]:
    """(line, id, text) of each object, as in BEIR's `queries.jsonl`.

    Raises:
        QueryError: a line is no object with an id and a text.
    """
    for number, line in lines:
        try:
            found = parse_json(line)
        except DamagedError as problem:
            found = str(problem)
        keys = (
            {str(key).lower(): value for key, value in found.items()}
            if isinstance(found, dict)
            else {}
        )
        name = next((keys[key] for key in sorted(ID_NAMES & keys.keys())), None)
        text = next((keys[key] for key in ("text", *sorted(TEXT_NAMES)) if key in keys), None)
        if not isinstance(text, str) or isinstance(name, bool) or not isinstance(name, str | int):
            raise QueryError(
                f"Line {number} of `{path}`, `{shorten(line)}`, is no query as BEIR writes it. "
                'Give every line an id and a text, such as `{"_id": "1", "text": "a dog"}`.'
            )
        yield number, str(name), text
