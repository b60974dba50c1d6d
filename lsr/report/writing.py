"""A report as a folder: one page that needs no network, and the tables behind it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly
import plotly.graph_objects as go

from lsr.evaluation.passes import COSTS, MEASURES
from lsr.exceptions import QueryError
from lsr.exports.cells import harmless_table
from lsr.figures.compared import compared_figure
from lsr.figures.frontier import Curve, trade_off_figure
from lsr.figures.style import LIGHT
from lsr.figures.trained import controls_figure, mismatch_figure, sizes_figure
from lsr.report.report_tables import CARD, SCHEMA, ReportSettings, Table, compute, settings_as_json
from lsr.storage.files import write_json
from lsr.storage.folders import replacing_folder
from lsr.storage.leftovers import restore_if_lost
from lsr.sweep.sweep import SweepRow

PAGE = "index.html"
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #20262e; background: #fdfcf8; margin: 0 auto;
  max-width: 62rem; padding: 2rem 1rem 4rem; }
h1, h2 { font-family: Georgia, serif; line-height: 1.2; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; font-size: .88rem; width: 100%; display: block; overflow-x: auto;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #d8d5cc; }
th:first-child, td:first-child, td.text { text-align: left; }
code { background: #efece4; padding: .1rem .3rem; border-radius: .2rem; overflow-wrap: anywhere; }
p.note { color: #555b63; }
"""


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


def render(
    settings: ReportSettings, tables: dict[str, Table], card: dict[str, Any], ablation: str
) -> str:
    """The page, with plotly inside."""
    sections = [
        _head(settings, card),
        _curves(tables["curves"], card["teacher"]),
        _compared(tables["compared"]),
        _points(tables["operating_points"]),
        _queries(tables["queries"]),
        _ablation(tables, ablation),
    ]
    script = f"<script>{plotly.offline.get_plotlyjs()}</script>"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Lexiscope report: {escape(', '.join(settings.models))}</title>"
        f"<style>{_STYLE}</style>{script}</head><body>{''.join(sections)}</body></html>"
    )


def _head(settings: ReportSettings, card: dict[str, Any]) -> str:
    marks = card["fingerprints"]
    rows = {
        "Collection": f"{settings.collection} ({marks['collection']}), split {settings.split}",
        "Models": ", ".join(f"{name} ({mark})" for name, mark in marks["models"].items()),
        "Direction": settings.direction,
        "Random knobs": f"{settings.draws} draws, seed {settings.seed}",
        "Dense teacher": ", ".join(f"{k} {v:.3f}" for k, v in card["teacher"].items()),
        "Versions": ", ".join(f"{k} {v}" for k, v in card["versions"].items()),
    }
    if settings.query_set:
        rows["Queries"] = f"query set {settings.query_set} ({marks['queries']})"
    lines = "".join(
        f"<tr><th>{escape(k)}</th><td class='text'>{escape(v)}</td></tr>" for k, v in rows.items()
    )
    again = f"<p>Written by <code>{escape(card['command'])}</code></p>" if card["command"] else ""
    return (
        f"<h1>Sparsity against accuracy</h1><table>{lines}</table>{again}"
        "<p class='note'>The CSV files beside this page hold every number. "
        "<code>python -m lsr report --check --out FOLDER</code> computes them again and names what "
        "drifted.</p>"
    )


def _curves(curves: Table, teacher: dict[str, float]) -> str:
    parts = ["<h2>Every knob</h2>"]
    parts.append(
        "<p>Points are values of a knob; steps are the Pareto frontier; faded points are beaten by "
        "another of their curve. Nulls: expansion terms shuffled, a random head cut to as many "
        "terms, captions as bare lists of words.</p>"
    )
    for knob in curves["knob"].unique():
        mine = curves[curves["knob"] == knob]
        drawn = [
            Curve(f"{model}, {null}" if null else model, _rows(part), null=bool(null))
            for (model, null), part in mine.groupby(["model", "null"], sort=False)
        ]
        image_side = "@images" in knob or knob.startswith("bits")
        figure = trade_off_figure(
            drawn,
            LIGHT,
            x="posting_cost" if image_side else "active_terms_query",
            log=True,
            teacher=teacher["R@1"],
        )
        parts.append(f"<h3>{escape(knob)}</h3>{_figure(figure)}")
    return "".join(parts)


