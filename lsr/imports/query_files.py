"""Query sets in files of others: TSV, and topics with judgements as TREC or BEIR keep them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsr.collection.queries import QUERY_COLUMNS, QueryRow
from lsr.collection.topics import (
    ID_NAMES,
    holds_json,
    is_header,
    json_topics,
    lines_of,
    text_of,
)
from lsr.exceptions import QueryError, shorten

_TOPIC = re.compile(r"<top>(.*?)(?=<top>|\Z)", re.S | re.I)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.I)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]*)", re.I)
_SHOWN = 3


@dataclass(frozen=True)
class QueryFile:
    """What was read. not_relevant: judgements of relevance 0 or less, which are no answers."""

    label: str
    rows: list[QueryRow]
    not_relevant: int = 0


def read_tsv(path: Path) -> QueryFile:
    """Queries with an image each a line: `id<TAB>text<TAB>image_id`, or `text<TAB>image_id`.

    Without ids, equal texts are one query; queries are then called q1, q2, … in the order of the
    file. A first line of the names of the columns is taken as such. Empty lines do not count.

    Raises:
        QueryError: the file cannot be read, or a line has another number of columns.
    """
    lines = [(number, line.split("\t")) for number, line in lines_of(path)]
    if lines and _names_columns(lines[0][1]):
        del lines[0]
    width = len(lines[0][1]) if lines else len(QUERY_COLUMNS)
    names: dict[str, str] = {}
    rows = []
    for number, cells in lines:
        if len(cells) != width or width not in (2, 3):
            raise QueryError(
                f"Line {number} of `{path}` has {len(cells)} columns. Give every line an id, a "
                "text and an image id with tabs between them, or every line a text and an image id."
            )
        if width == 2:
            cells = [names.setdefault(cells[0], f"q{len(names) + 1}"), *cells]
        rows.append(QueryRow(cells[0], cells[1], cells[2], f"line {number}"))
    return QueryFile(f"`{path}`", rows)


def _names_columns(cells: list[str]) -> bool:
    names = [cell.strip().lower() for cell in cells]
    whole = names in (list(QUERY_COLUMNS), list(QUERY_COLUMNS[1:]))
    return whole or (len(names) == 3 and is_header(names))


def read_trec(topics: Path, qrels: Path) -> QueryFile:
    """Queries of a topic file with the images that a file of judgements calls relevant.

    Topics are `<top>` blocks with `<num>` and `<title>`, lines of `id<TAB>text`, or BEIR's JSON
    lines. Judgements are lines of query, iteration, image and relevance, or of query, image and
    relevance below a line that names these, as BEIR has them; above 0 is relevant.

    Raises:
        QueryError: a file cannot be read, a topic comes twice or without a relevant image, or a
            relevant image belongs to no topic.
    """
    texts = _topics(topics)
    answers: dict[str, list[tuple[str, str]]] = {query: [] for query in texts}
    strangers, not_relevant = [], 0
    judged = lines_of(qrels)
    of_beir = bool(judged) and judged[0].text.split()[:1][0].lower() in ID_NAMES
    for number, line in judged[1:] if of_beir else judged:
        query, image, relevant = _judgement(line, number, qrels, of_beir=of_beir)
        if not relevant:
            not_relevant += 1
        elif query in answers:
            answers[query].append((image, f"line {number}"))
        else:
            strangers.append(f"`{shorten(query)}` (line {number})")
    if strangers:
        raise QueryError(
            f"`{qrels}` has {len(strangers):,} relevant images of topics that `{topics}` does not "
            f"hold: {_first(strangers)}. Add the topics, or leave these lines out."
        )
    if lonely := [f"`{shorten(query)}`" for query, found in answers.items() if not found]:
        raise QueryError(
            f"{len(lonely):,} of {len(texts):,} topics of `{topics}` have no relevant image in "
            f"`{qrels}`: {_first(lonely)}. Judge an image for them, or leave them out."
        )
    rows = [
        QueryRow(query, texts[query], image, place)
        for query, found in answers.items()
        for image, place in found
    ]
    return QueryFile(f"`{qrels}`", rows, not_relevant)


def _topics(path: Path) -> dict[str, str]:
    """Texts by id, in the order of the file."""
    texts: dict[str, str] = {}
    content = text_of(path)
    tagged = "<top>" in content.lower()
    for place, query, text in _tagged(content, path) if tagged else _plain(path):
        if query in texts:
            raise QueryError(
                f"{place[0].upper()}{place[1:]} of `{path}` has the id `{shorten(query)}` again. "
                "Give every topic an id of its own."
            )
        texts[query] = text
    return texts


def _tagged(content: str, path: Path) -> Iterator[tuple[str, str, str]]:
    for number, block in enumerate(_TOPIC.findall(content), 1):
        name, title = _NUMBER.search(block), _TITLE.search(block)
        if name is None or title is None:
            raise QueryError(
                f"Topic {number} of `{path}` has no {'<num>' if name is None else '<title>'}. "
                "Give every topic both."
            )
        yield f"topic {number}", name[1], " ".join(title[1].split())


def _plain(path: Path) -> Iterator[tuple[str, str, str]]:
    lines = lines_of(path)
    if holds_json(path, lines):
        for number, query, text in json_topics(path, lines):
            yield f"line {number}", query, text
        return
    if lines and is_header(lines[0].text.split("\t")):
        del lines[0]
    for number, line in lines:
        query, tab, text = line.partition("\t")
        if not tab:
            raise QueryError(
                f"Line {number} of `{path}`, `{shorten(line)}`, is not id<TAB>text, and the file "
                "has no <top>. Give every line an id, a tab and a text."
            )
        yield f"line {number}", query, text


def _judgement(
    line: str, number: int, path: Path, *, of_beir: bool = False
) -> tuple[str, str, bool]:
    """Query, image, and whether it is relevant."""
    cells = line.split("\t") if of_beir and "\t" in line else line.split()
    if of_beir and len(cells) == 3:
        cells.insert(1, "0")
    if len(cells) != 4 or not re.fullmatch(r"[+-]?\d+", cells[3]):
        raise QueryError(
            f"Line {number} of `{path}`, `{shorten(line)}`, is no judgement. Give every line a "
            "query, an iteration, an image and a relevance, such as `q1 0 image-7 1`."
        )
    return cells[0], cells[2], int(cells[3]) > 0


def _first(named: list[str]) -> str:
    more = f" and {len(named) - _SHOWN:,} more" if len(named) > _SHOWN else ""
    return ", ".join(named[:_SHOWN]) + more
