"""Where one was and wants to come back to: the link to a page, named views, past queries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

from lsr.exceptions import InputError, shorten
from lsr.storage.views import View, views
from pages.parts import mode
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import show_mistake, show_off

_KEY = "views"
_PAST = "past-queries"
_MOST_PAST = 12


class Past(NamedTuple):
    """A query of this session: the page that it was asked on, and the whole address there."""

    query: str
    page: str
    address: dict[str, str]


def remember(page: str) -> None:
    """Put the query of the address, if there is one, before the others of this session."""
    here = st.query_params.to_dict()
    if query := here.get("q", "").strip():
        now = Past(query, page, here)
        others = [one for one in past() if (one.query, one.page) != (query, page)]
        st.session_state[_PAST] = [now, *others][:_MOST_PAST]


def past() -> list[Past]:
    """The queries of this session, the last one first."""
    return list(st.session_state.get(_PAST, []))


def show_in_sidebar(page: str, files: Mapping[str, str]) -> None:
    """A box with the link to this page, the views there are, and the queries of this session.

    Args:
        page: the name of the page, such as `search`. files: of all pages, by name.
    """
    remember(page)
    box = st.popover(
        "Link, views, history",
        icon=":material/bookmark:",
        key=_KEY,
        on_change="rerun",
        type="tertiary",
    )
    if not box.open:
        return
    with box:
        here = st.query_params.to_dict()
        st.markdown("**Link to this page**")
        st.code(_link(here), language=None, wrap_lines=True)
        _show_views(page, here, files)
        _show_past(files)


def _link(here: Mapping[str, str]) -> str:
    """The whole address of this page, as others can open it."""
    address = st.context.url or ""
    return f"{address}?{urlencode(here)}" if here else address


def _show_views(page: str, here: dict[str, str], files: Mapping[str, str]) -> None:
    st.markdown(
        "**Views**",
        help=glossed(
            "A view keeps the address of a page under a name: the query, filters and settings, "
            "not what was found. They lie in `$LEXISCOPE_HOME/views`."
        ),
    )
    found, problems = views()
    off = mode.why_not("view")
    for view in found:
        if view.page in files:
            _show_view(view, files[view.page], deletable=not off)
        else:
            problems.append(f"View `{view.name}` is of a page `{view.page}`, which is not known.")
    for problem in problems:
        show_mistake(InputError(problem))
    if off:
        show_off(off)
        return
    with st.form("save-view", border=False, clear_on_submit=True):
        name = st.text_input("Save this page as", placeholder="dogs without expansion")
        if st.form_submit_button("Save the view"):
            _act("save_view", name, page, here)


def _show_view(view: View, file: str, *, deletable: bool) -> None:
    with st.container(
        horizontal=True, gap="xsmall", vertical_alignment="center", key=f"past-view-{view.name}"
    ):
        st.page_link(file, label=escape(view.name), icon="", query_params=view.address)
        if deletable and st.button(
            "✕",
            key=f"delete-view-{view.name}",
            type="tertiary",
            help=f"Delete the view {escape(view.name)}",
        ):
            _act("delete_view", view.name)


def _act(name: str, *given: object) -> None:
    """Go through a door of `pages.parts.actions`, and draw the list anew."""
    # They read a second's worth of modules, for which no page waits that does not act.
    actions = import_module("pages.parts.actions")
    try:
        getattr(actions, name)(*given)
    except InputError as mistake:
        show_mistake(mistake)
    else:
        st.rerun()


def _show_past(files: Mapping[str, str]) -> None:
    asked = past()
    if not asked:
        return
    st.markdown("**Queries of this session**")
    with st.container(key="past-queries", gap="xxsmall"):
        for one in asked:
            label = f"{escape(shorten(one.query))} · {one.page}"
            st.page_link(files[one.page], label=label, icon="", query_params=one.address)
