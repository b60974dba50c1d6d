"""The teacher gap: where an answer that the dense vectors find falls behind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.failures.cases import Cases
from lsr.failures.teacher_gap import TeacherGap, teacher_gap
from lsr.sweep.laboratory import Laboratory
from pages.parts import links
from pages.parts.charts import folded_table
from pages.parts.glossary import glossed
from pages.parts.markup import escape, sentence

_SHOWN = 8


def only_teacher_finds(cases: Cases, row: int, k: int) -> bool:
    """Whether there is a gap to look at: the dense vectors find the answer, the terms do not."""
    return bool(cases.dense[row] <= k and not cases.found(k)[row])


def show_teacher_gap(lab: Laboratory, usual: np.ndarray | None, cases: Cases, row: int) -> None:
    """Draw what is lost between the teacher and the terms."""
    gap = teacher_gap(lab, cases, row, usual)
    if gap is None:
        return
    st.subheader("Teacher gap", anchor=False)
    st.markdown(
        f"The dense vectors rank the answer **{cases.dense[row]:,}**, the terms "
        f"**{cases.ranks[row] or 'not at all'}**. {sentence(gap.in_words())}"
    )
    table = _table(gap)
    st.dataframe(table, hide_index=True, alt="Parts of the inner product", key="teacher-gap")
    if gap.lost:
        st.markdown(
            "**Below the threshold, and for the answer**",
            help=glossed(
                "Terms that would have helped the answer against the other one most, had nothing "
                "been cut."
            ),
        )
        shown = gap.lost[:_SHOWN]
        links.to_terms(
            [one.term for one in shown],
            [f"{one.answer - one.rival:.2f}" for one in shown],
            key="lost",
        )
    if gap.off:
        said = ", ".join(f"“{escape(one)}”" for one in gap.off_said)
        st.caption(
            f"{gap.off:,} terms of the vocabulary are switched off for good. Their weights are "
            "gone, so what they would have given is not known."
            + (f" The query says {said} of them." if said else "")
        )
    folded_table(
        pd.DataFrame(gap.lost),
        "Terms below the threshold",
        "Terms and products",
        name="lost",
        key="lost",
    )


def _table(gap: TeacherGap) -> pd.DataFrame:
    """The way from the terms back to the teacher, one step a line."""
    parts = {
        "dense vectors, cosine": gap.dense,
        "score": gap.score,
        "lost to pruning": gap.pruned,
        "lost below the documents' threshold": gap.document_side,
        "lost below the query's threshold": gap.query_side,
    }
    known = {name: part for name, part in parts.items() if part is not None}
    return pd.DataFrame(
        {
            "part": list(known),
            "the answer": [round(part.answer, 3) for part in known.values()],
            "the other one": [round(part.rival, 3) for part in known.values()],
            "answer ahead by": [round(part.margin, 3) for part in known.values()],
        }
    )
