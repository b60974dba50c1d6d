"""What people say about failures: causes, notes and tags, kept beside the model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lsr.exceptions import QueryError, shorten
from lsr.failures.causes import CAUSE_NAMES
from lsr.storage import places
from lsr.storage.copies import is_copy
from lsr.storage.files import fingerprint
from lsr.storage.lines import append_line, read_lines
from lsr.storage.records import record_of
from lsr.storage.untrusted import DamagedError, UnexpectedError, parse_json
from lsr.sweep.laboratory import Laboratory

SCHEMA = 1
OTHER = "other"
CAUSES = (*CAUSE_NAMES, OTHER)
"""What a person may choose: the causes that are guessed, and none of them."""
MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 40, 2_000


@dataclass(frozen=True)
class Entry:
    """What a person says about a query; the last entry of a query counts.

    cause: one of CAUSES, or empty where only a note is taken. guess: the cause that the rules
    guessed when it was said; empty where there was none. at: UTC, ISO 8601.
    """

    query_id: str
    cause: str
    guess: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    at: str = ""


@dataclass(frozen=True)
class Header:
    """The first line of a file: of which model on which queries it is."""

    triage: int
    model: str
    collection: str
    split: str
    direction: str
    queries: str
    fixed: str
    mark: str


@dataclass(frozen=True)
class Triage:
    """Entries by query id. problems: a sentence for everything in the file that was left out."""

    path: Path
    entries: dict[str, Entry]
    problems: tuple[str, ...]

    @property
    def judged(self) -> dict[str, Entry]:
        """Entries that name a cause."""
        return {name: one for name, one in self.entries.items() if one.cause}

    @property
    def tags(self) -> dict[str, int]:
        """How many queries have each tag, the most frequent first."""
        counts: dict[str, int] = {}
        for entry in self.entries.values():
            for tag in entry.tags:
                counts[tag] = counts.get(tag, 0) + 1
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def triage_file(lab: Laboratory) -> Path:
    """Where entries lie: beside the model's folder, in `NAME+triage`.

    Not within it, which training the model again exchanges as a whole. Of bundled models, and of
    those in an object storage, they lie under `$LEXISCOPE_HOME/models`.
    """
    folder = lab.model.folder
    bundled = folder.resolve().is_relative_to(places.ASSETS.resolve())
    parent = places.home() / "models" if bundled or is_copy(folder) else folder.parent
    about = _header(lab)
    words = [about.collection, about.split, about.direction, about.queries]
    plain = [re.sub(r"[^A-Za-z0-9._]+", "-", word)[:40] for word in words if word]
    return parent / f"{folder.name}+triage" / f"{'-'.join(plain)}-{about.mark[:8]}.jsonl"


def read_triage(lab: Laboratory) -> Triage:
    """The entries of a model on its queries; what cannot be read is told, and stays in the file.

    Raises:
        QueryError: the file is of another model, or of other queries.
        InputError: it cannot be read.
    """
    path = triage_file(lab)
    lines = read_lines(path)
    entries: dict[str, Entry] = {}
    problems = []
    if lines:
        _check_header(path, lines, _header(lab))
    for number, line in enumerate(lines[1:], 2):
        try:
            entry = record_of(Entry, parse_json(line))
            check_entry(entry)
        except (DamagedError, UnexpectedError, QueryError) as problem:
            what = "was cut off" if isinstance(problem, DamagedError) else f"is no entry: {problem}"
            problems.append(
                f"Line {number:,} of `{path}` {what.rstrip('.')}. It is left out here and stays in "
                f"the file; the other {len(lines) - 2:,} are read."
            )
            continue
        # A later line of a query takes the place of an earlier one.
        entries.pop(entry.query_id, None)
        entries[entry.query_id] = entry
    return Triage(path, entries, tuple(problems))


def add_entry(lab: Laboratory, entry: Entry) -> Entry:
    """Append what a person says, with the time; it is on the disk when this returns.

    Raises:
        QueryError: the entry cannot be kept, or the file is of another model.
        BusyError, DiskFullError, InputError: as `append_line`.
    """
    check_entry(entry)
    path, about = triage_file(lab), _header(lab)
    if lines := read_lines(path):
        _check_header(path, lines, about)
    told = {**asdict(entry), "at": entry.at or datetime.now(UTC).isoformat(timespec="seconds")}
    append_line(path, *(json.dumps(one, ensure_ascii=False) for one in (told, asdict(about))))
    return record_of(Entry, {**told, "tags": list(entry.tags)})


def check_entry(entry: Entry) -> None:
    """Refuse what cannot be kept.

    Raises:
        QueryError: an unknown cause, or a note or tags beyond their limits.
    """
    if entry.cause and entry.cause not in CAUSES:
        raise QueryError(
            f"`{shorten(entry.cause)}` is no cause. Use one of {', '.join(CAUSES)}, or none."
        )
    if len(entry.tags) > MOST_TAGS:
        raise QueryError(
            f"{len(entry.tags):,} tags are too many for one query. Use up to {MOST_TAGS}."
        )
    for tag in entry.tags:
        if not 0 < len(tag) <= LONGEST_TAG or not tag.isprintable() or "," in tag:
            raise QueryError(
                f"`{shorten(tag)}` is no tag. Use 1 to {LONGEST_TAG} letters and signs, no commas."
            )
    if len(entry.note) > LONGEST_NOTE:
        raise QueryError(
            f"The note has {len(entry.note):,} characters. Use up to {LONGEST_NOTE:,}."
        )


def tags_of(text: str) -> tuple[str, ...]:
    """Tags between commas, each once, in their order."""
    parts: Sequence[str] = [" ".join(part.split()) for part in text.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _header(lab: Laboratory) -> Header:
    queries = lab.collection.query_set(lab.queries).fingerprint if lab.queries else ""
    fixed = " ".join(f"{knob}={value:g}" for knob, value in lab.fixed)
    about = (lab.split, lab.direction, queries, fixed, lab.null)
    mark = fingerprint(lab.model.fingerprint, lab.collection.fingerprint, *about)
    names = lab.model.name, lab.collection.name, lab.split, lab.direction, lab.queries
    return Header(SCHEMA, *names, fixed, mark)


def _check_header(path: Path, lines: list[str], wanted: Header) -> None:
    """Refuse a file that is not about this; one whose only line was cut off is about nothing yet.

    Raises:
        QueryError: it is of another model, of other queries, or no triage.
    """
    try:
        found = record_of(Header, parse_json(lines[0]))
    except (DamagedError, UnexpectedError) as problem:
        if len(lines) == 1 and isinstance(problem, DamagedError):
            return
        raise QueryError(
            f"`{path}` does not begin as a triage file. Nothing was written to it. Restore its "
            "first line, or move it away."
        ) from None
    if found.mark != wanted.mark:
        raise QueryError(
            f"`{path}` is the triage of model `{shorten(found.model)}` on `{found.collection}`, "
            f"split `{found.split}`, and not of `{wanted.model}` as it is now. Nothing was written "
            "to it. Move it away."
        )
