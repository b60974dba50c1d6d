"""Figures of an ablation: what control in training does, and what it is worth elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from statistics import fmean, stdev
from typing import Any

import plotly.graph_objects as go

from lsr.ablation.dial import DialRow
from lsr.figures.style import Palette, axis, layout, log_axis

Row = dict[str, Any]
RUN_LABELS = {
    "R@1": "R@1",
    "literal_R@1": "R@1 with literal terms only",
    "queries_R@1": "R@1 on the query set",
    "queries_literal_R@1": "R@1 on the query set, literal terms only",
    "exact@20": "Exact@20",
    "semantic@20": "Semantic@20",
    "overlap@10": "overlap@10 with dense",
    "flops": "FLOPs",
    "active_terms_image": "active terms an image",
    "active_terms_query": "active terms a caption",
}
# Where on the dial a rate that rises stands: beside the others, no number of its own.
_SCHEDULED = 1.25
_MARKS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "hexagon")


def controls_figure(
    rows: Sequence[Row], palette: Palette, *, x: str = "flops", y: str = "R@1", log: bool = True
) -> go.Figure:
    """A point for each control and regularizer weight: mean over seeds, bars of ±1 s.d.

    Args:
        rows: of runs.parquet, and of models that a user trained (their control names them).
    """
    names = list(dict.fromkeys(row["control"] for row in rows))
    traces = []
    for place, name in enumerate(names):
        cells: dict[Any, list[Row]] = {}
        for row in rows:
            if row["control"] == name and row.get(x) is not None and row.get(y) is not None:
                cells.setdefault(row["regularizer_weight"], []).append(row)
        if not cells:
            continue
        colour = palette.series[place % 4]
        traces.append(
            {
                "type": "scatter",
                "x": [fmean(run[x] for run in runs) for runs in cells.values()],
                "y": [fmean(run[y] for run in runs) for runs in cells.values()],
                "error_y": _bars([[run[y] for run in runs] for runs in cells.values()], colour),
                "mode": "markers+lines",
                "line": {"color": colour, "width": 1, "dash": "dot"},
                "marker": {
                    "color": colour,
                    "size": 11,
                    "symbol": _MARKS[place % 8] + ("" if place < 4 else "-open"),
                    "line": {"color": colour, "width": 2},
                },
                "name": name,
                "customdata": [[weight, len(runs)] for weight, runs in cells.items()],
                "hovertemplate": "%{y:.3f} at %{x:,.3g}, weight %{customdata[0]:g}, "
                "%{customdata[1]} seeds<extra>" + name + "</extra>",
            }
        )
    if log:
        across = log_axis(RUN_LABELS[x], palette)
    else:
        across = axis(RUN_LABELS[x], palette, rangemode="tozero")
    up = axis(RUN_LABELS[y], palette, tickformat=".2f", rangemode="tozero")
    shape = layout(palette, 440, xaxis=across, yaxis=up)
    shape["margin"]["t"] = 84
    return go.Figure(traces, shape)


def _bars(values: list[list[float]], colour: str) -> dict[str, Any]:
    spread = [stdev(run) if len(run) > 1 else 0.0 for run in values]
    return {"type": "data", "array": spread, "color": colour, "thickness": 1.2, "width": 4}


def dial_figure(rows: Sequence[DialRow], palette: Palette) -> go.Figure:
    """R@1 against the rate of control in training: all terms, own words, and the teacher.

    A colour for the captions and one for the query set. The scheduled control, whose rate rises,
    stands apart at the right end.
    """
    traces: list[dict[str, Any]] = []
    sets = list(dict.fromkeys(row.queries for row in rows))
    for place, queries in enumerate(sets):
        own = [row for row in rows if row.queries == queries]
        colour, name = palette.series[place % 4], queries or "captions"
        for kind, dash, symbol, value in (
            ("all terms", "solid", "circle", attrgetter("all_terms")),
            ("own words alone", "dot", "diamond-open", attrgetter("own_words")),
        ):
            for ordinary in (True, False):
                told = [row for row in own if (row.rate is not None) == ordinary]
                traces.append(
                    {
                        "type": "scatter",
                        "x": [_dial_place(row) for row in told],
                        "y": [value(row) for row in told],
                        "mode": "lines+markers" if ordinary else "markers",
                        "name": f"{name}, {kind}",
                        "legendgroup": f"{name}, {kind}",
                        "showlegend": ordinary,
                        "line": {"color": colour, "dash": dash, "width": 2},
                        "marker": {"color": colour, "symbol": symbol, "size": 9},
                        "customdata": [row.control for row in told],
                        "hovertemplate": "%{customdata}: %{y:.3f}<extra>"
                        + f"{name}, {kind}</extra>",
                    }
                )
        if own:
            traces.append(
                {
                    "type": "scatter",
                    "x": [0, _SCHEDULED],
                    "y": [own[0].dense] * 2,
                    "mode": "lines",
                    "line": {"color": colour, "width": 1, "dash": "longdashdot"},
                    "name": f"{name}, dense teacher",
                    "hovertemplate": f"{name}, dense teacher: %{{y:.3f}}<extra></extra>",
                }
            )
    across = axis(
        "rate at which captions may expand while the head learns",
        palette,
        tickvals=[0, 0.25, 0.5, 0.75, 1, _SCHEDULED],
        ticktext=["0", "0.25", "0.5", "0.75", "1", "scheduled"],
    )
    up = axis("R@1", palette, tickformat=".2f", rangemode="tozero")
    shape = layout(palette, 420, xaxis=across, yaxis=up)
    shape["margin"]["t"] = 84
    return go.Figure(traces, shape)


def _dial_place(row: DialRow) -> float:
    return _SCHEDULED if row.rate is None else row.rate


def mismatch_table(rows: Sequence[Row], measure: str = "R@1") -> tuple[list[str], list[float], Any]:
    """(controls, inference rates, mean measure by control and rate)."""
    controls = list(dict.fromkeys(row["control"] for row in rows))
    rates = sorted({row["rate"] for row in rows})
    values = [
        [
            fmean(row[measure] for row in rows if row["control"] == name and row["rate"] == rate)
            for rate in rates
        ]
        for name in controls
    ]
    return controls, rates, values


def mismatch_figure(rows: Sequence[Row], palette: Palette, measure: str = "R@1") -> go.Figure:
    """Trained at a rate (rows) and searched at another (columns), as a heat map with numbers."""
    controls, rates, values = mismatch_table(rows, measure)
    trace = {
        "type": "heatmap",
        "z": values,
        "x": [f"{rate:g}" for rate in rates],
        "y": controls,
        "colorscale": "Cividis",
        # Without the leading 0 the numbers fit on a telephone.
        "text": [[f"{value:.2f}".removeprefix("0") for value in row] for row in values],
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "hovertemplate": "trained %{y}, searched at %{x}: %{z:.3f}<extra></extra>",
        "showscale": False,
    }
    across = axis("caption-level rate at inference", palette, type="category")
    up = axis("trained at", palette, autorange="reversed", type="category")
    shape = layout(palette, 46 * len(controls) + 90, xaxis=across, yaxis=up)
    shape["margin"]["t"] = 12
    return go.Figure([trace], shape)


def sizes_figure(rows: Sequence[Row], palette: Palette) -> go.Figure:
    """R@1 at full expansion and with literal terms only against the hidden size."""
    sizes = sorted({row["hidden_size"] for row in rows})
    traces = []
    for place, (name, label) in enumerate(
        (("R@1", "all terms"), ("literal_R@1", "literal terms only"))
    ):
        values = [[row[name] for row in rows if row["hidden_size"] == size] for size in sizes]
        colour = palette.series[place]
        traces.append(
            {
                "type": "scatter",
                "x": sizes,
                "y": [fmean(runs) for runs in values],
                "error_y": _bars(values, colour),
                "mode": "lines+markers",
                "name": label,
                "line": {"color": colour, "dash": ("solid", "dot")[place]},
                "marker": {"color": colour, "symbol": _MARKS[place], "size": 9},
                "hovertemplate": "hidden %{x}: %{y:.3f}<extra>" + label + "</extra>",
            }
        )
    across = axis("hidden size of the head", palette, type="log", tickvals=sizes)
    up = axis("R@1", palette, tickformat=".2f", rangemode="tozero")
    return go.Figure(traces, layout(palette, 340, xaxis=across, yaxis=up))