def _rows(part: Table) -> list[SweepRow]:
    """Rows of a curve as the figures want them."""
    rows = []
    for record in part.to_dict("records"):
        known = {name: _known(record.get(name)) for name in (*MEASURES, *COSTS)}
        costs = {name: known[name] for name in COSTS if name != "latency_us"}
        rows.append(
            SweepRow(
                value=record["value"],
                mean={name: known[name] for name in MEASURES},
                std={name: _known(record.get(f"{name}_std")) for name in MEASURES},
                **costs,  # type: ignore[arg-type]
            )
        )
    return rows


def _known(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _compared(compared: Table) -> str:
    rows = _records(compared)
    figure = compared_figure(rows, rows[0]["dense_R@1"], LIGHT)
    return (
        "<h2>At equal numbers of terms</h2>"
        "<p>Text to image. Each model with all its terms, and with the k strongest of each vector; "
        "exact and semantic: of an image's ten strongest terms; hubs: terms of more than half of "
        "the images. Stability: what a model and its twin with another seed share.</p>"
        + _figure(figure)
        + _table(compared)
    )


def _points(points: Table) -> str:
    return (
        "<h2>Cheapest settings that keep the accuracy</h2>"
        "<p>Solved over every rate and every pruning of captions and images, alone and together; "
        "cost: postings that a query touches. Each is chosen on one split and measured on the "
        "report's own; the last two columns bound the change of R@1 (95 %, paired bootstrap over "
        "images).</p>" + _table(points)
    )


def _queries(queries: Table) -> str:
    if queries.empty:
        return ""
    parts = ["<h2>Example queries</h2><p>A star marks a term that the model added.</p>"]
    for (model, query), part in queries.groupby(["model", "query"], sort=False):
        terms = part["terms"].iloc[0]
        parts.append(
            f"<h3>{escape(str(query))} <small>in {escape(str(model))}</small></h3>"
            f"<p>{escape(terms)}</p>" + _table(part[["rank", "image_id", "score", "because"]])
        )
    return "".join(parts)


def _ablation(tables: dict[str, Table], command: str) -> str:
    if "ablation" not in tables:
        return ""
    runs = _records(tables["ablation"])
    controls = [row for row in runs if row["study"] == "controls"]
    parts = ["<h2>Control in training: the shipped ablation</h2>"]
    for y in ("literal_R@1", "R@1"):
        parts.append(_figure(controls_figure(controls, LIGHT, y=y)))
    mismatch = _records(tables["mismatch"])
    cells: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for row in mismatch:
        cells.setdefault((row["regularizer_weight"], row["queries"]), []).append(row)
    for (weight, queries), mine in sorted(cells.items()):
        parts.append(
            "<h3>Trained under a control, searched at a rate: R@1 on "
            f"{escape(queries or 'captions')}, weight {weight:g}</h3>"
            + _figure(mismatch_figure(mine, LIGHT))
        )
    if sizes := [row for row in runs if row["study"] == "size"]:
        parts.append("<h3>Size of the head</h3>" + _figure(sizes_figure(sizes, LIGHT)))
    parts.append(f"<p>Made by <code>{escape(command)}</code></p>")
    return "".join(parts)


def _records(table: Table) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _figure(figure: go.Figure) -> str:
    figure.update_layout(paper_bgcolor="#fdfcf8", plot_bgcolor="#fdfcf8", template="plotly_white")
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            config={"displayModeBar": False, "responsive": True},
        )
    )


def _table(table: Table) -> str:
    heads = "".join(f"<th>{escape(str(name))}</th>" for name in table.columns)
    lines = [
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>"
        for row in table.itertuples(index=False)
    ]
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td class='text'>{escape(value)}</td>"
    return f"<td>{value:,.4g}</td>" if isinstance(value, float) else f"<td>{value}</td>"
