"""A file of queries searched in batches, its hits written as a TREC run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lsr.collection.topics import Line, holds_json, is_header, json_topics, lines_of
from lsr.exceptions import QueryError, shorten
from lsr.index.protocol import Hit
from lsr.search.query import check_text
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.storage.files import replacing_file

_BATCH = 256


class Query(NamedTuple):
    """A text with the name that a run knows it by."""

    query_id: str
    text: str


@dataclass(frozen=True)
class RunReport:
    """How many queries of a file are searched, and the hits written so far."""

    done: int
    total: int
    hits: int


def read_queries(path: Path) -> list[Query]:
    """The queries of a file: one a line, `ID<TAB>text`, or BEIR's JSON lines with `_id` and `text`.

    Where no line has a tab, queries are named by their line, from 1. Empty lines are left out, and
    a first line that names the columns.

    Raises:
        QueryError: the file cannot be read, holds no query, names one twice, or a text cannot be
            searched with.
    """
    numbered = lines_of(path)
    is_json = holds_json(path, numbered)
    named = not is_json and any("\t" in line for _, line in numbered)
    if named and is_header(numbered[0].text.split("\t")):
        del numbered[0]
    rows: Iterable[tuple[int, str, str]]
    if is_json:
        rows = json_topics(path, numbered)
    else:
        rows = (_row(path, one, named=named) for one in numbered)
    queries, seen = [], set()
    for number, name, text in rows:
        if not re.fullmatch(r"\S+", name):
            raise QueryError(
                f"Line {number} of `{path}` has the id `{shorten(name)}`, and a TREC run cannot "
                "hold its blanks. Give every line an id without blanks."
            )
        if name in seen:
            raise QueryError(
                f"Line {number} of `{path}` has the id `{shorten(name)}` again. Give each of the "
                f"{len(numbered):,} queries an id of its own."
            )
        try:
            check_text(text)
        except QueryError as problem:
            raise QueryError(f"Line {number} of `{path}`: {problem}") from None
        seen.add(name)
        queries.append(Query(name, text.strip()))
    if not queries:
        raise QueryError(f"`{path}` holds no query. Write one a line.")
    return queries


def _row(path: Path, line: Line, *, named: bool) -> tuple[int, str, str]:
    """(line, id, text); the id is the line where no line has one."""
    if not named:
        return line.number, str(line.number), line.text
    name, tab, text = line.text.partition("\t")
    if not tab or not re.fullmatch(r"\S+", name):
        raise QueryError(
            f"Line {line.number} of `{path}`, `{shorten(line.text)}`, is not ID<TAB>text, as a "
            "file with tabs is read. Give every line an id without blanks, a tab and a text."
        )
    return line.number, name, text


def run_tag(model: str) -> str:
    """The name of a run by a model."""
    return f"lexiscope-{re.sub(r'[^A-Za-z0-9._-]', '-', model)}"


def run_lines(query_id: str, hits: Sequence[Hit], tag: str) -> Iterator[str]:
    """The lines of one query in a TREC run, the best hit first.

    Raises:
        QueryError: an image id has a blank.
    """
    for rank, hit in enumerate(hits, 1):
        if not re.fullmatch(r"\S+", hit.image_id):
            raise QueryError(
                f"Image id `{shorten(hit.image_id)}` has a blank, which a TREC run cannot hold. "
                "Rename the image."
            )
        yield f"{query_id} Q0 {hit.image_id} {rank} {hit.score!r} {tag}\n"


def write_run(
    searcher: Searcher,
    queries: Sequence[Query],
    path: Path,
    settings: SearchSettings,
    batch_size: int = _BATCH,
) -> Iterator[RunReport]:
    """Search with every query and write `ID Q0 image rank score tag`, the best first.

    Scores have all digits, so that what differs still does. A query without a hit has no line.
    The run is in its place when the last report has been read; before, nothing is there.

    Raises:
        QueryError: an image id has a blank, or a setting cannot be used.
    """
    tag = run_tag(searcher.model.name)
    total, hits = len(queries), 0
    try:
        with (
            replacing_file(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            for first in range(0, total, batch_size):
                batch = queries[first : first + batch_size]
                found = searcher.search_texts([query.text for query in batch], settings)
                for query, its_hits in zip(batch, found, strict=True):
                    file.writelines(run_lines(query.query_id, its_hits, tag))
                    hits += len(its_hits)
                yield RunReport(first + len(batch), total, hits)
    except OSError as problem:
        raise QueryError(
            f"`{path}` cannot be written ({problem.strerror}). Choose another file."
        ) from None
