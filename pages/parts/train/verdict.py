"""The verdict on a finished model: three questions with their answers, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lsr.evaluation.measured import Grade
from lsr.evaluation.verdict import questions
from pages.parts.markup import escape, sentence

# A shape and a word each, so that nothing hangs on colour.
_GRADES: dict[Grade, tuple[str, str]] = {
    "good": (":material/check_circle:", "Good"),
    "fair": (":material/contrast:", "Fair"),
    "poor": (":material/cancel:", "Poor"),
    "unknown": (":material/help:", "Unknown"),
}


def show_verdict(verdict: Mapping[str, Any] | None, model: str, collection: str) -> None:
    """Draw the verdict; of a model that was made before there were any, how to get it."""
    if not verdict:
        command = f"python -m lsr evaluate --model {model} --collection {collection or 'NAME'}"
        st.caption(
            "This model was made before models had a verdict. " + sentence(f"`{command}` tells it.")
        )
        return
    for question, grade, says in questions(verdict):
        icon, word = _GRADES[grade]
        st.markdown(f"{icon} **{escape(question)} {word}.** {sentence(says)}")
    st.markdown(f":material/build: **What to change?** {sentence(verdict['change'])}")
