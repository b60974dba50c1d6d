# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""What a second model calls the terms of the first, and what a translation is worth."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lsr.collection.collection import Collection
from lsr.model.protocol import Model
from lsr.sweep.term_matching import Matching, learning_split, match_terms
from pages.parts import charts
from pages.parts.glossary import glossed
from pages.parts.markup import escape

_SHOWN = 300  # pixels of the table


def show_matched(images: Collection, reader: Model, other: Model, split: str) -> None:
    """The dictionary from the model of the sidebar to the one beside it.

    Raises:
        QueryError: no other split has vectors.
        ModelError: one of them does not fit.
    """
    st.subheader(f"What {reader.name} calls it, and what {other.name} does", anchor=False)
    st.caption(
        f"Terms are matched one to one by the images of split "
        f"{escape(learning_split(images, split))} that activate them, so that the sum of their "
        f"cosines is largest. How sure a pair is, and what it is worth, is measured on split "
        f"{escape(split)}, which had no say."
    )
    found = _matched(
        images, reader, other, split, images.fingerprint, reader.fingerprint, other.fingerprint
    )
    _show_worth(found, reader, other)
    ours, theirs = reader.vocabulary.terms, other.vocabulary.terms
    table = pd.DataFrame(
        [
            {
                reader.name: ours[pair.term],
                other.name: theirs[pair.other],
                "sureness": pair.sureness,
                "cosine": pair.cosine,
                "runner-up": theirs[pair.runner_up] if pair.runner_up >= 0 else "",
            }
            for pair in found.pairs
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        height=_SHOWN,
        key="matched",
        alt=f"Terms of {reader.name} with those of {other.name}, the surest first",
        column_config={
            "sureness": st.column_config.ProgressColumn(
                format="%.2f",
                min_value=0,
                max_value=1,
                help=glossed("Cosine on the images measured."),
            ),
            "cosine": st.column_config.NumberColumn(
                format="%.2f", help=glossed("On the images that the pair was matched on.")
            ),
        },
    )
    charts.offer_csv(table, "matched-terms", key="matched")


def _show_worth(found: Matching, reader: Model, other: Model) -> None:
    one = found.found
    cells = st.grid(4, min_column_width=150, gap="xsmall")
    cells.metric(
        "Its own queries",
        f"{one.own:.3f}",
        help=glossed(f"R@1 of {other.name}'s own queries among its own images."),
    )
    if one.plain is not None:
        cells.metric(
            "As they are",
            f"{one.plain:.3f}",
            help=glossed(f"R@1 of {reader.name}'s queries among the images of {other.name}."),
        )
    cells.metric(
        "Translated",
        f"{one.translated:.3f}",
        f"{one.share:.0%} comes back",
        help=glossed("The same queries, each term replaced by the one that stands for it."),
        delta_color="off",
        delta_arrow="off",
    )
    if one.translated_words is not None:
        told = "" if one.plain_words is None else f" Untranslated they reach {one.plain_words:.3f}."
        cells.metric(
            "Own words, translated",
            f"{one.translated_words:.3f}",
            help=glossed(f"Nothing but the words that a caption says.{told}"),
        )


@st.cache_resource(max_entries=8, show_spinner="Matching the terms of both models…")
def _matched(
    _images: Collection, _reader: Model, _other: Model, split: str, *marks: str
) -> Matching:
    return match_terms(_images, _reader, _other, split)
