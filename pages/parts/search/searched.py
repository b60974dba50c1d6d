"""Which images a search looks through, and the inference setting that it is under."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.parts import address
from pages.parts.markup import escape
from pages.parts.search.pair import Side


def checked(side: Side) -> Side:
    """The same side, its setting understood.

    Raises:
        QueryError: the setting cannot be understood.
    """
    if not side.setting.strip():
        return side
    # Only a search under a setting reads what sweeps need.
    from lsr.sweep.inference import parse_inference

    return replace(side, setting=str(parse_inference(side.setting)))


def show_setting(side: Side) -> None:
    """The inference setting that the search is under, with a way out of it."""
    if not side.setting.strip():
        return
    from lsr.sweep.inference import parse_inference

    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        told = parse_inference(side.setting).in_words()
        st.markdown(f":material/tune: **{escape(told)}.**", width="content")
        st.button("Every term", key="no-setting", on_click=_leave_setting)


@address.whole
def _leave_setting() -> None:
    address.write("setting", None)
    address.write("sheet", None)
