"""Models beside each other: accuracy over cost, a curve each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from lsr.figures.style import DASHES, SYMBOLS, Palette, axis, layout, log_axis
from lsr.sweep.comparing import Compared


def compared_figure(found: Sequence[Compared], palette: Palette) -> go.Figure:
    """R@1 over FLOPs: a point for each budget of terms, and one with all; dense R@1 as a line."""
    traces: list[dict[str, Any]] = []
    for number, one in enumerate(found):
        points = sorted(one.points, key=lambda point: point.flops)
        colour = palette.series[number % len(palette.series)]
        budgets = ["all" if point.budget is None else str(point.budget) for point in points]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers+text",
                "x": [max(point.flops, 1e-3) for point in points],
                "y": [point.R1 for point in points],
                "text": budgets,
                "textposition": "top center",
                "textfont": {"color": palette.faint, "size": 11},
                "name": one.model,
                "line": {"color": colour, "dash": DASHES[number % len(DASHES)]},
                "marker": {"color": colour, "size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
                "hovertemplate": "%{text} terms: R@1 %{y:.3f}, FLOPs %{x:.2f}<extra></extra>",
            }
        )
    across = log_axis("FLOPs: terms that a query and an image share", palette)
    up = axis("R@1", palette, rangemode="tozero")
    figure = go.Figure(traces, layout(palette, 380, xaxis=across, yaxis=up))
    if found:
        line = {"color": palette.faint, "dash": "dot", "width": 1}
        # At the left end, where points are low: at the right their numbers would be under it.
        figure.add_hline(
            y=found[0].dense,
            line=line,
            annotation_text="dense vectors",
            annotation_position="top left",
        )
    return figure
