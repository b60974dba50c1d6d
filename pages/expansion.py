"""Expansion: what more or fewer terms do to accuracy, on six knobs, for two models at once."""

from __future__ import annotations

import streamlit as st

from pages.parts import address, caches, charts, explain
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.expansion.cheapest import show_cheapest
from pages.parts.expansion.coins import show_coins
from pages.parts.expansion.curve import (
    measure,
    show_charts,
    show_progress,
    show_reading,
    show_table,
    sweep_table,
)
from pages.parts.expansion.knobs import choose_kind, turn_knob
from pages.parts.expansion.on_search import to_search
from pages.parts.expansion.order import show_order
from pages.parts.expansion.point import show_point
from pages.parts.expansion.query import read_query, show_query
from pages.parts.expansion.reports import show_report
from pages.parts.expansion.safe import show_safe
from pages.parts.expansion.setting import Setting, choose_setting
from pages.parts.expansion.studies import show_cloud, show_prices
from pages.parts.expansion.trained import show_trained
from pages.parts.markup import sentence
from pages.parts.messages import mistakes_shown

_VIEWS = {
    "query": "One query",
    "flips": "What changes",
    "cloud": "Rank clouds",
    "coins": "Exact coins",
    "order": "Order",
    "prices": "Price tags",
    "safe": "Safe range",
    "cheapest": "Cheapest setting",
    "report": "Report",
}
_OF_ONE_TEXT = ("query", "cloud", "coins", "order", "prices", "safe")
_POLLING = "laboratory-polls"
_EVERY = 0.7  # seconds


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Expansion", anchor=False)
    st.caption(
        "How many terms may a caption use, and how well does it then find its image? Turn a knob: "
        "the point on the curve, the terms of a query and its results move together."
    )
    with mistakes_shown():
        kind = choose_kind(words=caches.model(choice.model).vocabulary.says)
        with st.container(horizontal=True, gap="small"):
            with st.popover("What the knobs do", icon=":material/school:"):
                st.markdown(explain.KNOBS)
            setting = None if kind == "training" else choose_setting(choice, images, kind)
        if setting is None:
            show_trained(choice)
            return
        polls = st.session_state.get(_POLLING, False)
        address.fragment(_explore, _EVERY if polls else None)(setting, kind)


def _explore(setting: Setting, kind: str) -> None:
    """Everything that moves with the knob; the rest of the page stays as it is."""
    busy = False
    with mistakes_shown():
        turned = turn_knob(kind)
        found = measure(setting, turned)
        busy = show_progress(found, turned.knob.random)
        show_charts(found, setting, turned)
        show_reading(found, turned)
        show_table(found, setting, turned)
        charts.table_twin(sweep_table(found), name=f"sweep-{turned.knob.control}", key="sweep")
        view = _choose_view(setting)
        if view == "flips":
            show_point(setting, turned)
        elif view == "cheapest":
            busy |= show_cheapest(setting)
        elif view == "report":
            busy |= show_report(setting)
        else:
            text = read_query(setting)
            to_search(setting, [(turned.knob, turned.value)])
            if view == "query":
                show_query(setting, turned, text)
            elif view == "cloud":
                show_cloud(setting, turned, text)
            elif view == "coins":
                busy |= show_coins(setting, turned, text)
            elif view == "order":
                show_order(setting, turned, text)
            elif view == "safe":
                show_safe(setting, text)
            else:
                show_prices(setting, turned, text)
    _poll(busy)


def _choose_view(setting: Setting) -> str:
    """Draw the choice of what to look at closer; a text of one's own needs models that read it."""
    whys = [why for name in setting.models if (why := caches.model(name).no_texts)]
    if not whys:
        return address.choose("view", "Look closer", _VIEWS, "query")
    st.caption(f"{sentence(whys[0])} What one query does is left out below.")
    views = {name: label for name, label in _VIEWS.items() if name not in _OF_ONE_TEXT}
    return address.choose("view", "Look closer", views, next(iter(views)))


def _poll(busy: bool) -> None:
    """Let the fragment run by itself as long as something is measured, and no longer."""
    if busy != st.session_state.get(_POLLING, False):
        st.session_state[_POLLING] = busy
        st.rerun()


draw(show)
