"""A list of failures to take away, to keep, and to run again on another model or version."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from lsr.exceptions import InputError
from lsr.failures.cases import Cases
from lsr.failures.causes import Causes
from lsr.failures.files import csv_text, qrels_text, run_text
from lsr.failures.lists import (
    CHANGES,
    Again,
    Change,
    SavedList,
    kept_list,
    list_names,
    list_text,
    run_again,
)
from lsr.failures.records import case_records
from lsr.failures.triage import Triage
from lsr.report.failures_page import MOST_CASES, failures_page
from lsr.sweep.laboratory import Laboratory
from pages.parts import actions, address, mode
from pages.parts.charts import folded_table
from pages.parts.glossary import glossed
from pages.parts.markup import escape, sentence
from pages.parts.messages import show_mistake, show_off

_NONE = "none"
_CHANGES = {"any": "All", "fixed": "Fixed", "broken": "Broken", "same": "Same"}


def choose_list(lab: Laboratory, cases: Cases, rows: np.ndarray) -> np.ndarray:
    """Draw the choice of a kept list, once there is one; its rows, or those given."""
    names = list_names()
    wanted = address.read_text("list") or _NONE
    if not names and wanted == _NONE:
        return rows
    st.selectbox(
        "Run a kept list again",
        [_NONE, *names] if wanted in (_NONE, *names) else [_NONE, *names, wanted],
        width=320,
        help=glossed(
            "A kept list, on the model that is chosen now: which answers are found that were "
            "not, and the reverse. It takes the place of the filters above."
        ),
        **address.bound("list", wanted, _NONE),
    )
    if wanted == _NONE:
        return rows
    try:
        saved = kept_list(wanted)
        again = run_again(saved, lab, cases)
    except InputError as mistake:
        show_mistake(mistake)
        return rows
    return _show_again(lab, cases, saved, again)


def _show_again(lab: Laboratory, cases: Cases, saved: SavedList, again: Again) -> np.ndarray:
    """What became of a list; the rows of the change that is chosen."""
    counts: dict[str, int] = {one: len(again.of(one)) for one in CHANGES}
    counts["any"] = len(again.rows)
    labels = {name: f"{label} · {counts[name]:,}" for name, label in _CHANGES.items()}
    chosen = address.choose("change", "Since then", labels, "any")
    same_model = saved.model_mark == lab.model.fingerprint
    st.caption(
        f"Kept with model {escape(saved.model or 'unknown')}"
        + (f" under {escape(' '.join(saved.fixed))}" if saved.fixed else "")
        + f", an answer among the first {saved.k:,}."
        + (" It is the model that is chosen now." if same_model else "")
        + (f" {len(again.gone):,} of its queries are no more." if again.gone else "")
    )
    table = pd.DataFrame(
        {
            "query": [cases.texts[row] for row in again.rows],
            "then": [saved.ranks[cases.ids[row]] or None for row in again.rows],
            "now": [int(cases.ranks[row]) or None for row in again.rows],
            "change": [CHANGES[place] for place in again.changes],
            "id": [cases.ids[row] for row in again.rows],
        }
    )
    folded_table(
        table, "Ranks then and now", "A kept list, then and now", name="again", key="again"
    )
    change: Change | None = next((one for one in CHANGES if one == chosen), None)
    return again.rows if change is None else again.of(change)


def show_exports(
    lab: Laboratory,
    cases: Cases,
    causes: Causes,
    rows: np.ndarray,
    triage: Triage | None,
    k: int,
) -> None:
    """Draw what a list can be taken away as, and a name to keep it under."""
    if not len(rows):
        return
    listed = [int(row) for row in rows]
    terms = lab.model.vocabulary.terms

    def records() -> list[dict[str, object]]:
        return case_records(cases, causes, listed, terms, triage)

    name = f"failures-{lab.model.name}-{lab.split}"
    # Made when they are asked for: a run of thousands of queries takes seconds.
    files: dict[str, tuple[str, str, Callable[[], str]]] = {
        "CSV": (".csv", "text/csv", lambda: csv_text(records())),
        "JSON": (".json", "application/json", lambda: list_text(lab, k, records())),
        "TREC run": (".run", "text/plain", lambda: run_text(cases, listed, lab.model.name)),
        "Judgements": (".qrels", "text/plain", lambda: qrels_text(cases, listed)),
        "Page with pictures": (
            ".html",
            "text/html",
            lambda: failures_page(lab, cases, listed, records(), k),
        ),
    }
    with st.popover("Take the list away", icon=":material/download:"):
        with st.container(horizontal=True, gap="xsmall"):
            for label, (ending, mime, text) in files.items():
                st.download_button(
                    label,
                    text,
                    file_name=name + ending,
                    mime=mime,
                    key=f"take-{ending}",
                    on_click="ignore",
                )
        st.caption(
            f"The page opens without a network. It has the first {MOST_CASES} queries with small "
            "pictures, some 2 MB where they are photos."
        )
        _offer_keeping(lab, k, records)


def _offer_keeping(lab: Laboratory, k: int, records: Callable[[], list[dict[str, object]]]) -> None:
    if why := mode.why_not("triage"):
        show_off(why)
        return
    with st.form("keep-list", border=False, clear_on_submit=True):
        name = st.text_input(
            "Keep the list as",
            placeholder="two-of-a-kind",
            help=glossed(
                "It lies in `$LEXISCOPE_HOME/failures` and can be run again on another model. A "
                "list of misses shows what is fixed; keep all queries to see what breaks as well."
            ),
        )
        if st.form_submit_button("Keep it"):
            try:
                actions.keep_list(name, list_text(lab, k, records()))
            except InputError as mistake:
                show_mistake(mistake)
            else:
                st.success(sentence(f"The list is kept as `{name}`."))
