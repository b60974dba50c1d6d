"""Computing an old report anew, and naming what drifted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lsr.exceptions import QueryError
from lsr.exports.cells import harmless_table
from lsr.report.report_tables import ReportSettings, Table, compute, read_settings
from lsr.storage.folders import read_one_version
from lsr.storage.untrusted import DamagedError, parsed

# What identifies a row of each table; all other columns are compared.
_KEYS = {
    "curves": ["model", "null", "knob", "value"],
    "operating_points": ["model", "keep"],
    "queries": ["model", "query", "rank"],
    "compared": ["model", "budget"],
    "ablation": ["study", "run"],
    "mismatch": ["run", "queries", "rate"],
}
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Drift:
    """A number or a word that came out differently; `row` says where it stands."""

    table: str
    row: str
    column: str
    kept: str
    now: str


@dataclass(frozen=True)
class Checked:
    """How far a check is; `drifts` with the last one, empty where nothing changed."""

    done: int
    planned: int
    step: str
    drifts: list[Drift] | None = None


def check_report(folder: Path) -> Iterator[Checked]:
    """Compute the tables of a report again; nothing is written.

    Raises:
        QueryError: there is no report, or a table of it is damaged.
        InputError: what it is about is not there any more.
    """
    settings, card, stored = read_one_version(folder, lambda: _read_report(folder))
    for step in compute(settings):
        if step.tables is None:
            yield Checked(step.done, step.planned, step.step)
            continue
        about = step.about or {}
        drifts = _cards(card["fingerprints"], about)
        for name, keys in _KEYS.items():
            if name == "compared" and not (folder / f"{name}.csv").exists():
                continue  # of a version that did not compare
            drifts += compare_tables(
                name, keys, stored[name], harmless_table(step.tables.get(name, pd.DataFrame()))
            )
        yield Checked(step.planned, step.planned, "done", drifts)


def _read_report(folder: Path) -> tuple[ReportSettings, dict[str, Any], dict[str, Table]]:
    return *read_settings(folder), {
        name: _read(folder / f"{name}.csv", keys) for name, keys in _KEYS.items()
    }


def _cards(kept: dict[str, Any], now: dict[str, Any]) -> list[Drift]:
    """Fingerprints that changed: they tell why numbers do."""
    before, after = (
        {
            **{name: side[name] for name in ("collection", "queries") if name in side},
            **side["models"],
        }
        for side in (kept, now)
    )
    return [
        Drift("report", name, "fingerprint", before[name], after.get(name, "missing"))
        for name in before
        if before[name] != after.get(name)
    ]


def _read(path: Path, keys: Sequence[str]) -> Table:
    """A table of a report, empty where it has no rows.

    Raises:
        QueryError: it cannot be read, or lacks a column that tells its rows apart.
    """
    if not path.exists() or not path.read_bytes().strip():  # as a table without a row is written
        return pd.DataFrame()
    try:
        with parsed():
            table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (DamagedError, OSError) as problem:
        raise QueryError(f"`{path}` cannot be read ({problem}). Write the report anew.") from None
    if absent := [name for name in keys if name not in table.columns]:
        raise QueryError(f"`{path}` has no column {', '.join(absent)}. Write the report anew.")
    return table


def compare_tables(name: str, keys: list[str], kept: Table, now: Table) -> list[Drift]:
    """Every cell that differs, and every row that only one side has."""
    old, new = _by_key(kept, keys), _by_key(now, keys)
    drifts = []
    for key in old.keys() | new.keys():
        where = ", ".join(f"{k} {v}" for k, v in zip(keys, key, strict=True) if v != "")
        if key not in new or key not in old:
            missing, there = "missing", "there"
            states = (there, missing) if key in old else (missing, there)
            drifts.append(Drift(name, where, "row", *states))
            continue
        drifts += [
            Drift(name, where, column, _text(old[key][column]), _text(new[key].get(column)))
            for column in old[key]
            if not _same(old[key][column], new[key].get(column))
        ]
    return sorted(drifts, key=lambda drift: (drift.row, drift.column))


def _by_key(table: Table, keys: list[str]) -> dict[tuple[str, ...], dict[str, Any]]:
    if table.empty:
        return {}
    return {
        tuple(_text(row[key]) for key in keys): {str(k): v for k, v in row.items() if k not in keys}
        for row in table.to_dict("records")
    }


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _text(value: Any) -> str:
    if _missing(value):
        return ""
    return f"{value:.9g}" if isinstance(value, int | float) else str(value)


def _same(kept: Any, now: Any) -> bool:
    if _missing(kept) or _missing(now):
        return _missing(kept) and _missing(now)
    try:
        return math.isclose(float(kept), float(now), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    except (TypeError, ValueError):
        return str(kept) == str(now)
