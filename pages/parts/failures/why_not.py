"""Why not: the edits that lift a missed answer, and what they do to all queries of the list."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lsr.failures.cases import Cases
from lsr.failures.edits import TermEdit, Where
from lsr.failures.shares import said_by_documents
from lsr.failures.trying import Tried, try_edits
from lsr.failures.why_not import EXACT, MOST_EDITS, WhyNot, why_not
from lsr.sweep.laboratory import Laboratory
from pages.parts import address, links
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.search.edit import Edit

_SHOWN = 5
_SIDES: dict[Where, str] = {"query": "of the query", "answer": "of the answer"}


def show_why_not(lab: Laboratory, cases: Cases, row: int, rows: np.ndarray, k: int) -> None:
    """Draw the edits that lift an answer which is not among the first k.

    Args:
        rows: the queries of the list, on which edits are tried.
    """
    if cases.found(k)[row]:
        return
    st.subheader("Why not", anchor=False)
    place = "first" if k == 1 else f"among the first {k:,}"
    offered: dict[str, str] = {name: f"Terms {label}" for name, label in _SIDES.items()}
    chosen = address.choose("edits", "Edits of the", offered, "query", hide_label=True)
    side: Where = "query" if chosen == "query" else "answer"
    terms = lab.model.vocabulary.terms
    said = said_by_documents(lab, cases)[cases.answers[row]].indices
    found = why_not(cases, row, terms, k, side, said)
    if not found.edits:
        st.markdown(
            f"No set of up to {EXACT if found.exact else MOST_EDITS} edits {_SIDES[side]} lifts "
            f"the answer {place}."
        )
        return
    st.markdown(f"{_headline(found)} **{place}**:" if k == 1 else f"{_headline(found)} {place}:")
    for edit in found.edits:
        _show_edit(edit)
    _offer_trial(cases, row, rows, terms, found)
    if side == "query" and cases.task.direction == "text-to-image":
        answer = cases.task.documents.ids[cases.answers[row]]
        links.to_edited_search(cases.texts[row], as_edit(found.edits), answer, "Try it in Search")
        st.caption("Search ranks all images that can be searched, which may be more than these.")


def as_edit(edits: tuple[TermEdit, ...]) -> dict[str, str]:
    """Edits of a query as the address of the Search page has them."""
    return Edit(
        boost={one.term: one.amount for one in edits if one.kind == "boost"},
        mute=tuple(one.term for one in edits if one.kind == "mute"),
        add={one.term: one.amount for one in edits if one.kind == "add"},
    ).as_address()


def _headline(found: WhyNot) -> str:
    n = len(found.edits)
    edits = f"{n} edit{'s' if n > 1 else ''}"
    sure = "no fewer do" if found.exact else "found step by step, fewer may do"
    return f"**{edits}** {_SIDES[found.side]} ({sure}) {'bring' if n > 1 else 'brings'} the answer"


def _show_edit(edit: TermEdit) -> None:
    term = escape(edit.term)
    told = {
        "mute": f"mute **{term}**, which weighs {edit.before:.2f}",
        "boost": f"boost **{term}** {edit.amount:g} times, {edit.before:.2f} → {edit.after:.2f}",
        "add": f"add **{term}** with a weight of {edit.amount:.2f}",
    }
    against = "it says it itself" if edit.kind == "mute" else "no text of the two says it"
    links.to_term(edit.term, told[edit.kind] + (f" · {against}" if edit.said is False else ""))


def _offer_trial(cases: Cases, row: int, rows: np.ndarray, terms: list[str], found: WhyNot) -> None:
    """A button that makes each edit in every query of the list."""
    st.toggle(
        "Try each on all queries",
        help=glossed(
            "A cure for one query may break others. A query's term is muted or boosted wherever "
            "it occurs, and added to every query; a document's is changed for every query."
        ),
        **address.bound("tried", address.flag("tried", False), False, address.flag_text),
    )
    if not address.flag("tried", False):
        return
    groups: list[tuple[str, tuple[TermEdit, ...]]] = [(str(one), (one,)) for one in found.edits]
    if len(groups) > 1:
        groups.append(("all of them", found.edits))
    for name, edits in groups:
        everywhere = try_edits(cases, row, edits, terms, found.k)
        _say_tried(name, everywhere, {cases.ids[one] for one in rows})


def _say_tried(name: str, tried: Tried, listed: set[str]) -> None:
    n_fixed, n_broken = len(tried.fixed), len(tried.broken)
    verdict = "fixes more than it breaks" if n_fixed > n_broken else "breaks at least as many"
    here = len(listed & set(tried.fixed))
    st.markdown(
        f"{escape(name)}: **{n_fixed:,} fixed, {n_broken:,} broken** of {tried.n:,} queries, "
        f"{verdict}; {here:,} of the list are fixed."
    )
    ids = [
        f"{label} {_few(names)}"
        for label, names in (("fixed", tried.fixed), ("broken", tried.broken))
        if names
    ]
    if ids:
        st.caption("; ".join(ids))


def _few(names: tuple[str, ...]) -> str:
    shown = ", ".join(escape(one) for one in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else shown
