"""Sparsity against accuracy: curves of a knob, their Pareto frontier, and the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import plotly.graph_objects as go

from lsr.figures.style import DASHES, SYMBOLS, Palette, axis, layout, log_axis, shade
from lsr.sweep.nulls import NULLS
from lsr.sweep.sweep import SweepRow

LABELS = {
    "R@1": "R@1",
    "R@5": "R@5",
    "R@10": "R@10",
    "MRR@10": "MRR@10",
    "exact@20": "Exact@20",
    "semantic@20": "Semantic@20",
    "overlap@10": "overlap@10 with dense",
    "active_terms_query": "active terms a query",
    "active_terms_document": "active terms a document",
    "flops": "FLOPs",
    "posting_cost": "postings a query touches",
    "latency_us": "microseconds a query",
    "index_bytes": "bytes of the index",
}
MEANINGS = {
    "R@1": "share of queries with a right answer in first place",
    "R@5": "share of queries with a right answer among the first 5",
    "R@10": "share of queries with a right answer among the first 10",
    "MRR@10": "mean of 1 / rank of the best right answer, 0 beyond rank 10",
    "exact@20": "share of a caption's 20 strongest terms that it says itself",
    "semantic@20": "mean nearness of a caption's 20 strongest terms to a word that it says",
    "overlap@10": "share of the dense teacher's first 10 answers that are among the first 10",
    "active_terms_query": "mean number of terms that a query activates",
    "active_terms_document": "mean number of terms that a document activates",
    "flops": "mean number of terms that a query and a document share",
    "posting_cost": "mean number of postings that a query reads",
    "latency_us": "median microseconds of a search on one thread of this machine",
    "index_bytes": "4 bytes a posting for its row, its weight, and 8 bytes a term",
}
_HEIGHT = 400


@dataclass(frozen=True)
class Curve:
    """The rows of one knob under one name.

    now: place of the row that the knob stands at; None draws no marker.
    null: one of NULLS, whose rows are drawn without a frontier; empty for a model's own.
    """

    name: str
    rows: Sequence[SweepRow]
    now: int | None = None
    null: str = ""


class Look(NamedTuple):
    """How a curve is told from others: colour, symbol and dash, so that no two depend on one."""

    colour: str
    symbol: str
    dash: str


_NULL_LOOKS = dict(zip(NULLS, (("x", "dash"), ("cross", "dot"), ("star", "dashdot")), strict=True))
TEACHER_DASH, LEXICAL_DASH = "longdashdot", "dot"


def look_of_model(place: int, palette: Palette) -> Look:
    """Of the models of a chart, the one at a place."""
    at = place % len(palette.series)
    return Look(palette.series[at], SYMBOLS[at], DASHES[at])


def look_of_null(null: str, palette: Palette) -> Look:
    """Of one of NULLS: it steps back, and each has a mark of its own."""
    return Look(palette.faint, *_NULL_LOOKS[null])


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that no other beats: none is as cheap and better. Cost ascending.

    Args:
        points: (cost, accuracy) pairs.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = float("-inf"), []
    for place in order:
        if points[place][1] > best:
            best = points[place][1]
            kept.append(place)
    return kept


def trade_off_figure(
    curves: Sequence[Curve],
    palette: Palette,
    *,
    x: str = "active_terms_query",
    y: str = "R@1",
    log: bool = False,
    teacher: float | None = None,
    lexical: float | None = None,
) -> go.Figure:
    """Points of every curve, its frontier as steps, bands of ±1 s.d., the baselines as lines.

    Points that others of their curve dominate are faded. A point's `customdata` is its curve's
    name and its value of the knob.

    Args:
        x, y: names of LABELS. log: whether costs are drawn on a logarithmic axis.
        teacher, lexical: the value of `y` of the dense teacher and of BM25, where it has one.
    """
    traces: list[dict[str, Any]] = []
    costs: list[float] = []
    models = 0
    for curve in curves:
        look = look_of_null(curve.null, palette) if curve.null else look_of_model(models, palette)
        models += not curve.null
        points = _points(curve, x, y)
        if not points:
            continue
        costs += [cost for cost, _, _ in points]
        traces += _curve(curve, points, look, palette, y)
    low, high = (min(costs), max(costs)) if costs else (0.0, 1.0)
    ends = [low if log else 0.0, high * 1.05]
    for name, value, dash in (
        ("dense teacher", teacher, TEACHER_DASH),
        ("BM25 of captions", lexical, LEXICAL_DASH),
    ):
        if value is not None:
            traces.append(_baseline(name, value, dash, ends, palette, y))
    if log:
        across = log_axis(LABELS[x], palette)
    else:
        across = axis(LABELS[x], palette, nticks=7, range=[0, (high or 1.0) * 1.05])
    across |= {} if costs else {"showticklabels": False}
    up = axis(LABELS[y], palette, tickformat=".2f", nticks=6)
    return go.Figure(traces, layout(palette, _HEIGHT, xaxis=across, yaxis=up))


def _points(curve: Curve, x: str, y: str) -> list[tuple[float, float, SweepRow]]:
    """(cost, accuracy, row) where both are known."""
    return [
        (cost, value, row)
        for row in curve.rows
        if (cost := row.get(x)) is not None and (value := row.get(y)) is not None
    ]


def _curve(
    curve: Curve,
    points: list[tuple[float, float, SweepRow]],
    look: Look,
    palette: Palette,
    y: str,
) -> list[dict[str, Any]]:
    colour, symbol, dash = look
    ordered = sorted(points, key=lambda point: point[0])
    best = set() if curve.null else set(frontier([point[:2] for point in points]))
    traces = _band(ordered, colour, y)
    traces.append(
        {
            "type": "scatter",
            "x": [point[0] for point in points],
            "y": [point[1] for point in points],
            "mode": "lines+markers" if curve.null else "markers",
            "line": {"color": colour, "width": 1, "dash": dash},
            "name": curve.name,
            "legendgroup": curve.name,
            "showlegend": False,
            "customdata": [[curve.name, point[2].value] for point in points],
            "marker": {
                "color": colour,
                "symbol": symbol,
                "size": 7 if curve.null else 9,
                # A selection must not fade what the frontier left standing.
                "opacity": [1.0 if curve.null or i in best else 0.4 for i in range(len(points))],
            },
            "unselected": {"marker": {"opacity": 0.55}},
            "hovertemplate": "knob %{customdata[1]:~g}: %{y:.3f} at %{x:,.4g}<extra>"
            + curve.name
            + "</extra>",
        }
    )
    traces.append(_legend_entry(curve, look))
    if best:
        traces.append(_steps(points, best, look, curve.name))
    if curve.now is not None and 0 <= curve.now < len(curve.rows):
        traces += _marker(curve, points, colour, symbol, palette)
    return traces


def _legend_entry(curve: Curve, look: Look) -> dict[str, Any]:
    """The legend takes its looks from a trace's first point, which may be a faded one."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "lines+markers" if curve.null else "markers",
        "line": {"color": look.colour, "width": 1, "dash": look.dash},
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 9},
        "name": curve.name,
        "legendgroup": curve.name,
        "hoverinfo": "skip",
    }


