"""Triage: a person accepts or changes the guessed cause of a failure with one key, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import streamlit as st

from lsr.exceptions import InputError
from lsr.failures.agreement import Agreement, agreement
from lsr.failures.cases import Cases
from lsr.failures.triage import CAUSES, LONGEST_NOTE, Entry, Triage, read_triage, tags_of
from lsr.sweep.laboratory import Laboratory
from pages.parts import actions, address, mode
from pages.parts.charts import folded_table
from pages.parts.glossary import glossed
from pages.parts.markup import sentence
from pages.parts.messages import show_mistake, show_off

# Of the keyboard, in the order of CAUSES; Streamlit keeps c and r for itself.
_KEYS = "123456789bdefghijk"
_ACCEPT, _NEXT = "a", "n"
_PROBLEM = "triage-problem"
_JUDGED = {"all": "All", "open": "Still to judge", "judged": "Judged"}
_MOST_PROBLEMS = 3
Guess = Callable[[int], str]
"""The cause guessed for a row of the cases; empty where there is none."""


def triage_of(lab: Laboratory) -> Triage | None:
    """What was said so far; None, with the reason shown, where the file cannot be used."""
    try:
        found = read_triage(lab)
    except InputError as mistake:
        show_mistake(mistake)
        return None
    for problem in found.problems[:_MOST_PROBLEMS]:
        st.warning(sentence(problem), icon=":material/warning:")
    if len(found.problems) > _MOST_PROBLEMS:
        st.caption(f"{len(found.problems) - _MOST_PROBLEMS:,} more lines are left out.")
    return found


def choose_judged(triage: Triage, cases: Cases, rows: np.ndarray) -> np.ndarray:
    """Draw the filters by what was said, once something was; the rows that they leave."""
    if not triage.entries:
        return rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = address.choose("judged", "Judged", _JUDGED, "all")
        tag = address.read_text("tag") or ""
        if triage.tags:
            st.text_input(
                "Tag",
                placeholder=", ".join(list(triage.tags)[:3]),
                width=240,
                **address.bound("tag", tag, ""),
            )
    if which != "all":
        wanted = which == "judged"
        rows = np.array([row for row in rows if (cases.ids[row] in triage.judged) == wanted], int)
    if tag.strip():
        tagged = {name for name, one in triage.entries.items() if tag.strip() in one.tags}
        rows = np.array([row for row in rows if cases.ids[row] in tagged], int)
    return rows


def show_triage(
    lab: Laboratory,
    triage: Triage,
    cases: Cases,
    lists: tuple[np.ndarray, np.ndarray],
    row: int,
    guess: Guess,
) -> None:
    """Draw what can be said about a failure, and how far the list is judged.

    Args:
        lists: rows of the list, with and without those that the filters by what was said leave out.
    """
    if why := mode.why_not("triage"):
        show_off(why)
        return
    if problem := st.session_state.pop(_PROBLEM, None):
        show_mistake(InputError(problem))
    labels = {name: name.capitalize() for name in CAUSES}
    query = cases.ids[row]
    said = triage.entries.get(query)
    guessed = guess(row)
    rows = lists[1]
    together = _with_the_same_answer(triage, cases, rows, row)
    both = bool(together) and address.flag("together", False)
    then = _next(triage, cases, rows, row, together if both else [])

    @address.whole
    def judge(cause: str | None) -> None:
        note, tags = (st.session_state.get(f"triage-{one}-{query}", "") for one in ("note", "tags"))
        kept = (said.cause if said else "") if cause is None else cause
        meant = [row, *together] if both and cause else [row]
        try:
            for one in meant:
                entry = Entry(cases.ids[one], kept, guess(one), note.strip(), tags_of(tags))
                actions.judge(lab, entry)
        except InputError as mistake:
            st.session_state[_PROBLEM] = str(mistake)
            return
        if cause is not None and then is not None:
            address.write("case", then)

    _show_progress(triage, cases, lists[0])
    with st.container(horizontal=True, gap="xsmall", key="triage-causes"):
        if guessed:
            st.button(
                f"Accept: {labels[guessed]}",
                type="primary",
                shortcut=_ACCEPT,
                key="triage-accept",
                on_click=judge,
                args=(guessed,),
            )
        for name, key in zip(CAUSES, _KEYS, strict=False):
            st.button(
                ("✓ " if said and said.cause == name else "") + labels[name],
                shortcut=key,
                key=f"triage-{name}",
                on_click=judge,
                args=(name,),
            )
        if then is not None:
            st.button(
                "Next to judge",
                shortcut=_NEXT,
                key="triage-next",
                type="tertiary",
                on_click=address.write,
                args=("case", then),
            )
    if together:
        st.toggle(
            f"Say it of {len(together) + 1:,} queries with this answer",
            help=glossed(
                "Captions of one picture often miss it for one reason. What you say here is said "
                "of all queries of this list that have the same answer and are still to judge."
            ),
            **address.bound("together", both, False, address.flag_text),
        )
    with st.expander("Note and tags", expanded=bool(said and (said.note or said.tags))):
        st.text_area(
            "Note",
            said.note if said else "",
            max_chars=LONGEST_NOTE,
            height=68,
            key=f"triage-note-{query}",
            on_change=judge,
            args=(None,),
        )
        st.text_input(
            "Tags, with commas between",
            ", ".join(said.tags) if said else "",
            key=f"triage-tags-{query}",
            on_change=judge,
            args=(None,),
        )
        if said and said.cause:
            st.button("Take the cause back", key="triage-back", on_click=judge, args=("",))
    _show_agreement(agreement(triage.entries.values()), labels)


def _with_the_same_answer(triage: Triage, cases: Cases, rows: np.ndarray, row: int) -> list[int]:
    """The other queries of the list with the answer of a query, as far as they are to judge."""
    same = rows[cases.answers[rows] == cases.answers[row]]
    return [int(one) for one in same if one != row and cases.ids[one] not in triage.judged]


def _next(
    triage: Triage, cases: Cases, rows: np.ndarray, row: int, besides: list[int]
) -> str | None:
    """The id of the next query of the list that is still to judge, from the top at its end.

    Args:
        besides: rows that will have been judged by then.
    """
    place = int(np.flatnonzero(rows == row)[0]) if row in rows else -1
    judged = triage.judged
    for other in (*rows[place + 1 :], *rows[: max(place, 0)]):
        if other not in besides and cases.ids[other] not in judged:
            return cases.ids[other]
    return None


def _show_progress(triage: Triage, cases: Cases, rows: np.ndarray) -> None:
    judged = triage.judged
    done = sum(cases.ids[row] in judged for row in rows)
    st.progress(
        done / max(len(rows), 1), f"{done:,} of {len(rows):,} queries of this list are judged"
    )


def _show_agreement(found: Agreement, labels: Mapping[str, str]) -> None:
    """Guesses beside what people say."""
    if not found.n:
        return
    kappa = found.kappa
    beyond = "" if kappa is None else f", κ {kappa:.2f}"
    st.caption(
        f"The guess is accepted in {found.agreed:,} of {found.n:,} queries{beyond}.",
        help=glossed(
            "Cohen's kappa: agreement beyond chance, 1 where guess and person always agree, 0 "
            "where they agree no more than chance would have it."
        ),
    )
    guesses = sorted({guess for guess, _ in found.table})
    causes = [name for name in CAUSES if any(name == cause for _, cause in found.table)]
    table = pd.DataFrame(
        {
            "guess": [labels.get(one, one) for one in guesses],
            **{
                labels[cause]: [found.table.get((one, cause), 0) for one in guesses]
                for cause in causes
            },
        }
    )
    folded_table(
        table, "Guess against person", "Guesses by what was said", name="triage", key="triage"
    )
