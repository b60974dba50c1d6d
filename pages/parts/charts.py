"""Bar charts of terms, and the table twin that every chart has."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lsr.exports.cells import harmless_table
from lsr.figures.style import DARK, LIGHT, Palette, legend
from pages.parts.links import open_term

CONFIG = {"displayModeBar": False, "scrollZoom": False}
_BAR_PIXELS, _AXIS_PIXELS, _LEGEND_PIXELS = 22, 50, 34


class Bar(NamedTuple):
    """A term with its weight; `first` says which of the two kinds it belongs to."""

    term: str
    weight: float
    first: bool


@dataclass(frozen=True)
class Kinds:
    """What the two kinds of bars are called, the solid one first."""

    first: str
    second: str


ORIGINS = Kinds("literal", "expansion")
LIFT = Kinds("lift", "")


def colours() -> Palette:
    """Colours that stand out from the background of the theme in use."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def term_figure(
    bars: Sequence[Bar], kinds: Kinds, palette: Palette, axis: str, limit: float | None = None
) -> go.Figure:
    """Horizontal bars, the first of `bars` on top; the second kind is hatched.

    Args:
        axis: what the lengths mean.
        limit: right end of the axis, to compare figures; None fits the bars.
    """
    kinds_and_colours = ((True, kinds.first, palette.first), (False, kinds.second, palette.second))
    longest = max((bar.weight for bar in bars), default=1.0) or 1.0
    both = bool(kinds.first and kinds.second)
    top = _LEGEND_PIXELS if both else 6
    layout = {
        "height": _BAR_PIXELS * max(len(bars), 3) + top + _AXIS_PIXELS,
        "margin": {"l": 4, "r": 8, "t": top, "b": _AXIS_PIXELS},
        "barmode": "overlay",
        "showlegend": both,
        "legend": legend(palette),
        "font": {"size": 13},
        "xaxis": {
            "title": {"text": axis, "standoff": 8, "font": {"color": palette.ink, "size": 13}},
            "range": [0, (limit or longest) * 1.18],
            "nticks": 5,
            "fixedrange": True,
            "tickfont": {"color": palette.ink},
        },
        "yaxis": {
            "tickvals": list(range(len(bars))),
            "ticktext": [_tick(bar.term) for bar in bars],
            "range": [len(bars) - 0.4, -0.6],
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "tickfont": {"size": 13, "color": palette.ink},
        },
    }
    # One call with everything: plotly's update methods take three times as long.
    return go.Figure(
        [
            _trace(bars, first, name, colour) | {"textfont": {"color": palette.ink}}
            for first, name, colour in kinds_and_colours
            if name
        ],
        layout,
    )


def _trace(bars: Sequence[Bar], first: bool, name: str, colour: str) -> dict[str, Any]:
    """The bars of one kind, at their places among all."""
    rows = [row for row, bar in enumerate(bars) if bar.first is first]
    return {
        "type": "bar",
        "y": rows or [None],  # a kind without bars keeps its entry in the legend
        "x": [bars[row].weight for row in rows] or [None],
        "name": name,
        "orientation": "h",
        # Left to plotly, a kind whose bars lie farther apart gets thicker ones.
        "width": 0.7,
        "customdata": [bars[row].term for row in rows],
        "text": [f"{bars[row].weight:.2f}" for row in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{text}<extra>" + html.escape(name) + "</extra>",
        "marker": {
            "color": colour,
            "line": {"color": colour, "width": 1},
            "pattern": {"shape": "" if first else "/", "size": 5, "solidity": 0.35},
        },
    }


def _tick(term: str) -> str:
    """A term as plotly shows it letter by letter, cut to a length that leaves room for bars."""
    return html.escape(term if len(term) <= 18 else term[:17] + "…", quote=False) + " "


def term_bars(
    bars: Sequence[Bar],
    kinds: Kinds,
    *,
    key: str,
    alt: str,
    axis: str = "weight",
    limit: float | None = None,
) -> None:
    """Draw bars of terms; a click on one leads to the page of its term."""
    state = st.plotly_chart(
        term_figure(bars, kinds, colours(), axis, limit),
        key=key,
        alt=alt,
        config=CONFIG,
        on_select="rerun",
        selection_mode="points",
    )
    if (term := selected_term(state)) is not None:
        open_term(term)


def histogram(weights: np.ndarray, *, key: str, alt: str, axis: str) -> None:
    """How many weights lie in each of twenty steps from 0 to the largest."""
    counts, edges = np.histogram(weights, bins=20, range=(0, float(weights.max(initial=1e-9))))
    palette = colours()
    inked = {"font": {"color": palette.ink}}
    fixed = {"fixedrange": True, "automargin": True}
    figure = go.Figure(
        [
            {
                "type": "bar",
                "x": (edges[:-1] + edges[1:]) / 2,
                "y": counts,
                "marker": {"color": palette.first},
                "hovertemplate": "%{y} images<extra></extra>",
            }
        ],
        {
            "height": 200,
            "margin": {"l": 4, "r": 8, "t": 6, "b": _AXIS_PIXELS},
            "bargap": 0.05,
            "xaxis": {"title": {"text": axis, **inked}, "tickfont": inked["font"], **fixed},
            "yaxis": {"title": {"text": "images", **inked}, "tickfont": inked["font"], **fixed},
        },
    )
    st.plotly_chart(figure, key=key, alt=alt, config=CONFIG)


def selected_term(state: Any) -> str | None:
    """The term of the bar that was clicked, in the state of a chart; None where none was."""
    points = state.get("selection", {}).get("points", []) if state else []
    term = points[0].get("customdata") if points else None
    return str(term[0] if isinstance(term, list) else term) if term is not None else None


def table_twin(table: pd.DataFrame, *, name: str, key: str) -> None:
    """The numbers behind a chart, folded away, with a download.

    Args:
        name: of the downloaded file, without its ending.
    """
    folded_table(table, "Numbers behind the chart", "The chart as a table", name=name, key=key)


def folded_table(table: pd.DataFrame, title: str, alt: str, *, name: str, key: str) -> None:
    """A table folded away under a title, with a download.

    Args:
        alt: what the table is, for who does not see it.
        name: of the downloaded file, without its ending.
    """
    folded = st.expander(title, key=f"twin-{key}", on_change="rerun")
    if not folded.open:
        return
    with folded:
        st.dataframe(table, hide_index=True, key=f"table-{key}", alt=alt)
        offer_csv(table, name, key=key)


def offer_csv(table: pd.DataFrame, name: str, *, key: str) -> None:
    """A table to take away.

    Args:
        name: of the file, without its ending.
    """
    st.download_button(
        "Download as CSV",
        harmless_table(table).to_csv(index=False),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv-{key}",
        on_click="ignore",
        icon=":material/download:",
    )


def bars_table(bars: Sequence[Bar], kinds: Kinds) -> pd.DataFrame:
    """Bars as a table with the columns `term`, `weight` and `kind`."""
    return pd.DataFrame(
        {
            "term": [bar.term for bar in bars],
            "weight": [bar.weight for bar in bars],
            "kind": [(kinds.first if bar.first else kinds.second) for bar in bars],
        }
    )
