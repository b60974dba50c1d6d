"""The page of a report: contents, one legend for all curves of models, charts and tables."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pandas as pd

from lsr.evaluation.passes import COSTS, MEASURES
from lsr.figures.compared import compared_figure
from lsr.figures.frontier import (
    LABELS,
    TEACHER_DASH,
    Curve,
    Look,
    frontier_alt,
    look_of_model,
    look_of_null,
    trade_off_figure,
)
from lsr.figures.style import LIGHT
from lsr.figures.trained import controls_figure, mismatch_figure, sizes_figure
from lsr.report.drawn import chart, scripts
from lsr.report.legend import legend
from lsr.report.report_tables import ReportSettings, Table
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import RANKINGS, TOKEN_PRUNINGS
from lsr.sweep.sweep import SweepRow

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
nav ul { columns: 14rem; padding-left: 1.2rem; }
nav li li { break-inside: avoid; }
ul.legend { list-style: none; margin: 0; padding: .5rem 0; display: flex; flex-wrap: wrap;
  gap: .2rem 1.4rem; font-size: .88rem; position: sticky; top: 0; background: #fdfcf8; z-index: 1;
  border-bottom: 1px solid #d8d5cc; }
ul.legend li { display: flex; align-items: center; gap: .4rem; }
h2, h3 { scroll-margin-top: 6rem; }
"""


def render(
    settings: ReportSettings, tables: dict[str, Table], card: dict[str, Any], ablation: str
) -> str:
    """The page, with plotly inside."""
    curves = tables["curves"]
    body = "".join(
        (
            # The legend stays in sight as long as charts of models do.
            f"<div>{_legend(settings, curves)}",
            _curves(curves, card["teacher"]),
            f"{_compared(tables['compared'])}</div>",
            _points(tables["operating_points"]),
            _queries(tables["queries"]),
            _ablation(tables, ablation),
        )
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Lexiscope report: {escape(', '.join(settings.models))}</title>"
        f"<style>{_STYLE}</style></head><body>{_head(settings, card)}{_contents(body)}{body}"
        f"{scripts()}</body></html>"
    )


def _contents(body: str) -> str:
    """Links to the headings of a page."""
    found = re.findall(r"<h([23]) id='([^']+)'>(.*?)</h\1>", body)
    lines = []
    for place, (level, mark, words) in enumerate(found):
        link = f"<a href='#{mark}'>{re.sub('<[^>]+>', '', words)}</a>"
        opens = level == "2" and found[place + 1 : place + 2] and found[place + 1][0] == "3"
        closes = level == "3" and (place + 1 == len(found) or found[place + 1][0] == "2")
        lines.append(f"<li>{link}" + ("<ul>" if opens else "</li>") + ("</ul></li>" * closes))
    return f"<nav aria-label='Contents'><h2>Contents</h2><ul>{''.join(lines)}</ul></nav>"


def _heading(level: int, words: str, inside: str = "") -> str:
    """A heading that contents can lead to.

    Args:
        inside: HTML in place of the words.
    """
    mark = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    return f"<h{level} id='{mark}'>{inside or escape(words)}</h{level}>"


def _legend(settings: ReportSettings, curves: Table) -> str:
    entries = [(name, look_of_model(i, LIGHT)) for i, name in enumerate(settings.models)]
    measured = curves[curves["null"] != ""] if len(curves) else curves
    entries += [
        (f"{settings.models[0]}, {null}", look_of_null(str(null), LIGHT))
        for null in measured["null"].unique()
    ]
    return legend([*entries, ("dense teacher", Look(LIGHT.ink, "", TEACHER_DASH))])


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
    parts = [_heading(2, "Every knob")]
    parts.append(
        "<p>Points are values of a knob; steps are the Pareto frontier; faded points are beaten by "
        "another of their curve. Nulls: expansion terms shuffled, a random head cut to as many "
        "terms, captions as bare lists of words.</p>"
    )
    for knob in curves["knob"].unique():
        mine = curves[curves["knob"] == knob]
        drawn = [
            Curve(f"{model}, {null}" if null else model, _rows(part), null=str(null))
            for (model, null), part in mine.groupby(["model", "null"], sort=False)
        ]
        in_postings = "@images" in knob or knob.startswith("bits")
        in_postings |= parse_knob(knob).control in (*TOKEN_PRUNINGS, *RANKINGS)
        figure = trade_off_figure(
            drawn,
            LIGHT,
            x="posting_cost" if in_postings else "active_terms_query",
            log=True,
            teacher=teacher["R@1"],
        )
        figure.update_layout(showlegend=False, margin_t=12)
        x = figure.layout.xaxis.title.text
        cost = next(name for name, label in LABELS.items() if label == x)
        parts.append(_heading(3, knob) + chart(figure, frontier_alt(drawn, cost, "R@1")))
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
    figure.update_layout(showlegend=False, margin_t=12)
    told = ", ".join(f"{row['model']} {row['R@1']:.3f} at {row['flops']:.3g} FLOPs" for row in rows)
    return (
        _heading(2, "At equal numbers of terms")
        + "<p>Text to image. Each model with all its terms, and with the k strongest of each "
        "vector; exact and semantic: of an image's ten strongest terms; hubs: terms of more than "
        "half of the images. Stability: what a model and its twin with another seed share.</p>"
        + chart(figure, f"R@1 over FLOPs: {told}")
        + _table(compared)
    )


def _points(points: Table) -> str:
    return (
        _heading(2, "Cheapest settings that keep the accuracy")
        + "<p>Solved over every rate and every pruning of captions and images, alone and together; "
        "cost: postings that a query touches. Each is chosen on one split and measured on the "
        "report's own; the last two columns bound the change of R@1 (95 %, paired bootstrap over "
        "images).</p>" + _table(points)
    )


def _queries(queries: Table) -> str:
    if queries.empty:
        return ""
    parts = [_heading(2, "Example queries"), "<p>A star marks a term that the model added.</p>"]
    for (model, query), part in queries.groupby(["model", "query"], sort=False):
        terms = part["terms"].iloc[0]
        parts.append(
            _heading(
                3,
                f"{query} in {model}",
                f"{escape(str(query))} <small>in {escape(str(model))}</small>",
            )
            + f"<p>{escape(terms)}</p>"
            + _table(part[["rank", "image_id", "score", "because"]])
        )
    return "".join(parts)


def _ablation(tables: dict[str, Table], command: str) -> str:
    if "ablation" not in tables:
        return ""
    runs = _records(tables["ablation"])
    controls = [row for row in runs if row["study"] == "controls"]
    parts = [_heading(2, "Control in training: the shipped ablation")]
    for y in ("literal_R@1", "R@1"):
        parts.append(chart(controls_figure(controls, LIGHT, y=y), f"{y} of every control"))
    mismatch = _records(tables["mismatch"])
    cells: dict[tuple[float, str], list[dict[str, Any]]] = {}
    for row in mismatch:
        cells.setdefault((row["regularizer_weight"], row["queries"]), []).append(row)
    for (weight, queries), mine in sorted(cells.items()):
        words = (
            f"Trained under a control, searched at a rate: R@1 on {queries or 'captions'}, "
            f"weight {weight:g}"
        )
        parts.append(_heading(3, words) + chart(mismatch_figure(mine, LIGHT), words))
    if sizes := [row for row in runs if row["study"] == "size"]:
        words = "Size of the head"
        parts.append(_heading(3, words) + chart(sizes_figure(sizes, LIGHT), words))
    parts.append(f"<p>Made by <code>{escape(command)}</code></p>")
    return "".join(parts)


def _records(table: Table) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


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
