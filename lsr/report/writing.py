"""A report as a folder: one page that needs no network, and the tables behind it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly

from lsr.exceptions import QueryError
from lsr.exports.cells import harmless_table
from lsr.report.page import render
from lsr.report.report_tables import CARD, SCHEMA, ReportSettings, compute, settings_as_json
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.leftovers import restore_if_lost

PAGE = "index.html"


@dataclass(frozen=True)
class ReportProgress:
    """How far the writing of a report is; `folder` once it is there."""

    done: int
    planned: int
    step: str
    folder: Path | None = None


def write_report(
    folder: Path, settings: ReportSettings, command: str = ""
) -> Iterator[ReportProgress]:
    """Compute a report and put it into a folder, whole or not at all.

    Args:
        command: the line that writes it again, shown on the page.

    Raises:
        QueryError: the folder holds something that is no report.
        BusyError: another process is writing into the folder.
        InputError: what is named is not there, or does not fit together.
        DiskFullError: there is no room.
    """
    _check_folder(folder)
    for step in compute(settings):
        if step.tables is None:
            yield ReportProgress(step.done, step.planned, step.step)
            continue
        tables, about = step.tables, step.about or {}
        card = {
            "schema": SCHEMA,
            "settings": settings_as_json(settings),
            "fingerprints": {
                name: about[name] for name in ("collection", "models", "queries") if name in about
            },
            "teacher": about["teacher"],
            "command": command,
            "versions": _versions(),
        }
        with replacing_folder(folder) as temporary:
            for name, table in tables.items():
                harmless_table(table).to_csv(temporary / f"{name}.csv", index=False)
            write_json(temporary / CARD, card)
            page = render(settings, tables, card, about.get("ablation", ""))
            (temporary / PAGE).write_text(page, "utf-8")
            _check_folder(folder)  # others may have put files there meanwhile
        yield ReportProgress(step.planned, step.planned, "done", folder)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds something other than a report.

    Raises:
        QueryError: it does.
    """
    restore_if_lost(folder)
    if folder.exists() and not (folder.is_dir() and (folder / CARD).exists()):
        if folder.is_dir() and not any(folder.iterdir()):
            return
        raise QueryError(f"`{folder}` holds other files. Give a folder of its own.")


def _versions() -> dict[str, str]:
    import numba
    import torch

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "torch": torch.__version__,
        "plotly": plotly.__version__,
    }
