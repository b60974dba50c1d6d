"""What charts have in common, and the table twin that every chart has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lsr.exports.cells import harmless_table
from lsr.figures.style import DARK, LIGHT, Palette

CONFIG = {"displayModeBar": False, "scrollZoom": False}
_AXIS_PIXELS = 50


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


def colours() -> Palette:
    """Colours that stand out from the background of the theme in use."""
    return DARK if st.context.theme.type == "dark" else LIGHT


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
