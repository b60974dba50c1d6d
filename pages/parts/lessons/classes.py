"""A class predicts together: a code in the address, and counts that whoever has it can see."""

from __future__ import annotations

from contextlib import suppress

import pandas as pd
import streamlit as st

from lsr.exceptions import InputError
from lsr.storage.classes import Counts, read_class
from pages.parts import actions, address, mode
from pages.parts.lessons.words import offer_all_lessons
from pages.parts.messages import mistakes_shown, show_mistake, show_off

CODE = "class"
_PROBLEM, _SENT = "class-problem", "class-sent"
_EVERY = 3.0  # seconds


def count(question: str, answer: str) -> None:
    """Count a prediction in the class of the address, once in a session; a callback calls this."""
    code = address.read_text(CODE)
    if not code:
        return
    sent: set[tuple[str, str]] = st.session_state.setdefault(_SENT, set())
    if (code, question) in sent:
        return
    try:
        actions.count_prediction(code, question, answer)
    except InputError as mistake:
        st.session_state[_PROBLEM] = str(mistake)
        return
    sent.add((code, question))


def show_problem() -> None:
    """Why the last prediction was not counted, if it was not."""
    if problem := st.session_state.pop(_PROBLEM, None):
        show_mistake(InputError(problem))


def show_joining() -> None:
    """Draw what joins a class, opens one, and leads to its counts."""
    with st.expander("Predict as a class", icon=":material/groups:", expanded=bool(_code())):
        st.markdown(
            "Whoever teaches opens a class and gives its code, or the link to this page, to "
            "everybody. Each prediction is then counted: how many predicted what, and no names."
        )
        if why := mode.why_not("collect"):
            show_off(why)
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input(
                "Code of the class",
                placeholder="six letters and digits",
                width=240,
                **address.bound(CODE, _code(), ""),
            )
            st.button("Open a class", key="open-class", on_click=_open)
        if _code():
            with mistakes_shown():
                read_class(_code())
                st.button(
                    "See what the class predicts",
                    key="see-class",
                    icon=":material/bar_chart:",
                    on_click=address.write,
                    args=("view", "class"),
                )


def show_beside(key: str, text: str, labels: dict[str, str]) -> None:
    """Draw what the class of the address predicted so far, folded away; nothing without one."""
    if not _code():
        return
    with suppress(InputError):  # the overview says what is wrong with a code
        counts = read_class(_code())
        if key in counts:
            with st.expander("What the class predicted", icon=":material/groups:"):
                _show_question(key, text, labels, counts)


def show_counts(questions: dict[str, tuple[str, dict[str, str]]]) -> None:
    """Draw the counts of the class in the address, renewed while they are looked at.

    Args:
        questions: by key the text, and the labels of the answers by name.
    """
    offer_all_lessons()
    st.header(f"Class {_code()}" if _code() else "A class", anchor=False)
    address.fragment(_counts, _EVERY)(questions)


def _counts(questions: dict[str, tuple[str, dict[str, str]]]) -> None:
    with mistakes_shown():
        counts = read_class(_code())
        told = {key: of for key, of in counts.items() if key in questions}
        if not told:
            st.info("Nobody has predicted anything yet.", icon=":material/hourglass_empty:")
        for key in questions:
            if key in told:
                _show_question(key, *questions[key], told)


def _show_question(key: str, text: str, labels: dict[str, str], counts: Counts) -> None:
    found = [max(counts[key].get(name, 0), 0) for name in labels]
    total = sum(found)
    st.markdown(f"**{key}** · {text} · {total:,} predictions")
    table = pd.DataFrame({"answer": list(labels.values()), "predictions": found})
    st.dataframe(
        table[table["predictions"] > 0],
        hide_index=True,
        key=f"counts-{key}",
        column_config={
            "predictions": st.column_config.ProgressColumn(
                min_value=0, max_value=max(total, 1), format="%d"
            )
        },
        alt=f"How many predicted each answer to question {key}",
    )


def _code() -> str:
    return (address.read_text(CODE) or "").strip().upper()


@address.whole
def _open() -> None:
    try:
        code = actions.open_class()
    except InputError as mistake:
        st.session_state[_PROBLEM] = str(mistake)
        return
    address.write(CODE, code)
