"""Failures: every query with the rank of its answer, and what puts another document ahead of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from lsr.failures.cases import QUADRANTS, Cases
from lsr.failures.causes import Causes, cause_of, explain
from lsr.storage.files import fingerprint
from pages.parts import address, caches
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.expansion.setting import choose_measured
from pages.parts.failures.case import show_case, show_terms
from pages.parts.failures.causes import cause_names, choose_cause, choose_setting
from pages.parts.failures.lists import choose_list, show_exports
from pages.parts.failures.teacher_gap import only_teacher_finds, show_teacher_gap
from pages.parts.failures.together import choose_apart, choose_group, choose_view
from pages.parts.failures.triage import choose_judged, show_triage, triage_of
from pages.parts.failures.why_not import show_why_not
from pages.parts.messages import mistakes_shown

_KS = {"1": "First", "5": "First 5", "10": "First 10"}
_MISSED = "missed"


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Failures", anchor=False)
    st.caption(
        "Every query of a split whose answer is known, where that answer stands, and which terms "
        "put another document ahead of it. What the dense vectors find and the terms do not comes "
        "first."
    )
    with mistakes_shown():
        told = st.container()
        with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
            k = int(address.choose("k", "The answer is among the", _KS, "1"))
            models, split, direction, queries = choose_measured(choice, images, told)
            measured = split, direction, "", queries, choose_setting()
        labs = [caches.laboratory(choice.collection, one, *measured) for one in models]
        lab, terms = labs[0], labs[0].model.vocabulary.terms
        found, causes = caches.cases(labs), caches.causes(labs)
        view = choose_view(models)
        chosen = choose_cause(causes, _choose(found, k))
        if view == "models":
            chosen = choose_apart(labs, found, causes, chosen, k)
        chosen = choose_group(found, causes, chosen, k, terms, shown=view == "groups")
        chosen = choose_list(lab, found, chosen)
        triage = triage_of(lab)
        listed = chosen
        if triage is not None:
            chosen = choose_judged(triage, found, chosen)
        table = _table(found, causes, chosen, models)
        row = _show_table(table, chosen)
        show_exports(lab, found, causes, chosen, triage, k)
        if row is not None:
            show_case(choice, found, row, explain(causes, found, row, terms))
            if triage is not None:
                show_triage(lab, triage, found, (listed, chosen), row, partial(cause_of, causes))
            show_terms(found, row, terms)
            if only_teacher_finds(found, row, k):
                show_teacher_gap(lab, caches.usual_query(lab), found, row)
            show_why_not(lab, found, row, chosen, k)


def _choose(found: Cases, k: int) -> np.ndarray:
    """Draw the filters; the rows that they leave, the largest contrast first."""
    quadrants = found.quadrants(k)
    counts = np.bincount(quadrants, minlength=len(QUADRANTS))
    missed = int((~found.found(k)).sum())
    names = {
        _MISSED: f"Missed · {missed:,}",
        "only-dense": f"Dense vectors find it · {counts[2]:,}",
        "neither": f"Neither finds it · {counts[3]:,}",
        "only-sparse": f"Only terms find it · {counts[1]:,}",
        "both": f"Both find it · {counts[0]:,}",
        "all": f"All · {len(found):,}",
    }
    which = address.choose("which", "Queries", names, _MISSED, hide_label=True)
    wanted = ~found.found(k) if which == _MISSED else np.ones(len(found), bool)
    if which.replace("-", " ") in QUADRANTS:
        wanted = quadrants == [one.replace(" ", "-") for one in QUADRANTS].index(which)
    text = address.read_text("find") or ""
    st.text_input(
        "The query says",
        placeholder="part of a query",
        **address.bound("find", text, ""),
    )
    order = found.by_contrast()
    chosen = order[wanted[order]]
    if part := text.strip().lower():
        chosen = np.array([row for row in chosen if part in found.texts[row].lower()], np.int64)
    return chosen


def _table(found: Cases, causes: Causes, rows: np.ndarray, models: tuple[str, ...]) -> pd.DataFrame:
    documents = found.task.documents.ids
    columns = {
        "query": [found.texts[row] for row in rows],
        "rank": _ranks(found.ranks[rows]),
        "dense": found.dense[rows],
    }
    if found.task.says:
        columns["own words"] = _ranks(found.own_words[rows])
    if found.second is not None:
        columns[models[1]] = _ranks(found.second[rows])
    columns |= {
        "cause": cause_names(causes, rows),
        "margin": found.margins[rows],
        "shared terms": found.shared[rows],
        "active terms": found.active[rows],
        "words": found.words[rows],
        "answer": [documents[found.answers[row]] for row in rows],
        "rival": [documents[found.rivals[row]] if found.rivals[row] >= 0 else "" for row in rows],
        "id": [found.ids[row] for row in rows],
    }
    return pd.DataFrame(columns)


def _ranks(ranks: np.ndarray) -> pd.Series[int]:
    """Ranks, missing where the answer is no hit."""
    return pd.Series(ranks).astype("Int64").where(ranks > 0)


def _show_table(table: pd.DataFrame, rows: np.ndarray) -> int | None:
    """The table of queries; the row of the one that is looked at."""
    st.caption(
        f"{len(table):,} queries. A row opens one. Rank: of the best right answer with all terms, "
        "by the dense vectors, with the query's own words alone; none where it shares no term. "
        "Margin: its score less that of the best other document."
    )
    ids = [str(one) for one in table["id"]]
    # A row that was chosen in another list is another query in this one.
    key = f"failures-{fingerprint(*ids)}"
    st.dataframe(
        table,
        hide_index=True,
        height=320,
        key=key,
        on_select=partial(_open, key, ids),
        selection_mode="single-row",
        column_config={
            "query": st.column_config.TextColumn(width="medium"),
            "margin": st.column_config.NumberColumn(format="%.2f"),
        },
        placeholder="–",
        alt="Queries with the ranks of their answers",
    )
    wanted = address.read_text("case")
    if wanted in ids:
        return int(rows[ids.index(wanted)])
    return int(rows[0]) if len(rows) else None


def _open(key: str, ids: list[str]) -> None:
    """Put the query of the row that was chosen into the address."""
    if picked := st.session_state[key]["selection"]["rows"]:
        address.write("case", ids[picked[0]])


draw(show)
