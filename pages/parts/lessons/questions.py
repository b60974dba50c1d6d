"""Predict, then reveal: the one mechanism by which every lesson asks.

A prediction stands in the address under the question's key, so a link shows it, and what is true
is computed when it is shown. A prediction is one of finitely many names: whatever else the address
says is told and ignored, and a class can be counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from lsr.exceptions import QueryError, shorten
from pages.parts import address
from pages.parts.lessons import classes
from pages.parts.messages import or_default

RIGHT, CLOSE = 0.85, 0.4
Scored = Callable[[str], float]


@dataclass(frozen=True)
class Question:
    """What is asked.

    key: in the address and in the counts of a class. text: Markdown.
    answers: labels by name; of an estimate ascending numbers by name.
    """

    key: str
    text: str
    answers: dict[str, str] = field(default_factory=dict)
    ordered: bool = False

    @property
    def prediction(self) -> str | None:
        """What the address says; None where that is nothing, or no answer, which is shown."""
        return or_default(self._read, None)

    @property
    def answered(self) -> bool:
        """Whether the address holds one of the answers."""
        return address.read_text(self.key) in self.answers

    def offer(self) -> None:
        """Draw a slider, or a button an answer."""
        if not self.ordered:
            with st.container(horizontal=True, gap="small"):
                for name, label in self.answers.items():
                    button(self, name, label)
            return
        names = list(self.answers)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            chosen = st.select_slider(
                "Your prediction",
                names,
                names[len(names) // 2],
                format_func=self.answers.__getitem__,
                key=f"slider-{self.key}",
                label_visibility="collapsed",
            )
            button(self, chosen, "Predict", primary=True)

    def _read(self) -> str | None:
        raw = address.read_text(self.key)
        if raw is not None and raw not in self.answers:
            raise QueryError(
                f"`{self.key}` in the address is `{shorten(raw)}`, which is none of the "
                f"{len(self.answers)} answers to this question. Predict again."
            )
        return raw


def estimate(key: str, text: str, stops: Sequence[float], label: str = "{:,g}") -> Question:
    """A question for a number, on ascending stops."""
    return Question(key, text, {f"{one:g}": label.format(one) for one in stops}, ordered=True)


def off_by_factor(truth: float) -> Scored:
    """1 where the estimate is exact, 0 where it is ten times too much or too little."""
    return lambda name: max(0.0, 1 - abs(math.log10(max(float(name), 1e-9) / max(truth, 1e-9))))


def off_by(truth: float, nothing: float) -> Scored:
    """1 where the estimate is exact, 0 where it is off by `nothing` or more."""
    return lambda name: max(0.0, 1 - abs(float(name) - truth) / nothing)


def one_of(truth: str) -> Scored:
    """1 for the right answer, 0 for any other."""
    return lambda name: float(name == truth)


def ask(
    question: Question,
    scored: Callable[[], tuple[Scored, str]],
    reveal: Callable[[], None],
    offer: Callable[[], None] | None = None,
) -> None:
    """Draw a question; once it is answered, how near the prediction is, and what is true.

    Args:
        scored: gives the score of an answer by name, 0 to 1, and what is true in a sentence of
            Markdown; asked once there is a prediction.
        reveal: draws what the sentence rests on.
        offer: draws how to answer, and calls `predict`; by default a slider or buttons.
    """
    with st.container(border=True, key=f"question-{question.key}"):
        st.markdown(f":material/psychology_alt: **Predict.** {question.text}")
        said = question.prediction
        if said is None:
            (offer or question.offer)()
            return
        with st.spinner("Working out what is true…"):
            score, truth = scored()
        _grade(question, said, score(said), truth)
        reveal()
        classes.show_beside(question.key, question.text, question.answers)
        st.button(
            "Predict again",
            key=f"again-{question.key}",
            type="tertiary",
            icon=":material/replay:",
            on_click=address.write,
            args=(question.key, None),
        )


def grade(score: float) -> str:
    """What a score is called."""
    return "Right" if score >= RIGHT else "Close" if score >= CLOSE else "Not so"


def button(question: Question, name: str, label: str, *, primary: bool = False) -> None:
    """Draw a button that predicts an answer."""
    st.button(
        label,
        key=f"predict-{question.key}" if primary else f"predict-{question.key}-{name}",
        type="primary" if primary else "secondary",
        on_click=predict,
        args=(question, name),
    )


def predict(question: Question, name: str) -> None:
    """Put an answer into the address, and count it in the class of the address; for callbacks."""
    address.write(question.key, name)
    classes.count(question.key, name)


def _grade(question: Question, said: str, score: float, truth: str) -> None:
    called = grade(score)
    icon = {"Right": ":material/check_circle:", "Close": ":material/adjust:"}.get(
        called, ":material/cancel:"
    )
    show = {"Right": st.success, "Close": st.info}.get(called, st.warning)
    show(
        f"**{called}.** You predicted {question.answers[said]}. {truth} "
        f"Score {100 * score:.0f} of 100.",
        icon=icon,
    )
