"""Whether pictures that lie on the web are shown: the browser then asks their addresses."""

from __future__ import annotations

import os

import streamlit as st

from lsr.collection.collection import Collection
from lsr.exceptions import QueryError, shorten
from pages.parts import address
from pages.parts.glossary import glossed

SETTING = "LEXISCOPE_REMOTE_PICTURES"


def allowed() -> bool:
    """Whether whoever runs the app lets pictures be shown from the web.

    Raises:
        QueryError: the environment variable says neither `on` nor `off`.
    """
    value = os.environ.get(SETTING) or "on"
    if value not in ("on", "off"):
        raise QueryError(f"`{SETTING}` is `{shorten(value)}`. Use `on` or `off`.")
    return value == "on"


def shown() -> bool:
    """Whether pictures from the web are shown now."""
    return allowed() and address.read_flag("web", True)


def choose_in_sidebar(images: Collection) -> None:
    """Draw the switch where a collection has pictures that lie on the web."""
    if not images.has_remote_pictures:
        return
    st.toggle(
        "Pictures from the web",
        disabled=not allowed(),
        help=glossed(
            "Some pictures of this collection are not on this machine. When this is on, the "
            f"browser loads them from their addresses. `{SETTING}=off` switches it off for "
            "everyone."
        ),
        **address.bound("web", shown(), True, address.flag_text),
    )
