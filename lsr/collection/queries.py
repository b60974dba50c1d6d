"""Query sets: named queries with the images that answer them, beside a collection's captions.

A set is `queries/NAME.parquet` in the collection's folder, one row for each pair of a query and an
image that answers it. It is no part of the collection's fingerprint: a set that comes or goes does
not change what a model was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsr.collection.checks import read_table
from lsr.exceptions import CollectionError, UnknownNameError, shorten
from lsr.storage.files import fingerprint, replacing_file
from lsr.storage.places import QUERIES, check_name, query_set_names

if TYPE_CHECKING:
    from lsr.collection.collection import Collection

QUERY_COLUMNS = ("id", "text", "image_id")
_SHOWN = 3


class QueryRow(NamedTuple):
    """A query with one image that answers it; `place` says where it was read, for messages."""

    query_id: str
    text: str
    image_id: str
    place: str = ""


@dataclass(frozen=True, eq=False)
class QuerySet:
    """Queries with the images that answer them, in the order of the file.

    ids, texts: each query once. image_rows: (a,) int64, rows in the collection, those of one query
    after those of another and ascending within it. starts: (m + 1,) int64, where each query's
    images begin. fingerprint: changes with any id, text or answer.
    """

    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    starts: np.ndarray
    image_rows: np.ndarray
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def owners(self) -> np.ndarray:
        """(a,) int64: the query that each of `image_rows` answers."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def among(self, image_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The queries that some of these images answer, with those answers alone.

        Args:
            image_rows: (n,) rows in the collection, ascending.

        Returns:
            queries (k,) int64, their numbers in the set, ascending; starts (k + 1,) int64; answers
            int32, positions in `image_rows`, query by query.
        """
        inside = np.isin(self.image_rows, image_rows)
        queries, counts = np.unique(self.owners[inside], return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        answers = np.searchsorted(image_rows, self.image_rows[inside])
        return queries, starts, answers.astype(np.int32)


def read_query_set(collection: Collection, name: str) -> QuerySet:
    """A query set of a collection, checked.

    Raises:
        UnknownNameError: there is none of that name; the message lists those there are.
        CollectionError: the file is damaged or does not fit the collection.
    """
    names = query_set_names(collection.folder)
    if name not in names:
        there = f"Its query sets are: {', '.join(f'`{n}`' for n in names)}."
        none = "It has none yet; bring one with `python -m lsr queries import`."
        raise UnknownNameError(
            f"Collection `{collection.name}` has no query set `{shorten(name)}`. "
            + (there if names else none)
        )
    path = collection.folder / QUERIES / f"{name}.parquet"
    rows = [
        QueryRow(query_id, text, image_id, f"row {number}")
        for number, (query_id, text, image_id) in enumerate(_read_columns(path), 1)
    ]
    return query_set_of(rows, name, collection, f"Query set `{name}`")


def _read_columns(path: Path) -> list[tuple[str, str, str]]:
    """Id, text and image id of every row; a cell that is missing is empty."""
    table = read_table(path, dict.fromkeys(QUERY_COLUMNS, "text or nothing"))
    columns = ([cell or "" for cell in table[name].to_pylist()] for name in QUERY_COLUMNS)
    return list(zip(*columns, strict=True))


def query_set_of(
    rows: Sequence[QueryRow], name: str, collection: Collection, label: str
) -> QuerySet:
    """A query set made of rows, checked against a collection; rows of a query need not adjoin.

    Args:
        label: what to call the rows in a message, at its beginning.

    Raises:
        CollectionError: no rows, an empty id or text, a query with two texts, an image that the
            collection does not have, or an answer that comes twice.
    """
    _check_rows(rows, label)
    answers_of = {row.image_id: collection.image_ids.row(row.image_id) for row in rows}
    row_of_image = {one: place for one, place in answers_of.items() if place is not None}
    if strangers := [row for row in rows if row.image_id not in row_of_image]:
        raise CollectionError(
            f"{label} names {len({row.image_id for row in strangers}):,} images that collection "
            f"`{collection.name}` does not have: "
            f"{_listed([(row.image_id, row.place) for row in strangers])}. Correct them, or leave "
            "these rows out."
        )
    texts: dict[str, str] = {}
    answers: dict[str, list[int]] = {}
    for row in rows:
        texts.setdefault(row.query_id, row.text)
        answers.setdefault(row.query_id, []).append(row_of_image[row.image_id])
    image_rows = np.array([image for found in answers.values() for image in sorted(found)])
    counts = [len(found) for found in answers.values()]
    return QuerySet(
        name,
        tuple(texts),
        tuple(texts.values()),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        image_rows.astype(np.int64),
        fingerprint(
            str(list(texts.items())),
            str([collection.image_ids.at(sorted(found)) for found in answers.values()]),
        ),
    )


def _check_rows(rows: Sequence[QueryRow], label: str) -> None:
    """Refuse rows that are wrong in themselves."""
    if not rows:
        raise CollectionError(
            f"{label} has 0 rows. Give every query an id, a text and the id of an image."
        )
    if nameless := [(row.text, row.place) for row in rows if not row.query_id.strip()]:
        raise CollectionError(
            f"{label} has {len(nameless):,} rows without an id: {_listed(nameless)}. Give every "
            "query an id."
        )
    if silent := [(row.query_id, row.place) for row in rows if not row.text.strip()]:
        raise CollectionError(
            f"{label} has {len(silent):,} rows without a text: {_listed(silent)}. Write what the "
            "query says."
        )
    first: dict[str, QueryRow] = {}
    split, twice, seen = [], [], set()
    for row in rows:
        before = first.setdefault(row.query_id, row)
        if before.text != row.text:
            places = [place for place in (before.place, row.place) if place]
            split.append((row.query_id, " and ".join(places)))
        if (row.query_id, row.image_id) in seen:
            twice.append((f"{row.query_id} {row.image_id}", row.place))
        seen.add((row.query_id, row.image_id))
    if split:
        raise CollectionError(
            f"{label} gives {len({name for name, _ in split}):,} queries two texts: "
            f"{_listed(split)}. Give each text an id of its own."
        )
    if twice:
        raise CollectionError(
            f"{label} has {len(twice):,} answers twice: {_listed(twice)}. Leave the copies out."
        )


def _listed(named: Sequence[tuple[str, str]]) -> str:
    """The first few names with their places, and how many more there are."""
    shown = ", ".join(
        f"`{shorten(name)}`" + (f" ({place})" if place else "") for name, place in named[:_SHOWN]
    )
    return shown if len(named) <= _SHOWN else f"{shown} and {len(named) - _SHOWN:,} more"


def write_query_set(collection: Collection, name: str, rows: Sequence[QueryRow]) -> QuerySet:
    """Write a query set into a collection's folder, whole or not at all; one of its name goes.

    Raises:
        QueryError: the name is no plain name.
        CollectionError: as `query_set_of`.
        DiskFullError: there is no room.
    """
    check_name(name, "name a query set")
    made = query_set_of(rows, name, collection, f"Query set `{name}`")
    cells = zip(*(row[:3] for row in rows), strict=True)
    _write(
        collection.folder / QUERIES / f"{name}.parquet",
        dict(zip(QUERY_COLUMNS, cells, strict=True)),
    )
    return made


def _write(path: Path, columns: dict[str, Sequence[str]]) -> None:
    schema = pa.schema(dict.fromkeys(QUERY_COLUMNS, pa.string()))
    with replacing_file(path) as temporary:
        pq.write_table(pa.table(columns, schema=schema), temporary)


def keep_answers(folder: Path, image_ids: pa.ChunkedArray) -> None:
    """Take answers that a smaller collection does not hold out of the query sets in its folder.

    A query without an answer goes, and so does a set without a query.

    Args:
        image_ids: of the images that it holds, as a column.

    Raises:
        CollectionError: the file of a set is damaged.
    """
    for name in query_set_names(folder):
        path = folder / QUERIES / f"{name}.parquet"
        rows = _read_columns(path)
        answers = pa.array([row[2] for row in rows], pa.string())
        there = pc.is_in(answers, value_set=image_ids.combine_chunks()).to_pylist()
        kept = [row for row, held in zip(rows, there, strict=True) if held]
        if not kept:
            path.unlink()
        elif len(kept) < len(rows):
            _write(path, dict(zip(QUERY_COLUMNS, zip(*kept, strict=True), strict=True)))
