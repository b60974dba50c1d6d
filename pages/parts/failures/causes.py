"""Why answers are behind: the causes of a list to choose from, and those of one query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from lsr.failures.causes import CAUSE_NAMES, CAUSES, Cause, Causes
from lsr.failures.measured import measured_causes
from pages.parts import address
from pages.parts.glossary import glossed
from pages.parts.markup import escape

ANY = "any"


def choose_setting() -> str:
    """Draw the field for knobs under which the models are looked at; empty for none."""
    text = address.read_text("setting") or ""
    st.text_input(
        "Under a setting",
        placeholder="top-k=8 top-k@images=40",
        help=glossed(
            "Pruning or control, as knobs with values. What they cost is then among the causes. "
            "`mean=0` leaves queries their own words alone."
        ),
        **address.bound("setting", text, ""),
    )
    return text


def choose_cause(found: Causes, rows: np.ndarray) -> np.ndarray:
    """Draw the causes of some queries; the rows that the chosen one leaves."""
    counts = found.counts(rows)
    labels = {ANY: "Any"}
    labels |= {
        name: f"{name.capitalize()} · {n:,}"
        for name, n in zip(CAUSE_NAMES, counts.tolist(), strict=True)
        if n or name == address.read_text("cause")
    }
    cause = address.choose("cause", "A first guess at the cause", labels, ANY, help=_help())
    if failed := int((found.main[rows] >= 0).sum()):
        shares = found.of(rows)
        largest = [place for place in np.argsort(-shares, kind="stable") if shares[place] >= 0.005]
        told = ", ".join(f"{CAUSE_NAMES[place]} {shares[place]:.0%}" for place in largest)
        st.caption(
            f"Of what puts others ahead in these {failed:,} queries, in the mean: {told}. A query "
            "may have several causes."
        )
    return rows if cause == ANY else rows[found.holds[rows, CAUSE_NAMES.index(cause)]]


def cause_names(found: Causes, rows: np.ndarray) -> list[str]:
    """The first guess of each of some queries; empty where the answer is in front."""
    names = (*CAUSE_NAMES, "")  # -1 stands for none
    return [names[place] for place in found.main[rows].tolist()]


def show_causes(causes: Sequence[Cause]) -> None:
    """Draw the causes of one query with their shares and what they rest on."""
    if not causes:
        return
    st.subheader("A first guess at the cause", anchor=False)
    for one in causes:
        st.markdown(
            f"**{one.name.capitalize()}** · {one.share:.0%} of what puts the other ahead  \n"
            f"{CAUSES[one.name].capitalize()}: {escape(one.evidence)}"
        )


def _help() -> str:
    measured = measured_causes()
    low, high = measured["interval"]
    lines = ["Each is a guess by one rule:", ""]
    for name, rule in CAUSES.items():
        known = measured["causes"].get(name)
        right = ""
        if known and known["precision"] is not None:
            right = f" Right in {known['precision']:.0%}; always named, in {known['always']:.0%}."
        lines.append(f"- **{name.capitalize()}**: {rule}.{right}")
    return "\n".join(lines) + (
        f"\n\nIn {measured['failures']:,} failures on the drawn scenes, "
        f"{measured['precision']:.1%} of the guesses are true by the scenes’ descriptions "
        f"({low:.1%} to {high:.1%}; `{measured['command']}`). Rules without a figure are true by "
        "definition."
    )
