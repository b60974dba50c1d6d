"""A slider that moves in the browser, with bars that follow it without a round trip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from lsr.sweep.crossings import Lines
from lsr.sweep.exact_coins import DEPTH, WordChances

_HERE = Path(__file__).parent
_MOVING = st.components.v2.component(
    "lexiscope_moving",
    html=(
        "<div class='moving'><label><span></span> <input type='range' min='0'>"
        "<output></output></label><ol></ol><p role='status'></p></div>"
    ),
    css=(_HERE / "moving.css").read_text("utf-8"),
    js=(_HERE / "moving.js").read_text("utf-8"),
)


def show_chances_at_any_rate(found: WordChances, rate: float, *, key: str) -> None:
    """Draw the chance of every rank, at a rate that starts where it is and can be moved."""
    names = [*(f"rank {rank}" for rank in range(1, DEPTH + 1)), f"below {DEPTH}"]
    _MOVING(
        key=key,
        data={
            "label": "Move p",
            "list": "Chance of every rank",
            "value": rate,
            "last": 1,
            "names": names,
            "shares": found.shares.tolist(),
        },
    )


def show_order_at_any_weight(
    lines: Lines, names: Sequence[str], weight: float, last: float, *, key: str
) -> None:
    """Draw the best images in their order, at a weight of the expansion terms that can be moved.

    Args:
        names: of the images in `lines.rows`. weight: where it starts. last: the largest weight.
    """
    rows = list(lines.rows)
    scores = [(float(lines.literal[row]), float(lines.expansion[row])) for row in rows]
    _MOVING(
        key=key,
        data={
            "label": "Move the weight",
            "list": "The best images in their order",
            "value": min(weight, last),
            "last": last,
            "names": list(names),
            "scores": scores,
            "rows": rows,
            "best": len(lines.first),
        },
    )
