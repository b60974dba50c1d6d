"""The frame of all lessons: the overview, and a lesson step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import address, links
from pages.parts.glossary import VIEW
from pages.parts.lessons import classes
from pages.parts.lessons.questions import Question
from pages.parts.lessons.words import TEACHING


@dataclass(frozen=True)
class Step:
    """A screen of a lesson: what its link says, and what draws it."""

    name: str
    show: Callable[[], None]


@dataclass(frozen=True)
class Lesson:
    """A lesson.

    aim: what one can say afterwards. minutes: how long it takes about. steps: at least one.
    questions: all that its steps ask, in their order.
    """

    title: str
    aim: str
    minutes: int
    steps: tuple[Step, ...]
    questions: tuple[Question, ...]


def show_overview(lessons: Sequence[Lesson]) -> None:
    """Draw the list of lessons with what has been predicted, and what joins a class."""
    st.caption(
        f"{len(lessons)} lessons on live data, {sum(one.minutes for one in lessons)} minutes "
        "together. Each asks you to predict before it shows. They use the bundled scenes and "
        "models, whatever the sidebar says. Your predictions stand in the address: copy the link "
        "to show them."
    )
    grid = st.grid(2, min_column_width=320, gap="small")
    for number, lesson in enumerate(lessons, 1):
        with grid.container(border=True, key=f"lesson-{number}", gap="xsmall"):
            st.markdown(f"**{number} · {lesson.title}** :gray[{lesson.minutes} min]")
            st.markdown(lesson.aim)
            done, total = sum(one.answered for one in lesson.questions), len(lesson.questions)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    "Begin" if not done else "Go on" if done < total else "Look again",
                    key=f"begin-{number}",
                    icon=":material/check:" if done == total else ":material/play_arrow:",
                    on_click=_go,
                    args=(number, 1),
                )
                st.caption(f"{done} of {total} predicted")
    classes.show_joining()
    with st.container(horizontal=True, gap="small"):
        for view, label, icon in (
            (VIEW, "Glossary", ":material/menu_book:"),
            (TEACHING, "For teachers", ":material/print:"),
        ):
            st.button(
                label,
                key=f"view-{view}",
                type="tertiary",
                icon=icon,
                on_click=address.write,
                args=("view", view),
            )


def show_lesson(lessons: Sequence[Lesson], number: int) -> None:
    """Draw the step of a lesson that the address says, with the way on and back."""
    lesson = lessons[number - 1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "All lessons",
            key="all-lessons",
            type="tertiary",
            icon=":material/arrow_back:",
            on_click=_go,
            args=(None, 1),
        )
        done = sum(one.answered for one in lesson.questions)
        code = address.read_text(classes.CODE)
        st.caption(
            f"{lesson.minutes} min · {done} of {len(lesson.questions)} predicted"
            + (f" · class {code[:6].upper()}" if code and code.isalnum() else "")
            + f" · [Glossary](lessons?view={VIEW})"
        )
    st.header(f"{number} · {lesson.title}", anchor=False)
    names = {str(place): step.name for place, step in enumerate(lesson.steps, 1)}
    step = int(address.choose("step", "Step", names, "1", hide_label=True))
    lesson.steps[step - 1].show()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if step > 1:
            st.button("Back", key="step-back", on_click=_go, args=(number, step - 1))
        if step < len(lesson.steps):
            st.button(
                f"Next: {lesson.steps[step].name}",
                key="step-next",
                type="primary",
                on_click=_go,
                args=(number, step + 1),
            )
        elif number < len(lessons):
            st.button(
                f"Next lesson: {lessons[number].title}",
                key="lesson-next",
                type="primary",
                on_click=_go,
                args=(number + 1, 1),
            )
        else:
            links.with_collection(links.SEARCH, "demo", "Search on your own", ":material/search:")


@address.whole
def _go(number: int | None, step: int) -> None:
    address.write_together(
        {
            "lesson": None if number is None else str(number),
            "step": None if step == 1 else str(step),
        }
    )
