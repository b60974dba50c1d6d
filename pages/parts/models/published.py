"""What others published of such systems, apart from what is measured here."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lsr.evaluation.published import RECALLS, by_task, read_published


def show_published() -> None:
    """Draw a table for each data set and direction.

    Raises:
        ModelError: the shipped figures are damaged.
    """
    st.caption(
        "Published figures in per cent, on photos. None was measured here, and none compares with "
        "a figure of the other views: those are of other images. *Read*: in the paper or "
        "repository that measured it; *second-hand*: elsewhere. Re-ranked: a cross-encoder looks "
        "at each hit again, which vectors alone cannot reach."
    )
    numbers = {name: st.column_config.NumberColumn(format="%.1f") for name in RECALLS}
    link = st.column_config.LinkColumn("source", display_text=r"([^/]+)$")
    columns = {**numbers, "source": link}
    for title, rows in by_task(read_published()):
        st.markdown(f"**Published: {title}**")
        st.dataframe(
            pd.DataFrame([row.row() for row in rows]),
            hide_index=True,
            column_config=columns,
            height="content",
            placeholder="–",
            key=f"published-{title}",
            alt=f"Published figures, {title}: "
            + "; ".join(f"{row.system} R@1 {row.recalls[0]}" for row in rows),
        )
