# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""Terms merged, renamed and deleted: what that does at once, and the model kept with it."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import streamlit as st

from lsr.collection.collection import Collection
from lsr.figures.frontier import LABELS, MEANINGS
from lsr.model.edited import EditedModel, edit_terms
from lsr.model.protocol import Model
from lsr.model.term_edits import Change, TermEdit, edits_text, parse_edits
from lsr.search.searcher import Searcher
from lsr.sweep.edited_terms import SHOWN, Edited, measure_edits
from pages.parts import actions, address, links, mode
from pages.parts.choice import current_collection
from pages.parts.expansion.setting import measurable_splits
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown, or_default, show_off

_CHANGES = {"merge": "Merge", "rename": "Rename", "delete": "Delete"}
_CAPTIONS = "captions"
_WHOLE = ("index_bytes", "posting_cost")
_LISTED = 300  # pixels of the list of edits
_MOST_PLURALS = 200
_COSTS = ("flops", "index_bytes", "posting_cost")


def show_edits(ready: Searcher) -> None:
    """The edits of the address, what they do, and a place for more."""
    none: tuple[TermEdit, ...] = ()
    edits = or_default(lambda: parse_edits(address.read_text("edits") or ""), none)
    model = ready.model
    edited = or_default(lambda: edit_terms(model, edits), edit_terms(model, none))
    st.caption(
        "Edit the terms of the model and see at once what they were worth: a merged term takes "
        "the larger weight of both, a deleted one is gone from images, captions and queries. "
        "Nothing is changed on disk until you save it under a name of its own."
    )
    split, queries = _choose_measured(ready.collection)
    with st.container(border=True):
        _offer_edit(ready, edited)
    if not edited.edits:
        return
    _show_list(edited)
    found = _measured(
        ready.collection,
        model,
        edits_text(edited.edits),
        split,
        queries,
        ready.collection.fingerprint,
        model.fingerprint,
    )
    _show_worth(found, split, queries)
    _offer_saving(edited)


def _choose_measured(images: Collection) -> tuple[str, str]:
    """Draw the choice of what edits are measured with: (split, query set or empty)."""
    splits = measurable_splits(images)
    split = "test" if "test" in splits else splits[0]
    labels = {_CAPTIONS: "Captions", **{name: name.capitalize() for name in images.query_sets}}
    if len(labels) == 1:
        return split, ""
    chosen = address.choose("queries", "Measured with", labels, _CAPTIONS)
    return split, "" if chosen == _CAPTIONS else chosen


def _offer_edit(ready: Searcher, edited: EditedModel) -> None:
    change: Change = address.choose("change", "Edit", _CHANGES, get_args(Change)[0])  # type: ignore[assignment]
    terms = _terms(ready, edited)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        term = st.selectbox("Term", terms, index=None, placeholder="type a few letters")
        to: str | None = ""
        if change == "merge":
            to = st.selectbox("Into", terms, index=None, placeholder="type a few letters")
        elif change == "rename":
            to = st.text_input("New name")
        ready_to_add = bool(term) and (change == "delete" or bool(to))
        if st.button("Add this edit", key="add-edit", type="primary", disabled=not ready_to_add):
            _go_to(edited, [TermEdit(change, str(term), str(to or "").strip())])
        if (
            change == "merge"
            and (plurals := _plurals(terms))
            and st.button(
                f"Merge {len(plurals)} plurals",
                key="merge-plurals",
                help=glossed(
                    "Every active term with an s or es at its end, into the term without it."
                ),
            )
        ):
            _go_to(edited, [TermEdit("merge", many, one) for many, one in plurals])


def _terms(ready: Searcher, edited: EditedModel) -> list[str]:
    """The terms that images activate, after the edits, the most frequent first."""
    frequency = ready.memory.document_frequency
    names, gone = edited.vocabulary.terms, edited.columns.gone
    order = np.argsort(-frequency, kind="stable")
    return [names[i] for i in order if frequency[i] and not gone[i]]


def _plurals(terms: list[str]) -> list[tuple[str, str]]:
    known = set(terms)
    found = [
        (term, next(term[:-cut] for cut in (1, 2) if term[:-cut] in known))
        for term in terms
        if len(term) > 3
        and any(term.endswith("es"[-cut:]) and term[:-cut] in known for cut in (1, 2))
    ]
    into = {one for _, one in found}
    # A term that takes another in stays, so that no edit finds its own term gone.
    return [(many, one) for many, one in found if many not in into][:_MOST_PLURALS]


def _go_to(edited: EditedModel, more: list[TermEdit]) -> None:
    """Put the edits with some more into the address, where they make sense together."""
    with mistakes_shown():
        found = edit_terms(edited, more)
        address.write("edits", edits_text(found.edits))
        st.rerun()


def _show_list(edited: EditedModel) -> None:
    n = len(edited.edits)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**{n:,} {'edit' if n == 1 else 'edits'}**")
        if st.button("Undo the last", key="undo-edit", icon=":material/undo:"):
            address.write("edits", edits_text(edited.edits[:-1]) or None)
            st.rerun()
        if n > 1 and st.button("Undo all", key="undo-edits"):
            address.write("edits", None)
            st.rerun()
    table = pd.DataFrame(
        [{"edit": one.change, "term": one.term, "to": one.to} for one in reversed(edited.edits)]
    )
    st.dataframe(
        table,
        hide_index=True,
        height=min(_LISTED, 35 * (n + 1) + 3),
        key="edits",
        alt="The edits of terms, the last one first",
    )


def _show_worth(found: Edited, split: str, queries: str) -> None:
    cells = st.grid(4, min_column_width=140, gap="xsmall")
    for name in SHOWN:
        digits = ",.0f" if name in _WHOLE else ".4f" if name != "flops" else ".2f"
        before, after = found.before[name], found.after[name]
        change = format(after - before, f"+{digits}")
        cells.metric(
            LABELS[name].capitalize() if name in _WHOLE else LABELS[name],
            format(after, digits),
            change if after != before else "the same",
            help=glossed(f"{MEANINGS[name].capitalize()}. Before: {before:{digits}}."),
            delta_arrow="off" if after == before else "auto",
            delta_color="off" if after == before else "inverse" if name in _COSTS else "normal",
        )
    st.caption(
        f"Text to image, split {escape(split)}, with {escape(queries or 'captions')}; below each "
        "number, the change against the model as it is."
    )


def _offer_saving(edited: EditedModel) -> None:
    with st.popover("Save as a model", icon=":material/save:"):
        if why := mode.why_not("edit"):
            show_off(why)
            return
        st.markdown(
            "Keeps the edits with a copy of the model that they belong to. Every page and command "
            "can use it then."
        )
        name = st.text_input("Name", key="edited-name")
        if st.button("Save", key="save-edited", type="primary"):
            with mistakes_shown():
                actions.keep_edited(name.strip(), edited)
                st.session_state["edited-saved"] = name.strip()
    if saved := st.session_state.get("edited-saved"):
        st.success(f"Model **{escape(saved)}** is saved.")
        links.with_model(links.SEARCH, saved, current_collection(), "Search with it")


@st.cache_data(max_entries=50, show_spinner="Measuring the edited terms…")
def _measured(
    _images: Collection, _model: Model, edits: str, split: str, queries: str, *marks: str
) -> Edited:
    return measure_edits(_images, _model, parse_edits(edits), split, queries)
