"""The control dial: what the rate of control in training is worth, on this collection."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lsr.ablation.dial import CONTROLS, Dial, DialReport, DialRow
from lsr.figures.trained import dial_figure
from pages.parts import actions, address, background, caches, charts, mode
from pages.parts.choice import Choice
from pages.parts.expansion.setting import measurable_splits, usual_queries
from pages.parts.markup import escape
from pages.parts.messages import show_mistake, show_off

_EVERY = 1.0  # seconds


def show_dial(choice: Choice) -> None:
    """The family's curves, or the button that makes the family."""
    images = caches.collection(choice.collection)
    images.check_captions()
    splits = measurable_splits(images)
    queries = usual_queries(images, "test" if "test" in splits else splits[0])
    st.header("The control dial", anchor=False)
    st.caption(
        "One head, tuned once for each rate of control and alike in all else. The rate says how "
        "often a caption may use words that it does not say while the head learns. Scheduled: "
        "the rate rises from 0 to 1."
    )
    family = Dial(images, queries)
    key = ("dial", images.fingerprint, family.file)
    running = (work := background.known(key)) is not None and work.running
    address.fragment(_show_family, _EVERY if running else None)(family, key)


def _show_family(family: Dial, key: object) -> None:
    work = background.known(key)
    rows = family.known
    if rows:
        _show_rows(rows)
    if work is not None and work.problem is not None:
        background.forget(key)
        show_mistake(work.problem)
        return
    if work is not None and work.running:
        _show_progress(work)
        return
    if work is not None and not work.stopped:
        background.forget(key)  # finished since: the page no longer has to ask
        st.rerun()
    if not family.complete:
        missing = len(CONTROLS) - len({row.control for row in rows})
        if off := mode.why_not("train"):
            show_off(off)
        elif st.button(f"Tune {missing} heads", key="turn-dial", icon=":material/tune:"):
            background.forget(key)
            background.follow(key, actions.tune(family), patience=0, pool="heads")
            st.rerun()


def _show_progress(work: background.Work[DialReport]) -> None:
    report = work.latest
    done = report.done / report.planned if report else 0.0
    told = f"Tuning, {report.control}" if report and report.control else "Reading the captions"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(done, told)
        if st.button("Stop", key="stop-dial"):
            work.stop()


def _show_rows(rows: tuple[DialRow, ...]) -> None:
    st.plotly_chart(
        dial_figure(rows, charts.colours()), key="dial", config=charts.CONFIG, alt=_alt(rows)
    )
    st.markdown(_reading(rows))
    table = pd.DataFrame([row.as_dict() for row in rows])
    charts.table_twin(table, name="control-dial", key="dial")


def _alt(rows: tuple[DialRow, ...]) -> str:
    return "; ".join(
        f"{row.queries or 'captions'}, {row.control}: R@1 {row.all_terms:.3f}, "
        f"own words alone {row.own_words:.3f}"
        for row in rows
    )


def _reading(rows: tuple[DialRow, ...]) -> str:
    """What expansion is worth at both ends of the dial, from the rows."""
    said = []
    for queries in dict.fromkeys(row.queries for row in rows):
        ends = {row.rate: row for row in rows if row.queries == queries and row.rate in (0.0, 1.0)}
        if len(ends) == 2:
            low, high = ends[0.0], ends[1.0]
            said.append(
                f"On {escape(queries) if queries else 'the captions'}, all terms go from "
                f"{low.all_terms:.3f} at rate 0 to {high.all_terms:.3f} at rate 1, own words alone "
                f"from {low.own_words:.3f} to {high.own_words:.3f}."
            )
    return " ".join(said)
