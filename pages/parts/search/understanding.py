"""What the page says of a query's words: those without a term, pieces, slips, nothing at all."""

from __future__ import annotations

import re

import streamlit as st

from lsr.search.results import SearchResult
from lsr.search.understood import Understood
from pages.parts.links import to_search
from pages.parts.markup import escape


def show_understood(result: SearchResult, found: Understood) -> None:
    """Say it, with a link to each better query; nothing where every word was understood."""
    if found.nothing:
        st.warning(
            "This query says nothing the model knows. "
            + (
                "The images below share only stray weights with it."
                if result.hits
                else "No image shares an active term with it."
            )
            + " Describe what a picture shows, in words of its captions.",
            icon=":material/help:",
        )
    lines = []
    if found.unknown:
        lines.append(f"No term for {_listed(found.unknown)}.")
    lines += [
        f"“{escape(one.word)}” is read in pieces: {' '.join(escape(p) for p in one.pieces)}."
        for one in found.split
    ]
    if found.silent and not found.nothing:
        lines.append(f"No weight for {_listed(found.silent)}.")
    if lines:
        st.caption(" ".join(lines))
    if found.suggestions:
        with st.container(horizontal=True, gap="xsmall", key="chips-suggestions"):
            st.caption("Did you mean", width="content")
            for one in found.suggestions:
                for term in one.terms:
                    better = _replaced(result.query, one.word, term)
                    to_search(better, label=f"*{escape(term)}*")


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"“{escape(word)}”" for word in words)


def _replaced(text: str, word: str, better: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", lambda _: better, text, count=1)
