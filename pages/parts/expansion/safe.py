# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""How far the pinned query and its images may be cut before its first hits change."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from lsr.evaluation.task import Side
from lsr.sweep.laboratory import Laboratory
from lsr.sweep.safe_range import SafeRange, safe_ranges
from pages.parts import address
from pages.parts.expansion.knobs import CUTS
from pages.parts.expansion.query import Pinned, marks_of, side_by_side
from pages.parts.expansion.setting import Setting
from pages.parts.markup import escape

_FIRST = 10
_SIDES = {"captions": "query", "images": "images", "both": "both"}


def show_safe(setting: Setting, text: str) -> None:
    """The safe range of every way to cut, in each model, without the knob above."""
    st.caption(
        "How far may each way to cut go, all else left whole, until the first hits change? Every "
        "value at which one more weight falls is gone through, so what is said here is exact: at "
        "every looser value they stay as well. *In order* means the same list, *same images* the "
        "same set."
    )
    k = int(address.number("first", 1, 50, _FIRST))
    st.slider(
        "First hits that have to stay",
        1,
        50,
        **address.bound("first", k, _FIRST, address.number_text),
    )
    side_by_side(setting, text, lambda pinned: _show_ranges(pinned, k))


def _show_ranges(pinned: Pinned, k: int) -> None:
    name, query = pinned.name, pinned.query
    found = _ranges(pinned.ready, query, k, query.ids[0], *marks_of(pinned.ready))
    if not found:
        st.caption(f"In {escape(name)} no image shares an active term with the query.")
        return
    least = next(one for one in found if str(one.knob) == "top-k")
    st.caption(
        f"In {escape(name)}: the query has {len(query.terms)} terms. Its {_kept(least.order)} "
        f"strongest keep the first {k} in order, its {_kept(least.members)} strongest keep the "
        "same images."
    )
    st.dataframe(
        pd.DataFrame([_row(one) for one in found]),
        height="content",
        hide_index=True,
        alt=f"Tightest safe values of every way to cut in {name}, in order and as a set",
        key=f"safe-{name}",
    )


@st.cache_data(max_entries=100, show_spinner="Trying every cut…")
def _ranges(_ready: Laboratory, _query: Side, k: int, *marks: str) -> list[SafeRange]:
    return safe_ranges(_ready.plain, _query, k)


def _kept(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _row(one: SafeRange) -> dict[str, str]:
    """A way to cut, what it cuts, and its tightest safe values."""
    sign, number = _words(one.knob.control)
    values = (("in order", one.order), ("same images", one.members))
    return {
        "cut": CUTS[one.knob.control],
        "of": _SIDES[one.knob.side],
        **{what: "none" if at is None else f"{sign} {number(at)}" for what, at in values},
    }


def _words(control: str) -> tuple[str, Callable[[float], str]]:
    """Which way is safe, and a value that is rounded to the safe side."""
    if control in ("top-k", "bits"):
        return "≥", lambda value: f"{value:g}"
    if control == "alpha_mass":
        return "≥", lambda value: f"{math.ceil(value * 1000) / 1000:.3f}"
    return "≤", lambda value: f"{math.floor(value * 1000) / 1000:.3f}"
