"""Predict, then reveal: the one mechanism by which every lesson asks.

A prediction stands in the address under the question's key, so a link shows it, and what is true
is computed when it is shown. A prediction is one of finitely many names: whatever else the address
says is told and ignored, and a class can be counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from lsr.exceptions import QueryError, shorten
from pages.parts import address
from pages.parts.lessons import classes
from pages.parts.messages import or_default

RIGHT, CLOSE = 0.85, 0.4
_GIVEN = "lesson-predictions"  # in the session: the last answer to each question


@dataclass(frozen=True)
class Scored:
    """How answers are scored.

    of: the score of an answer by its name, 0 to 1. rule: how it comes about, in words that follow
    a colon; empty where only one answer is right, and a score would say nothing more.
    """

    of: Callable[[str], float]
    rule: str = ""


@dataclass(frozen=True)
class Question:
    """What is asked.

    key: in the address and in the counts of a class. text: Markdown.
    answers: labels by name; of an estimate ascending numbers.
    """

    key: str
    text: str
    answers: dict[str, str]

    @property
    def prediction(self) -> str | None:
        """What the address says; None where that is nothing, or no answer, which is shown."""
        return or_default(self._read, None)

    @property
    def answered(self) -> bool:
        """Whether the address holds one of the answers."""
        return address.read_text(self.key) in self.answers

    def offer(self) -> None:
        """Draw a button an answer."""
        with st.container(horizontal=True, gap="xsmall"):
            for name, label in self.answers.items():
                button(self, name, label)

    def _read(self) -> str | None:
        raw = address.read_text(self.key)
        if raw is not None and raw not in self.answers:
            raise QueryError(
                f"`{self.key}` in the address is `{shorten(raw)}`, which is none of the "
                f"{len(self.answers)} answers to this question. Predict again."
            )
        return raw


def estimate(key: str, text: str, stops: Sequence[float], label: str = "{:,g}") -> Question:
    """A question for a number, with a few round ones to choose from."""
    return Question(key, text, {f"{one:g}": label.format(one) for one in stops})


def off_by_factor(question: Question, truth: float) -> Scored:
    """1 for the number offered that is nearest by its factor, 0 for one ten times farther off."""
    return _nearest(
        question,
        lambda name: abs(math.log10(max(float(name), 1e-9) / max(truth, 1e-9))),
        "the nearest number offered gets 100, one that is ten times farther off gets 0",
    )


def off_by(question: Question, truth: float, nothing: float) -> Scored:
    """1 for the nearest number offered, 0 for one that is farther off by `nothing` or more."""
    return _nearest(
        question,
        lambda name: abs(float(name) - truth) / nothing,
        f"the nearest number offered gets 100, one that is farther off by {nothing:g} gets 0",
    )


def _nearest(question: Question, off: Callable[[str], float], rule: str) -> Scored:
    least = min(off(name) for name in question.answers)
    return Scored(lambda name: max(0.0, 1 - (off(name) - least)), rule)


def one_of(truth: str) -> Scored:
    """1 for the right answer, 0 for any other."""
    return Scored(lambda name: float(name == truth))


def ask(
    question: Question,
    scored: Callable[[], tuple[Scored, str]],
    reveal: Callable[[], None],
    offer: Callable[[], None] | None = None,
) -> None:
    """Draw a question; once it is answered, how near the prediction is, and what is true.

    Args:
        scored: gives how answers are scored, and what is true in a sentence of Markdown; asked
            once there is a prediction.
        reveal: draws what the sentence rests on.
        offer: draws how to answer, and calls `predict`; by default buttons.
    """
    with st.container(border=True, key=f"question-{question.key}"):
        st.markdown(f":material/psychology_alt: **Predict.** {question.text}")
        said = question.prediction
        if said is None:
            (offer or question.offer)()
            return
        with st.spinner("Working out what is true…"):
            score, truth = scored()
        _grade(question, said, score, truth)
        reveal()
        classes.show_beside(question.key, question.text, question.answers)
        st.button(
            "Predict again",
            key=f"again-{question.key}",
            type="tertiary",
            icon=":material/replay:",
            on_click=_take_back,
            args=(question,),
        )


def keep(questions: Iterable[Question]) -> None:
    """Put what was predicted before into an address that lacks it.

    The browser's Back leads to addresses of before a prediction, and links to the glossary hold
    none; what was predicted stands until somebody takes it back.
    """
    given: dict[str, str] = st.session_state.setdefault(_GIVEN, {})
    given |= {
        one.key: said for one in questions if one.answered and (said := address.read_text(one.key))
    }
    if lost := {key: said for key, said in given.items() if address.read_text(key) is None}:
        address.write_together(lost)


def _take_back(question: Question) -> None:
    address.write(question.key, None)
    st.session_state[_GIVEN].pop(question.key, None)


def grade(score: float) -> str:
    """What a score is called."""
    return "Right" if score >= RIGHT else "Close" if score >= CLOSE else "Not so"


def button(question: Question, name: str, label: str) -> None:
    """Draw a button that predicts an answer."""
    st.button(label, key=f"predict-{question.key}-{name}", on_click=predict, args=(question, name))


@address.whole
def predict(question: Question, name: str) -> None:
    """Put an answer into the address, and count it in the class of the address; for callbacks."""
    address.write(question.key, name)
    classes.count(question.key, name)


def _grade(question: Question, said: str, scored: Scored, truth: str) -> None:
    score = scored.of(said)
    called = grade(score)
    icon = {"Right": ":material/check_circle:", "Close": ":material/adjust:"}.get(
        called, ":material/cancel:"
    )
    show = {"Right": st.success, "Close": st.info}.get(called, st.warning)
    rule = (
        f"  \n:small[Score {100 * score:.0f} of 100: {scored.rule}. "
        f"From {100 * RIGHT:.0f} on it is right, from {100 * CLOSE:.0f} on close.]"
    )
    show(
        f"**{called}.** You predicted {question.answers[said]}. {truth}"
        + (rule if scored.rule else ""),
        icon=icon,
    )
