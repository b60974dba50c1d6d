"""Accuracy against sparsity: one figure a model, with a marker where the knob stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lsr.sweep import SweepRow
from pages.parts.charts import legend

MEASURES = ("R@1", "R@5", "MRR@10")
AXES = {"active": "active terms a caption", "flops": "FLOPs"}
_STYLES = (("solid", "circle"), ("dot", "square"), ("dash", "diamond"))
_HEIGHT = 350


def across(row: SweepRow, axis: str) -> float:
    """Where a row stands on the horizontal axis."""
    return row.active_terms_query if axis == "active" else row.flops


def curve_figure(
    rows: Sequence[SweepRow],
    current: SweepRow,
    teacher: Mapping[str, float],
    palette: Sequence[str],
    axis: str,
) -> go.Figure:
    """MEASURES against active terms or FLOPs, bands of ±1 s.d., the teacher as thin lines.

    Args:
        current: the row that the marker stands on.
        axis: one of AXES.
    """
    x = [across(row, axis) for row in rows]
    now = across(current, axis)
    right = max(x) * 1.05 or 1.0
    traces: list[dict[str, Any]] = []
    for measure, colour, style in zip(MEASURES, palette, _STYLES, strict=False):
        traces += _band(rows, x, measure, colour)
        traces.append(_teacher_line(teacher[measure], right, measure, colour))
        traces += _line_and_marker(rows, x, (now, current.mean[measure]), measure, colour, style)
    return go.Figure(traces, _layout(now, right, axis, palette))


def _layout(now: float, right: float, axis: str, palette: Sequence[str]) -> dict[str, Any]:
    """Axes and legend, and an upright line where the knob stands."""
    ink = palette[3]
    return {
        "height": _HEIGHT,
        "margin": {"l": 8, "r": 12, "t": 40, "b": 44},
        "legend": legend(palette),
        "font": {"size": 13},
        "hovermode": "closest",
        "shapes": [
            {
                "type": "line",
                "x0": now,
                "x1": now,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "opacity": 0.5,
                "line": {"width": 1, "dash": "dot", "color": ink},
            }
        ],
        "xaxis": {
            "title": {"text": AXES[axis], "standoff": 6, "font": {"color": ink}},
            "range": [0, right],
            "fixedrange": True,
            "nticks": 7,
        },
        "yaxis": {"range": [0, 1.02], "tickformat": ".1f", "dtick": 0.2, "fixedrange": True},
    }


def _line_and_marker(
    rows: Sequence[SweepRow],
    x: list[float],
    now: tuple[float, float],
    measure: str,
    colour: str,
    style: tuple[str, str],
) -> list[dict[str, Any]]:
    """The curve of a measure and the point where the knob stands."""
    dash, symbol = style
    line = {
        "type": "scatter",
        "x": x,
        "y": [row.mean[measure] for row in rows],
        "mode": "lines",
        "line": {"color": colour, "width": 2.5, "dash": dash},
        "name": measure,
        "customdata": [row.value for row in rows],
        "hovertemplate": f"{measure} %{{y:.3f}} at %{{x:.1f}}, knob %{{customdata:g}}"
        "<extra></extra>",
    }
    marker = {
        "type": "scatter",
        "x": [now[0]],
        "y": [now[1]],
        "mode": "markers",
        "marker": {"color": colour, "size": 12, "symbol": symbol, "line": {"width": 1.5}},
        "name": f"{measure} now",
        "showlegend": False,
        "hovertemplate": f"{measure} %{{y:.3f}}<extra>now</extra>",
    }
    return [line, marker]


def _teacher_line(value: float, right: float, measure: str, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [0, right],
        "y": [value, value],
        "mode": "lines",
        "line": {"color": colour, "width": 1, "dash": "longdashdot"},
        "name": "dense teacher",
        "legendrank": 2000,
        "showlegend": measure == MEASURES[0],
        "hovertemplate": f"dense teacher {measure} %{{y:.3f}}<extra></extra>",
    }


def _band(
    rows: Sequence[SweepRow], x: list[float], measure: str, colour: str
) -> list[dict[str, Any]]:
    """Mean ± 1 s.d. of a measure, where it varies at all."""
    if not any(row.std[measure] for row in rows):
        return []
    upper = [row.mean[measure] + row.std[measure] for row in rows]
    lower = [row.mean[measure] - row.std[measure] for row in rows]
    shade = ", ".join(str(part) for part in bytes.fromhex(colour[1:]))
    return [
        {
            "type": "scatter",
            "x": [*x, *reversed(x)],
            "y": [*upper, *reversed(lower)],
            "fill": "toself",
            "fillcolor": f"rgba({shade}, 0.22)",
            "line": {"width": 0},
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "name": f"{measure} band",
        }
    ]


def curve_alt(model: str, rows: Sequence[SweepRow], current: SweepRow, axis: str) -> str:
    """What a figure shows, in words."""
    first, last = rows[0], rows[-1]
    return (
        f"Model {model}: R@1 goes from {first.mean['R@1']:.3f} at {across(first, axis):.1f} "
        f"{AXES[axis]} to {last.mean['R@1']:.3f} at {across(last, axis):.1f}; "
        f"now {current.mean['R@1']:.3f} at {across(current, axis):.1f}."
    )


def grid_table(grids: Mapping[str, Sequence[SweepRow]]) -> pd.DataFrame:
    """All rows of all models as one table, with the keys of the command line."""
    return pd.DataFrame(
        [{"model": model, **row.as_dict()} for model, rows in grids.items() for row in rows]
    )
