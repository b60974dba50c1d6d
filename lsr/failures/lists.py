"""A list of failures that is kept, and runs again on another model, setting or later version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from lsr.exceptions import QueryError, UnknownNameError, shorten
from lsr.failures.cases import Cases
from lsr.storage.files import read_json, replacing_file
from lsr.storage.places import check_name, home
from lsr.storage.records import check_fields
from lsr.storage.untrusted import UnexpectedError
from lsr.sweep.laboratory import Laboratory

Change = Literal["fixed", "broken", "same"]
CHANGES: tuple[Change, ...] = get_args(Change)


@dataclass(frozen=True)
class SavedList:
    """Queries with the ranks that their answers had, 0 where they were no hit.

    model, model_mark: name and fingerprint of what ranked them, empty where the file does not tell.
    """

    collection: str
    model: str
    model_mark: str
    split: str
    direction: str
    queries: str
    fixed: tuple[str, ...]
    k: int
    ranks: dict[str, int]

    def found(self, query_id: str) -> bool:
        """Whether the answer was among the first k."""
        return 0 < self.ranks[query_id] <= self.k


class Again(NamedTuple):
    """A saved list beside the same queries today.

    rows: of the cases, in the order of the list. changes: (n,) places in CHANGES. gone: ids that
    are no query any more.
    """

    rows: np.ndarray
    changes: np.ndarray
    gone: tuple[str, ...]

    def of(self, change: Change) -> np.ndarray:
        """The rows that changed so."""
        chosen: np.ndarray = self.rows[self.changes == CHANGES.index(change)]
        return chosen


def about_list(lab: Laboratory, k: int) -> dict[str, Any]:
    """What a list is of, by the keys of the command's JSON."""
    return {
        "collection": lab.collection.name,
        "model": lab.model.name,
        "model_mark": lab.model.fingerprint,
        "split": lab.split,
        "direction": lab.direction,
        "queries": lab.queries or None,
        "fixed": [f"{knob}={value:g}" for knob, value in lab.fixed],
        "k": k,
    }


def list_text(lab: Laboratory, k: int, records: Sequence[dict[str, Any]]) -> str:
    """A list as JSON, from records of `lsr.failures.records`."""
    told = {**about_list(lab, k), "n_rows": len(records), "rows": list(records)}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def read_list(path: Path) -> SavedList:
    """A list from the JSON of the page or of the command, whatever else that holds.

    Raises:
        QueryError: the file is not there, or is no list.
    """
    content = read_json(path, QueryError)
    try:
        check_fields(
            content,
            {"collection": str, "split": str, "direction": str, "k": int, "rows": list[Any]},
            model=str,
            model_mark=str,
            queries=str | None,
            fixed=list[str],
        )
        ranks: dict[str, int] = {}
        for one in content["rows"]:
            if not isinstance(one, dict):
                raise UnexpectedError("holds a query that is no object")
            check_fields(one, {"query_id": str, "sparse_rank": int | None})
            ranks[one["query_id"]] = one["sparse_rank"] or 0
    except UnexpectedError as problem:
        raise QueryError(
            f"`{path}` {problem}, so it is no list of failures. Save one with `python -m lsr "
            "failures --out list.json`."
        ) from None
    if not ranks:
        raise QueryError(f"`{path}` lists no query. Save a list that has some.")
    return SavedList(
        content["collection"],
        content.get("model", ""),
        content.get("model_mark", ""),
        content["split"],
        content["direction"],
        content.get("queries") or "",
        tuple(content.get("fixed", ())),
        content["k"],
        ranks,
    )


def run_again(saved: SavedList, lab: Laboratory, cases: Cases) -> Again:
    """What became of the queries of a list.

    Raises:
        QueryError: the cases are of another split, direction or query set, or none is left.
    """
    then, now = ((one.split, one.direction, one.queries or "the captions") for one in (saved, lab))
    if then != now:
        raise QueryError(
            f"The list is of split `{then[0]}`, {then[1]}, {then[2]}; what is measured is "
            f"`{now[0]}`, {now[1]}, {now[2]}. Choose those of the list."
        )
    gone = tuple(one for one in saved.ranks if one not in cases.row_of)
    kept = [one for one in saved.ranks if one in cases.row_of]
    if not kept:
        raise QueryError(
            f"None of the {len(saved.ranks):,} queries of the list is among the {len(cases):,} of "
            f"collection `{lab.collection.name}`. Choose the collection of the list, "
            f"`{shorten(saved.collection)}`."
        )
    rows = np.array([cases.row_of[one] for one in kept], np.int64)
    before = np.array([saved.found(one) for one in kept])
    after = cases.found(saved.k)[rows]
    changes = np.select([after & ~before, before & ~after], [0, 1], 2).astype(np.int8)
    return Again(rows, changes, gone)


def list_names() -> list[str]:
    """Names of the lists that are kept, ascending."""
    return sorted(path.stem for path in _folder().glob("[!.]*.json"))


def kept_list(name: str) -> SavedList:
    """The list that is kept under a name.

    Raises:
        UnknownNameError: there is none. QueryError: its file is no list.
    """
    if name not in list_names():
        known = ", ".join(f"`{one}`" for one in list_names()) or "none yet"
        raise UnknownNameError(f"There is no list `{shorten(name)}`. The lists are: {known}.")
    return read_list(_folder() / f"{name}.json")


def keep_list(name: str, text: str) -> Path:
    """Keep a list, `text` of `list_text`, under `$LEXISCOPE_HOME/failures`.

    Raises:
        QueryError: the name is none, or is taken.
        DiskFullError: there is no room.
    """
    check_name(name, "name a list")
    path = _folder() / f"{name}.json"
    if path.exists():
        raise QueryError(f"There is a list `{name}`. Choose another name.")
    with replacing_file(path) as temporary:
        temporary.write_text(text, "utf-8")
    return path


def _folder() -> Path:
    return home() / "failures"