def _steps(
    points: list[tuple[float, float, SweepRow]],
    best: set[int],
    look: Look,
    name: str,
) -> dict[str, Any]:
    """The Pareto frontier: what accuracy is to be had for at most a cost."""
    kept = sorted(points[place][:2] for place in best)
    return {
        "type": "scatter",
        "x": [cost for cost, _ in kept],
        "y": [value for _, value in kept],
        "mode": "lines",
        "line": {"color": look.colour, "width": 2, "shape": "hv", "dash": look.dash},
        "name": f"{name} frontier",
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _marker(
    curve: Curve,
    points: list[tuple[float, float, SweepRow]],
    colour: str,
    symbol: str,
    palette: Palette,
) -> list[dict[str, Any]]:
    """Where the knob stands."""
    row = curve.rows[curve.now or 0]
    here = next((point for point in points if point[2] is row), None)
    if here is None:
        return []
    return [
        {
            "type": "scatter",
            "x": [here[0]],
            "y": [here[1]],
            "mode": "markers",
            "marker": {
                "color": colour,
                "symbol": symbol,
                "size": 17,
                "line": {"width": 2.5, "color": palette.ink},
            },
            "name": f"{curve.name} now",
            "showlegend": False,
            "hovertemplate": "%{y:.3f} at %{x:,.4g}<extra>now</extra>",
        }
    ]


def _baseline(
    name: str, value: float, dash: str, ends: list[float], palette: Palette, y: str
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": ends,
        "y": [value, value],
        "mode": "lines",
        "line": {"color": palette.ink, "width": 1.2, "dash": dash},
        "name": name,
        "hovertemplate": f"{name}: {LABELS[y]} %{{y:.3f}}<extra></extra>",
    }


def _band(points: list[tuple[float, float, SweepRow]], colour: str, y: str) -> list[dict[str, Any]]:
    """Mean ± 1 s.d., where a measure varies at all."""
    if not any(point[2].std.get(y) for point in points):
        return []
    upper = [value + (row.std[y] or 0.0) for _, value, row in points]
    lower = [value - (row.std[y] or 0.0) for _, value, row in points]
    across = [cost for cost, _, _ in points]
    return [
        {
            "type": "scatter",
            "x": [*across, *reversed(across)],
            "y": [*upper, *reversed(lower)],
            "fill": "toself",
            "fillcolor": shade(colour, 0.2),
            "line": {"width": 0},
            "mode": "lines",
            "hoverinfo": "skip",
            "showlegend": False,
            "name": "band",
        }
    ]


def frontier_alt(curves: Sequence[Curve], x: str, y: str) -> str:
    """What a figure shows, in words."""
    said = []
    for curve in curves:
        points = sorted((cost, value) for cost, value, _ in _points(curve, x, y))
        if not points:
            continue
        (first_cost, first), (last_cost, last) = points[0], points[-1]
        said.append(
            f"{curve.name}: {LABELS[y]} goes from {first:.3f} at {first_cost:,.4g} "
            f"{LABELS[x]} to {last:.3f} at {last_cost:,.4g}"
        )
    return "; ".join(said) + "." if said else "Nothing was measured."
