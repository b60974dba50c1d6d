"""Models: what is installed and how good, models beside each other, and published figures."""

from __future__ import annotations

import streamlit as st

from pages.parts import address
from pages.parts.collections.tasks import show_tasks
from pages.parts.entry import draw
from pages.parts.messages import mistakes_shown
from pages.parts.models.compared import show_compared
from pages.parts.models.installed import show_list, show_model
from pages.parts.models.published import show_published

_VIEWS = {"installed": "Installed", "compare": "Compare", "published": "Published"}


def show() -> None:
    """Draw the page."""
    st.title("Models", anchor=False)
    st.caption(
        "A model gives every image and caption a sparse vector over a vocabulary. Bring your own "
        "with `python -m lsr import-model`, or make one on the Train page."
    )
    show_tasks()
    with mistakes_shown():
        match address.choose("view", "Show", _VIEWS, "installed", hide_label=True):
            case "compare":
                show_compared()
            case "published":
                show_published()
            case _:
                show_model(show_list())


draw(show)
