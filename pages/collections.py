"""Collections: what is installed, and how to bring one's own."""

from __future__ import annotations

import streamlit as st

from pages.parts import address
from pages.parts.choice import current_collection
from pages.parts.collections.importing import show_import
from pages.parts.collections.installed import show_collection, show_list
from pages.parts.collections.tasks import show_tasks
from pages.parts.entry import draw
from pages.parts.messages import mistakes_shown

_VIEWS = {"installed": "Installed", "import": "Bring your own"}


def show() -> None:
    """Draw the page."""
    st.title("Collections", anchor=False)
    st.caption(
        "Images with their captions, and the dense vectors that an encoder made of both. Choose "
        "one to look into, or bring your own: a folder of photos is enough."
    )
    show_tasks()
    with mistakes_shown():
        if address.choose("view", "Show", _VIEWS, "installed", hide_label=True) == "import":
            show_import()
            return
        show_list(current_collection())
        show_collection(current_collection())


draw(show)
