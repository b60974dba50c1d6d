"""What a class predicts: counts by question and answer under a code, and nothing about who.

A class is a small file `classes/CODE.json`. Each prediction reads it, adds one and exchanges it,
under a lock: none is lost where two come at once, and a kill leaves the counts that stood there.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lsr.exceptions import BusyError, QueryError, UnknownNameError, shorten
from lsr.storage.files import read_json, write_json
from lsr.storage.leftovers import lock_of
from lsr.storage.locks import exclusive
from lsr.storage.places import home
from lsr.storage.records import check_fields
from lsr.storage.untrusted import UnexpectedError

MOST_CLASSES = 200
MOST_QUESTIONS, MOST_ANSWERS = 100, 100
IDLE_DAYS = 30
_MOST_COUNT = 100_000
# Without letters and digits that are read as each other.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 6
_CODE = re.compile(rf"[{_LETTERS}]{{{_LENGTH}}}")
_NAME = re.compile(r"[\w.:@/=-]{1,40}", re.ASCII)
# Seconds to wait for another writer, who needs a moment.
_PATIENCE = 5.0

Counts = dict[str, dict[str, int]]
"""How many predicted each answer, by question."""


def open_class() -> str:
    """The code of a new class. Those that nobody predicted in for 30 days end with it.

    Raises:
        QueryError: there are too many. DiskFullError: there is no room.
    """
    with _alone(_folder()):
        there = [path for path in _folder().glob("*.json") if not _ended(path)]
        if len(there) >= MOST_CLASSES:
            raise QueryError(
                f"{len(there):,} classes are open, and there may be {MOST_CLASSES:,}. One ends "
                f"{IDLE_DAYS} days after its last prediction; or remove files from `classes`."
            )
        taken = {path.stem for path in there}
        while (code := "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))) in taken:
            pass
        write_json(_file(code), {"counts": {}})
    return code


def read_class(code: str) -> Counts:
    """What a class predicted so far.

    Raises:
        QueryError: no code, or its file is damaged. UnknownNameError: there is no such class.
    """
    path = _file(check_code(code))
    if not path.exists():
        raise UnknownNameError(
            f"There is no class `{code}`: it has ended, or a letter is wrong. Ask for the code, or "
            "open a class."
        )
    content = read_json(path, QueryError)
    try:
        check_fields(content, {"counts": dict[str, dict[str, int]]})
    except UnexpectedError as problem:
        raise QueryError(f"`{path}` {problem}. Remove it, and open a class anew.") from None
    counts: Counts = content["counts"]
    return counts


def add_prediction(code: str, question: str, answer: str) -> None:
    """Count one prediction in a class.

    Raises:
        QueryError: no code, question or answer, or more of them than a class has room for.
        UnknownNameError: there is no such class. BusyError: others write it all the time.
        DiskFullError: there is no room; the counts are as they were.
    """
    path = _file(check_code(code))
    for name in (question, answer):
        if not _NAME.fullmatch(name):
            raise QueryError(f"`{shorten(name)}` is no name that a class counts.")
    with _alone(path):
        counts = read_class(code)
        of_question = counts.setdefault(question, {})
        before = of_question.get(answer, 0)
        of_question[answer] = min(max(before, 0) + 1, _MOST_COUNT)
        if len(counts) > MOST_QUESTIONS or len(of_question) > MOST_ANSWERS:
            raise QueryError(
                f"A class counts {MOST_QUESTIONS} questions with {MOST_ANSWERS} answers each, and "
                "this would be one more. Open a class anew."
            )
        write_json(path, {"counts": counts})


def check_code(code: str) -> str:
    """The code, in capital letters.

    Raises:
        QueryError: it cannot be one.
    """
    found = code.strip().upper()
    if not _CODE.fullmatch(found):
        raise QueryError(
            f"`{shorten(code)}` is no code of a class. It has {_LENGTH} letters and digits, such "
            "as `KM4T7R`."
        )
    return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    busy = BusyError("The class is being written by many at once. Predict again.")
    with exclusive(lock_of(path), busy, _PATIENCE):
        yield


def _ended(path: Path) -> bool:
    """Whether a class is over; then its file goes."""
    with suppress(OSError):  # another who opens a class may have removed it
        if time.time() - path.stat().st_mtime < IDLE_DAYS * 86_400:
            return False
        path.unlink()
    return True


def _folder() -> Path:
    return home() / "classes"


def _file(code: str) -> Path:
    return _folder() / f"{code}.json"
