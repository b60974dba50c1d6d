"""Figures of one query: where draws rank images, what terms cost, where the order changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from lsr.figures.style import Palette, axis, layout, log_axis, shade
from lsr.sweep.crossings import Lines
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


def crossing_figure(
    lines: Lines, rows: Sequence[int], palette: Palette, rate: float | None, last: float = 1.0
) -> go.Figure:
    """Scores of images over the rate, with a mark where one of the best overtakes another.

    All scores rise with the rate, so they are drawn against the mean of those images, which leaves
    lines straight and crossings where they are.

    Args:
        rows: of the index, those that are drawn, named by their place in this list. Crossings of
            others are left out. rate: a rate to mark, or None. last: the largest rate drawn.
    """
    names = {row: place for place, row in enumerate(rows, 1)}

    def above(row: int, at: float) -> float:
        mean = sum(lines.score_at(at, one) for one in rows) / len(rows)
        return lines.score_at(at, row) - mean

    ends = {row: (above(row, 0.0), above(row, last)) for row in rows}
    named = _apart({row: high for row, (_, high) in ends.items()})
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": [0, last],
            "y": list(ends[row]),
            "customdata": [lines.score_at(at, row) for at in (0.0, last)],
            "mode": "lines+text",
            "text": ["", str(names[row]) if row in named else ""],
            "textposition": "middle right",
            "textfont": {"color": palette.ink, "size": 12},
            "line": {
                "color": palette.first if row in lines.first else palette.faint,
                "width": 2 if row in lines.first else 1,
            },
            "hovertemplate": f"image {names[row]}: score %{{customdata:.2f}} at %{{x:.2f}}"
            "<extra></extra>",
            "showlegend": False,
        }
        for row in rows
    ]
    drawn = [
        (i, one)
        for i, one in enumerate(lines.crossings)
        if {one.risen, one.fallen} <= set(names) and one.rate <= last
    ]
    traces.append(
        {
            "type": "scatter",
            "x": [one.rate for _, one in drawn] or [None],
            "y": [above(one.risen, one.rate) for _, one in drawn] or [None],
            "customdata": [[i, names[one.risen], names[one.fallen], one.rank] for i, one in drawn],
            "mode": "markers",
            "marker": {
                "color": shade(palette.second, 0.75),
                "size": 8,
                "line": {"color": palette.ink, "width": 1},
            },
            "hovertemplate": "at %{x:.3f} image %{customdata[1]} takes place %{customdata[3]} from "
            "image %{customdata[2]}<extra></extra>",
            "showlegend": False,
        }
    )
    across = axis("weight of the expansion terms, as a share", palette)
    across["range"] = [-0.02 * last, 1.06 * last]
    up = axis("score above the mean of these images", palette, nticks=6)
    shape = layout(palette, 420, xaxis=across, yaxis=up)
    shape["margin"]["t"] = 12
    if rate is not None and rate <= last:
        shape["shapes"] = [
            {
                "type": "line",
                "x0": rate,
                "x1": rate,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.faint, "dash": "dot", "width": 1},
            }
        ]
    return go.Figure(traces, shape)


def _apart(heights: dict[int, float]) -> set[int]:
    """The rows whose names stand apart at the right, the highest first."""
    least = 0.04 * (max(heights.values(), default=0.0) - min(heights.values(), default=0.0))
    named, lowest = set(), math.inf
    for row, height in sorted(heights.items(), key=lambda one: -one[1]):
        if height <= lowest - least:
            named.add(row)
            lowest = height
    return named
