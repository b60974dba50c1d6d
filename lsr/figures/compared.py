"""Models beside each other: accuracy over cost, a curve each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lsr.figures.style import DASHES, SYMBOLS, Palette, axis, layout, log_axis


def compared_figure(
    rows: Sequence[Mapping[str, Any]], dense: float | None, palette: Palette
) -> go.Figure:
    """R@1 over FLOPs: a point for each budget of terms, and one with all; dense R@1 as a line.

    Args:
        rows: of `Compared.rows`, of any number of models. dense: R@1 of dense vectors, or none.
    """
    traces: list[dict[str, Any]] = []
    for number, name in enumerate(dict.fromkeys(row["model"] for row in rows)):
        points = sorted((r for r in rows if r["model"] == name), key=lambda row: row["flops"])
        colour = palette.series[number % len(palette.series)]
        # A table has no whole numbers beside gaps.
        kept = [row["budget"] for row in points]
        budgets = ["all" if one is None or one != one else f"{one:.0f}" for one in kept]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers+text",
                "x": [max(row["flops"], 1e-3) for row in points],
                "y": [row["R@1"] for row in points],
                "text": budgets,
                "textposition": "top center",
                "textfont": {"color": palette.faint, "size": 11},
                "name": name,
                "line": {"color": colour, "dash": DASHES[number % len(DASHES)]},
                "marker": {"color": colour, "size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)]},
                "hovertemplate": "%{text} terms: R@1 %{y:.3f}, FLOPs %{x:.2f}<extra></extra>",
            }
        )
    across = log_axis("FLOPs: terms that a query and an image share", palette)
    up = axis("R@1", palette, rangemode="tozero")
    figure = go.Figure(traces, layout(palette, 380, xaxis=across, yaxis=up))
    if dense is not None:
        line = {"color": palette.faint, "dash": "dot", "width": 1}
        # At the left end, where points are low: at the right their numbers would be under it.
        figure.add_hline(
            y=dense,
            line=line,
            annotation_text="dense vectors",
            annotation_position="top left",
        )
    return figure
