"""What charts have in common, and the table twin that every chart has."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from lsr.exports.cells import harmless_table
from lsr.figures.style import DARK, LIGHT, Palette

CONFIG = {"displayModeBar": False, "scrollZoom": False}


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


def histogram(weights: np.ndarray, *, alt: str, axis: str) -> None:
    """How many weights lie in each of twenty steps from 0 to the largest.

    It is drawn as HTML, which costs the browser a tenth of what a chart with axes does.
    """
    largest = float(weights.max(initial=1e-9))
    counts, edges = np.histogram(weights, bins=20, range=(0, largest))
    most = max(int(counts.max()), 1)
    columns = [
        f"<i title='{_images(count)}, {edges[place]:.2f} to {edges[place + 1]:.2f}' "
        f"style='height:{count / most:.1%}'></i>"
        for place, count in enumerate(counts.tolist())
    ]
    st.html(
        f"<div class='histogram' role='img' aria-label='{escape(alt)}'><b>{_images(most)}</b>"
        f"<div>{''.join(columns)}</div>"
        f"<p><span>0</span><span>{escape(axis)}</span><span>{largest:.2f}</span></p></div>"
    )


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"


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
