"""The glossary and the teacher's sheet as pages."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from lsr.exceptions import UnknownNameError, shorten
from pages.parts import address
from pages.parts.glossary import WORD, Entry, entries
from pages.parts.messages import or_default

_SHEET = Path(__file__).resolve().parents[3] / "docs" / "teaching.md"
TEACHING = "teaching"
R_AT_1 = "the share of queries with a right answer in first place"


def offer_all_lessons() -> None:
    """Draw the button that leads from a view of the page to the list of lessons."""
    st.button(
        "All lessons",
        icon=":material/arrow_back:",
        key="all-lessons",
        on_click=_leave,
        type="tertiary",
    )


def show_glossary() -> None:
    """Draw the glossary, the word of the address first."""
    offer_all_lessons()
    st.header("Glossary", anchor=False)
    if chosen := or_default(_chosen, None):
        with st.container(border=True):
            st.markdown(f"**{chosen.word}** — {chosen.meaning}")
    for one in entries().values():
        st.markdown(f"**{one.word}** — {one.meaning}")


def show_sheet() -> None:
    """Draw what a teacher reads and prints; it leads out of the app nowhere."""
    offer_all_lessons()
    text = _SHEET.read_text("utf-8")
    st.markdown(re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text).partition("\n")[2])


def _chosen() -> Entry | None:
    word = address.read_text(WORD)
    if word is None:
        return None
    if word not in entries():
        raise UnknownNameError(f"The glossary has no word `{shorten(word)}`. All it has is below.")
    return entries()[word]


@address.whole
def _leave() -> None:
    address.write_together({"view": None, WORD: None})
