"""Figures of word-level coins: what every rate of them gives one query, or a whole split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from lsr.figures.style import DASHES, SYMBOLS, Palette, axis, layout, shade
from lsr.sweep.exact_coins import Expected

_RATE = "rate p of every coin"
_AXIS = {"range": [-0.02, 1.02], "nticks": 6}


def chances_figure(
    rates: Sequence[float],
    chances: Mapping[str, Sequence[float]],
    palette: Palette,
    rate: float,
    *,
    drawn: bool,
) -> go.Figure:
    """Chances over the rate, a line each, or marks where they are drawn; `rate` is marked.

    Args:
        chances: at each of `rates`, by what they are chances of.
    """
    traces = [
        {
            "type": "scatter",
            "x": list(rates),
            "y": list(values),
            "mode": "lines+markers" if drawn else "lines",
            "line": {"color": palette.series[place], "width": 2, "dash": DASHES[place]},
            "marker": {"symbol": SYMBOLS[place], "size": 8, "color": palette.series[place]},
            "name": name,
            "hovertemplate": "p %{x:.2f}: %{y:.3f}<extra>" + name + "</extra>",
        }
        for place, (name, values) in enumerate(chances.items())
    ]
    up = axis("", palette, range=[-0.03, 1.03], tickformat=".1f", nticks=6)
    shape = layout(palette, 300, xaxis=axis(_RATE, palette, **_AXIS), yaxis=up)
    mark = {"color": palette.faint, "dash": "dot", "width": 1}
    ends = {"x0": rate, "x1": rate, "yref": "paper", "y0": 0, "y1": 1}
    shape["shapes"] = [{"type": "line", "line": mark, **ends}]
    return go.Figure(traces, shape)


def expected_figure(rows: Sequence[Expected], measure: str, palette: Palette) -> go.Figure:
    """A split's expected measure over the rate, with the band that draws leave."""
    rates = [row.value for row in rows]
    high = [row.mean + row.half_width for row in rows]
    low = [row.mean - row.half_width for row in rows]
    traces = [
        {
            "type": "scatter",
            "x": [*rates, *reversed(rates)],
            "y": [*high, *reversed(low)],
            "mode": "lines",
            "line": {"width": 0},
            "fill": "toself",
            "fillcolor": shade(palette.first, 0.2),
            "hoverinfo": "skip",
            "name": "95 % interval that the draws leave",
        },
        {
            "type": "scatter",
            "x": rates,
            "y": [row.mean for row in rows],
            "mode": "lines",
            "line": {"color": palette.first, "width": 2},
            "name": "all queries",
            "hovertemplate": "p %{x:.2f}: %{y:.4f}<extra></extra>",
        },
    ]
    fit = [row for row in rows if row.exact is not None]
    traces += [
        {
            "type": "scatter",
            "x": [row.value for row in fit],
            "y": [getattr(row, part) for row in fit],
            "mode": mode,
            "line": {"color": palette.second, "width": 2, "dash": "dash"},
            "marker": {"symbol": "square-open", "size": 8, "color": palette.second},
            "error_y": {"array": [row.band for row in fit], "visible": part == "drawn"},
            "name": name,
            "hovertemplate": "p %{x:.2f}: %{y:.4f}<extra>" + name + "</extra>",
        }
        for part, mode, name in (
            ("exact", "lines", "queries that fit, exact"),
            ("drawn", "markers", "the same, drawn"),
        )
        if fit
    ]
    up = axis(measure, palette, tickformat=".2f", nticks=6)
    shape = layout(palette, 340, xaxis=axis(_RATE, palette, **_AXIS), yaxis=up)
    shape["margin"]["t"] = 64
    return go.Figure(traces, shape)
