"""Train: a model of one's own, its curves while it learns, and what became of it."""

from __future__ import annotations

import streamlit as st

from lsr.training import jobs
from pages.parts import mode
from pages.parts.choice import current_collection
from pages.parts.entry import draw
from pages.parts.messages import mistakes_shown
from pages.parts.train import turns
from pages.parts.train.form import show_form
from pages.parts.train.runs import show_runs


def show() -> None:
    """Draw the page."""
    collection = current_collection()
    st.title("Train", anchor=False)
    st.caption(
        "Teach a model to say in words what the dense vectors mean. It trains in a process of its "
        "own: close the page, come back, and it is still here."
    )
    if mode.current() == "class" and mode.training_minutes():
        turns.keep()  # runs of an earlier start of the app have their turns, and their ends, too
    # On a narrow screen, what is going on stands above the form (style.css).
    going_on = any(job.alive for job in jobs.jobs())
    with st.container(key="training-goes-on" if going_on else "training-rests"):
        left, right = st.columns([2, 3], gap="large")
    with left, mistakes_shown():
        show_form(collection)
    with right, mistakes_shown():
        show_runs()


draw(show)
