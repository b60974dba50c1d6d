"""Bars of terms as plain HTML: they move with a slider faster than a drawn chart does."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

import streamlit as st

from pages.parts.charts import Bar, Kinds
from pages.parts.links import parameters


def show_bars(bars: Sequence[Bar], kinds: Kinds, *, limit: float, alt: str) -> None:
    """Bars from the top, each term a link to its page; the second kind is hatched.

    Args:
        limit: the weight that fills the width.
    """
    carried = parameters(st.query_params.to_dict())
    lines = "".join(_line(bar, limit, carried) for bar in bars)
    st.html(
        f"<div class='lab-bars' role='group' aria-label=\"{escape(alt)}\">"
        f"<p><i class='first'></i>{escape(kinds.first)} <i class='second'></i>"
        f"{escape(kinds.second)}</p>{lines}</div>"
    )


def _line(bar: Bar, limit: float, carried: dict[str, str]) -> str:
    share = 100 * min(bar.weight / limit, 1.0) if limit else 0.0
    address = escape(f"term?{urlencode({**carried, 'term': bar.term})}")
    kind = "first" if bar.first else "second"
    return (
        f"<div><a href=\"{address}\" target='_self'>{escape(bar.term)}</a>"
        f"<span><i class='{kind}' style='width:{share:.1f}%'></i></span>"
        f"<b>{bar.weight:.2f}</b></div>"
    )
