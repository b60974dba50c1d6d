"""Where the order of the best images of the pinned query changes, and which terms decide it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.figures.query import crossing_figure
from lsr.index.memory.index import MemoryIndex
from lsr.sweep.crossings import Crossing, Lines, lines_of
from pages.parts import address, caches, cards, charts
from pages.parts.expansion.knobs import Turned
from pages.parts.expansion.moving import show_order_at_any_weight
from pages.parts.expansion.query import Pinned, side_by_side
from pages.parts.expansion.setting import Setting
from pages.parts.markup import escape

_BEST, _DRAWN, _DECIDING = 10, 16, 8
_UP_TO = {"1": "1", "0.5": "0.5", "0.2": "0.2", "0.1": "0.1", "0.05": "0.05"}


def show_order(setting: Setting, turned: Turned, text: str) -> None:
    """Scores over the weight of the expansion terms, and every exchange among the best."""
    st.caption(
        f"Each image is a straight line: its literal score, and what the expansion terms add, here "
        f"against the mean of the images drawn. The order of the best {_BEST} changes at the marks "
        "and nowhere else. A click on a mark shows the terms that decide there. Move the weight "
        "below the chart, and the list follows."
    )
    last = address.choose(
        "up-to",
        "Weights drawn up to",
        _UP_TO,
        "1",
        help="Where marks crowd at small weights, this stretches them.",
    )
    side_by_side(setting, text, lambda pinned: _show_lines(setting, turned, pinned, float(last)))


def _show_lines(setting: Setting, turned: Turned, pinned: Pinned, up_to: float) -> None:
    mean = turned.knob.control == "mean"
    # The mean score is the way along the lines itself.
    query = pinned.query if mean else pinned.left(turned)
    index, name = pinned.index(turned), pinned.name
    lines = lines_of(index, query.terms, query.matrix.data, query.said, _BEST)
    rows = lines.rows[:_DRAWN]
    if not rows:
        st.caption(f"In {escape(name)} no image shares an active term with the query.")
        return
    last = lines.order_at(1.0)
    kept = len(set(lines.first) & set(last))
    left_out = "" if len(rows) == len(lines.rows) else f" The first {len(rows)} images are drawn."
    st.caption(
        f"In {escape(name)}: {len(lines.crossings)} exchanges. Of the best {len(lines.first)} by "
        f"literal terms {kept} are still there with all expansion.{left_out}"
    )
    state = st.plotly_chart(
        crossing_figure(lines, rows, charts.colours(), turned.value if mean else None, up_to),
        key=f"order-{name}",
        config=charts.CONFIG,
        on_select="rerun",
        selection_mode="points",
        alt=f"Scores over the weight of the expansion terms in {name}, with "
        f"{len(lines.crossings)} exchanges among the best {_BEST}",
    )
    show_order_at_any_weight(
        lines,
        [f"image {place}" for place in range(1, len(lines.rows) + 1)],
        turned.value if mean else up_to,
        up_to,
        key=f"order-{name}-moving",
    )
    images = caches.collection(setting.collection)
    tiles = [
        cards.Tile(index.ids[row], f"{_place(lines.first, row)} → {_place(last, row)}", f"{place}")
        for place, row in enumerate(rows, 1)
    ]
    cards.show_tiles(images, tiles, key=f"order-{name}", width=80)
    charts.table_twin(_table(index, lines), name="order", key=f"order-{name}")
    points = state["selection"]["points"]
    if points and (number := points[0].get("customdata")):
        one = lines.crossings[int(number[0])]
        _explain(pinned, index, query.terms, query.matrix.data, query.said, one, rows)


def _place(order: tuple[int, ...], row: int) -> str:
    return str(order.index(row) + 1) if row in order else "–"


def _table(index: MemoryIndex, lines: Lines) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "weight of expansion": one.rate,
                "rank": one.rank,
                "rises": index.ids[one.risen],
                "falls": index.ids[one.fallen],
            }
            for one in lines.crossings
        ],
        columns=["weight of expansion", "rank", "rises", "falls"],
    )


def _explain(
    pinned: Pinned,
    index: MemoryIndex,
    terms: np.ndarray,
    weights: np.ndarray,
    said: np.ndarray,
    one: Crossing,
    rows: tuple[int, ...],
) -> None:
    """The terms by which the two images differ, at the weight where they meet."""
    found = index.matrix_of(np.array([one.risen, one.fallen]))[:, terms].toarray()
    at = np.where(said, 1.0, one.rate)
    apart = (found[0] - found[1]) * weights * at
    order = np.argsort(-np.abs(apart), kind="stable")[:_DECIDING]
    names = pinned.ready.model.vocabulary.terms
    risen, fallen = (rows.index(row) + 1 for row in (one.risen, one.fallen))
    st.markdown(
        f"At **{one.rate:.3f}** image {risen} takes place {one.rank} from image {fallen}. There "
        "both have one score: what these terms give one, others give the other."
    )
    table = pd.DataFrame(
        {
            "term": [names[terms[i]] for i in order],
            "origin": ["literal" if said[i] else "expansion" for i in order],
            f"for image {risen}": [max(float(apart[i]), 0.0) for i in order],
            f"for image {fallen}": [max(-float(apart[i]), 0.0) for i in order],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        alt="Terms that decide between the two images",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f") for name in table.columns[2:]
        },
    )
