"""Named views of the user's: a page and the address that leads to what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lsr.exceptions import InputError, QueryError, UnknownNameError, shorten
from lsr.storage.files import fingerprint, read_json, write_json
from lsr.storage.places import home
from lsr.storage.records import record_of
from lsr.storage.untrusted import UnexpectedError

_LONGEST = 80


@dataclass(frozen=True)
class View:
    """What a name stands for.

    It keeps the rule, not what was found: a query with its filters and edits finds what is there
    when the view is opened.

    page: such as `search`. address: the parameters of the page.
    """

    name: str
    page: str
    address: dict[str, str]


def views() -> tuple[list[View], list[str]]:
    """(views by name, a sentence for each file that holds none)."""
    found, problems = [], []
    for path in sorted(_folder().glob("[!.]*.json")):
        try:
            found.append(_read(path))
        except InputError as problem:
            problems.append(str(problem))
    return sorted(found, key=lambda view: view.name.casefold()), problems


def save_view(name: str, page: str, address: Mapping[str, str]) -> View:
    """Keep a view under a name.

    Raises:
        QueryError: the name is empty, too long or taken.
        DiskFullError: there is no room.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise QueryError(
            f"`{shorten(name)}` cannot name a view. Use 1 to {_LONGEST} letters and signs."
        )
    path = _file(name)
    if path.exists():
        raise QueryError(f"There is a view `{name}`. Delete it first, or choose another name.")
    view = View(name, page, dict(address))
    write_json(path, asdict(view))
    return view


def delete_view(name: str) -> None:
    """Remove the view of a name.

    Raises:
        UnknownNameError: there is none.
    """
    path = _file(name)
    if not path.exists():
        raise UnknownNameError(f"There is no view `{shorten(name)}`. It may have been deleted.")
    path.unlink(missing_ok=True)


def _folder() -> Path:
    return home() / "views"


def _file(name: str) -> Path:
    """Where a view lies: names that differ in signs alone have files of their own."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return _folder() / f"{plain or 'view'}-{fingerprint(name)[:8]}.json"


def _read(path: Path) -> View:
    try:
        view = record_of(View, read_json(path, QueryError))
    except UnexpectedError as problem:
        raise QueryError(f"`{path}` {problem}. Restore it, or remove it.") from None
    if path != _file(view.name):
        raise QueryError(f"`{path}` is not the file of a view `{shorten(view.name)}`. Remove it.")
    return view
