"""A query set in files that `queries import` and the tools of others read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lsr.collection.collection import Collection
from lsr.collection.queries import QUERY_COLUMNS
from lsr.exceptions import QueryError, shorten
from lsr.storage.files import replacing_file

FORMATS = ("tsv", "trec")


@dataclass(frozen=True)
class QueryExport:
    """A file that was written, and its lines."""

    path: Path
    rows: int


def export_queries(
    collection: Collection, name: str, out: Path, form: str = "tsv"
) -> list[QueryExport]:
    """Write a query set into a folder, so that reading it back gives the same set.

    `tsv`: `NAME.tsv` with a line for each query and image, and the names of the columns first.
    `trec`: `NAME.topics.tsv` with a line for each query, and `NAME.qrels` with the judgements.

    Raises:
        UnknownNameError: no such query set.
        CollectionError: its file is damaged.
        QueryError: no such format, an id or text that it cannot hold, or a folder that cannot be
            written.
        DiskFullError: there is no room.
    """
    if form not in FORMATS:
        raise QueryError(f"`{shorten(form)}` is no format of a query set. Use tsv or trec.")
    found = collection.query_set(name)
    images = collection.image_ids.at(found.image_rows)
    _check_cells(found.texts, r"[\t\r\n]", "texts hold a tab or a line break")
    if form == "trec":
        _check_cells((*found.ids, *images), r"\s", "ids hold white space", "Export as tsv.")
        judged = [
            f"{found.ids[query]} 0 {image} 1"
            for query, image in zip(found.owners, images, strict=True)
        ]
        topics = [f"{query}\t{text}" for query, text in zip(found.ids, found.texts, strict=True)]
        return [
            _written(out / f"{name}.topics.tsv", topics),
            _written(out / f"{name}.qrels", judged),
        ]
    _check_cells((*found.ids, *images), r"[\t\r\n]", "ids hold a tab or a line break")
    lines = [
        f"{found.ids[query]}\t{found.texts[query]}\t{image}"
        for query, image in zip(found.owners, images, strict=True)
    ]
    return [_written(out / f"{name}.tsv", ["\t".join(QUERY_COLUMNS), *lines])]


def _check_cells(
    cells: Iterable[str], broken: str, what: str, remedy: str = "Change them in the query set."
) -> None:
    if bad := [cell for cell in dict.fromkeys(cells) if re.search(broken, cell)]:
        raise QueryError(
            f"{len(bad):,} {what}, which part the columns of this format, such as "
            f"`{shorten(bad[0])}`. {remedy}"
        )


def _written(path: Path, lines: Sequence[str]) -> QueryExport:
    try:
        with replacing_file(path) as temporary:
            temporary.write_bytes("".join(f"{line}\n" for line in lines).encode())
    except OSError as problem:
        raise QueryError(
            f"`{path}` cannot be written ({problem.strerror}). Choose another folder."
        ) from None
    return QueryExport(path, len(lines))
