"""Figures of one query: where draws rank images, and what each of its terms costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from lsr.figures.style import Palette, axis, layout, log_axis
from lsr.sweep.one_query import ImageRanks, PriceTag

_NAMED = 9


def rank_cloud_figure(
    clouds: Sequence[ImageRanks], palette: Palette, names: Sequence[str]
) -> go.Figure:
    """A box of ranks for every image, the best median on top; rank 1 is on the left.

    Args:
        names: what each image is called on the axis.
    """
    traces = [
        {
            "type": "box",
            "x": cloud.ranks.tolist(),
            "y": [place] * len(cloud.ranks),
            "orientation": "h",
            "name": name,
            "boxpoints": "all",
            "jitter": 0.6,
            "pointpos": 0,
            "fillcolor": "rgba(0, 0, 0, 0)",
            "line": {"color": palette.ink, "width": 1},
            "marker": {"color": palette.first, "size": 4, "opacity": 0.35},
            "hovertemplate": "rank %{x}<extra></extra>",
            "showlegend": False,
        }
        for place, (cloud, name) in enumerate(zip(clouds, names, strict=True))
    ]
    worst = max((int(cloud.ranks.max()) for cloud in clouds), default=10)
    across = log_axis("rank over the draws", palette, range=[-0.05, _digits(worst)])
    up = axis(
        "",
        palette,
        tickvals=list(range(len(clouds))),
        ticktext=[f"{name} " for name in names],
        range=[len(clouds) - 0.4, -0.6],
        showgrid=False,
    )
    height = 34 * max(len(clouds), 3) + 70
    shape = layout(palette, height, xaxis=across, yaxis=up)
    shape["margin"] = {"l": 8, "r": 14, "t": 8, "b": 46}
    return go.Figure(traces, shape)


def _digits(worst: int) -> float:
    return math.log10(max(worst, 2)) + 0.08


def price_figure(tags: Sequence[PriceTag], kept: set[str], palette: Palette) -> go.Figure:
    """Postings that every term touches against the share of the score that it brings.

    Args:
        kept: terms that the budget pays for; the others are hollow.
    """
    named = _with_room(tags)
    traces: list[dict[str, Any]] = []
    for origin, colour, symbol in (
        ("literal", palette.first, "circle"),
        ("expansion", palette.second, "square"),
    ):
        mine = [tag for tag in tags if tag.origin == origin]
        traces.append(
            {
                "type": "scatter",
                "x": [max(tag.postings, 0.8) for tag in mine] or [None],
                "y": [tag.share for tag in mine] or [None],
                "text": [tag.term if tag.term in named else "" for tag in mine],
                "customdata": [tag.term for tag in mine],
                "mode": "markers+text",
                "textposition": "top center",
                "textfont": {"color": palette.ink, "size": 12},
                "name": origin,
                "marker": {
                    "color": colour,
                    "size": 11,
                    "symbol": [symbol if tag.term in kept else f"{symbol}-open" for tag in mine],
                    "line": {"color": colour, "width": 2},
                },
                "hovertemplate": "%{customdata}: %{x:,.0f} postings, %{y:.1%} of the score"
                "<extra></extra>",
            }
        )
    high = max((tag.share for tag in tags), default=1.0)
    across = log_axis("postings it touches", palette)
    up = axis(
        "share of the score", palette, tickformat=".0%", range=[-0.06 * high, high * 1.2 or 1.0]
    )
    return go.Figure(traces, layout(palette, 360, xaxis=across, yaxis=up))


def _with_room(tags: Sequence[PriceTag]) -> set[str]:
    """Terms whose names lie on no other's, the largest shares first; hovering names the rest."""
    high = max((tag.share for tag in tags), default=0.0) or 1.0
    widest = math.log(max((tag.postings for tag in tags), default=1) + 1)
    placed: list[tuple[float, float]] = []
    named = set()
    for tag in tags[:_NAMED]:
        across, up = math.log(tag.postings + 1) / widest, tag.share / high
        if all(abs(across - x) > 0.2 or abs(up - y) > 0.07 for x, y in placed):
            placed.append((across, up))
            named.add(tag.term)
    return named
