"""What the command `failures` does with a whole list: files, triage, and another run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.exceptions import QueryError

if TYPE_CHECKING:
    from lsr.failures.cases import Cases
    from lsr.failures.lists import Again, SavedList
    from lsr.failures.triage import Triage
    from lsr.sweep.laboratory import Laboratory

ENDINGS = (".csv", ".json", ".run", ".qrels", ".html")


def triage_told(triage: Triage) -> dict[str, Any]:
    """How far people said causes, and how they agree with the guesses."""
    from lsr.failures.agreement import agreement

    found = agreement(triage.entries.values())
    return {
        "file": str(triage.path),
        "judged": len(triage.judged),
        "compared": found.n,
        "agreed": found.agreed,
        "kappa": found.kappa,
        "table": [
            {"guess": guess, "cause": cause, "n": n} for (guess, cause), n in found.table.items()
        ],
    }


def again_told(path: str, saved: SavedList, ran: Again, found: Cases) -> dict[str, Any]:
    """What became of a list: the ids that are fixed and broken, how many are the same, or gone."""
    return {
        "list": path,
        "was": {"model": saved.model, "fixed": list(saved.fixed)},
        "fixed": [found.ids[row] for row in ran.of("fixed")],
        "broken": [found.ids[row] for row in ran.of("broken")],
        "same": len(ran.of("same")),
        "gone": list(ran.gone),
    }


def changes_of(saved: SavedList, ran: Again, found: Cases) -> list[dict[str, Any]]:
    """Of each query of a list: the rank that its answer had, and what became of it."""
    from lsr.failures.lists import CHANGES

    return [
        {"was_rank": saved.ranks[found.ids[row]] or None, "change": CHANGES[change]}
        for row, change in zip(ran.rows, ran.changes, strict=True)
    ]


def write_list(
    path: Path,
    lab: Laboratory,
    found: Cases,
    rows: Sequence[int],
    records: list[dict[str, Any]],
    k: int,
) -> None:
    """A list as a file; its ending says as what."""
    from lsr.failures.files import csv_text, qrels_text, run_text
    from lsr.failures.lists import list_text
    from lsr.report.failures_page import failures_page
    from lsr.storage.files import replacing_file

    text = {
        ".csv": lambda: csv_text(records),
        ".json": lambda: list_text(lab, k, records),
        ".run": lambda: run_text(found, rows, lab.model.name),
        ".qrels": lambda: qrels_text(found, rows),
        ".html": lambda: failures_page(lab, found, rows, records, k),
    }[path.suffix]()
    try:
        with replacing_file(path) as temporary:
            temporary.write_bytes(text.encode())
    except OSError as problem:
        raise QueryError(
            f"`{path}` cannot be written ({problem.strerror}). Choose another file."
        ) from None
