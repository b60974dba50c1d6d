# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""Two models beside each other, at equal numbers of active terms."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lsr.collection.collection import Collection
from lsr.figures.compared import compared_figure
from lsr.model.protocol import Model
from lsr.sweep.comparing import Compared, compare_models
from lsr.sweep.stability import Stability
from pages.parts import address, caches, charts
from pages.parts.choice import current_choice, fitting, read_name
from pages.parts.expansion.setting import NONE, measurable_splits, preferred_other
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown
from pages.parts.models.matched import show_matched

_USUAL = "test"


def show_compared() -> None:
    """Draw the choice, and once it is made the chart and its table.

    Raises:
        CollectionError: nothing can be measured.
    """
    choice = current_choice()
    images = caches.collection(choice.collection)
    splits = measurable_splits(images)
    split = _USUAL if _USUAL in splits else splits[0]
    others = [name for name in fitting(choice.collection) if name != choice.model]
    usual = preferred_other(others)
    raw = address.read_text("against")
    against = usual if raw is None else read_name("model", raw, [*others, NONE])
    st.selectbox(
        f"Beside {choice.model}, the model of the sidebar",
        [*others, NONE],
        help=glossed(f"Both are measured on split {split}, text to image."),
        **address.bound("against", against, usual),
    )
    names = [choice.model, *([] if against == NONE else [against])]
    models = [caches.model(name) for name in names]
    marks = images.fingerprint, *(model.fingerprint for model in models)
    found = _compared(images, models, split, *marks)
    rows = [row for one in found for row in one.rows()]
    figure = compared_figure(rows, found[0].dense, charts.colours())
    best = ", ".join(f"{one.model} {one.points[0].R1:.3f}" for one in found)
    st.plotly_chart(
        figure,
        width="stretch",
        key="compared",
        config={"displayModeBar": False},
        alt=f"R@1 over FLOPs for each model and number of terms; with all terms: {best}",
    )
    st.caption(
        "A number beside a point is how many of its strongest terms every vector keeps. "
        "Microseconds are of this machine, one thread."
    )
    for one in found:
        if one.stability:
            st.caption(f"{escape(one.model)} {_told(one.stability)}")
    table = pd.DataFrame(rows)
    charts.table_twin(table, name="models-compared", key="compared")
    if len(models) > 1:
        with mistakes_shown():
            show_matched(images, models[0], models[1], split)


def _told(stable: Stability) -> str:
    """How a model agrees with its twin."""
    terms = "" if stable.terms is None else f" and {stable.terms:.0%} of an image's ten terms"
    return f"and {escape(stable.twin)}, its other seed, share {stable.hits:.0%} of ten hits{terms}."


@st.cache_resource(max_entries=8, show_spinner="Measuring both models…")
def _compared(_images: Collection, _models: list[Model], split: str, *marks: str) -> list[Compared]:
    return list(compare_models(_images, _models, split))
