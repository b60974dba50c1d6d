"""Lessons: six of them on live data, each asking for a prediction before it shows."""

from __future__ import annotations

import streamlit as st

from pages.parts import address
from pages.parts.entry import draw
from pages.parts.glossary import VIEW
from pages.parts.lessons import classes
from pages.parts.lessons.frame import show_lesson, show_overview
from pages.parts.lessons.plan import LESSONS
from pages.parts.lessons.questions import keep
from pages.parts.lessons.words import TEACHING, show_glossary, show_sheet
from pages.parts.messages import mistakes_shown


def show() -> None:
    """Draw the page."""
    st.title("Lessons", anchor=False)
    classes.show_problem()
    questions = [one for lesson in LESSONS for one in lesson.questions]
    keep(questions)
    numbers = [str(number) for number in range(1, len(LESSONS) + 1)]
    with mistakes_shown():
        view = address.option("view", ["class", VIEW, TEACHING], "")
        if view == VIEW:
            show_glossary()
        elif view == TEACHING:
            show_sheet()
        elif view == "class":
            classes.show_counts({one.key: (one.text, one.answers) for one in questions})
        elif number := address.option("lesson", numbers, ""):
            show_lesson(LESSONS, int(number))
        else:
            show_overview(LESSONS)


draw(show)
