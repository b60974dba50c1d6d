"""Vocabulary: every term that images activate, and how far terms stray from the captions."""

from __future__ import annotations

import numpy as np
import streamlit as st

from lsr.search.audit import GRADES, HUB_SHARE, STRAY, Audit, Usage
from lsr.search.searcher import Searcher
from pages.parts import address, caches, cards, charts, links
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.glossary import glossed
from pages.parts.messages import mistakes_shown
from pages.parts.vocabulary_edit import show_edits
from pages.parts.vocabulary_table import of_kind, table_of

_KINDS = {
    "active": "Active",
    "hub": "Hubs",
    "dead": "Said, never active",
    "piece": "Word pieces",
    "stray": "Said of none of its images",
}
_OF_CAPTIONS = ("dead", "stray")
_SAID = {"another form": "Said in another form", "broader word": "A broader word"}
_VIEWS = {"terms": "Terms", "audit": "Deviation audit", "edit": "Edit"}
_TOPS = {"10": "10 strongest", "all": "All terms"}
_WORST = 24


def show() -> None:
    """Draw the page."""
    st.title("Vocabulary", anchor=False)
    st.caption(
        "The terms that this model gives to the images of this collection, beside the words that "
        "their captions say."
    )
    address.fragment(_show_view, None)()


def _show_view() -> None:
    with mistakes_shown():
        ready = caches.searcher(current_choice().in_memory)
        view = address.choose("view", "View", _VIEWS, "terms", hide_label=True)
        if view == "terms":
            _show_terms(caches.usage(ready))
        elif view == "edit":
            show_edits(ready)
        else:
            _show_audit(ready)


def _show_terms(found: Usage) -> None:
    whole = table_of(found)
    graded = isinstance(found, Audit)
    kinds = {name: text for name, text in _KINDS.items() if graded or name not in _OF_CAPTIONS}
    kind = address.choose("kind", "Which terms", kinds, "active", hide_label=True)
    wanted = (address.read_text("find") or "").strip().lower()
    st.text_input(
        "Find a term",
        placeholder="part of a term",
        **address.bound("find", address.read_text("find") or "", ""),
    )
    table = of_kind(whole, kind)
    if wanted:
        held = table["term"].str.lower().str.contains(wanted, regex=False)
        table = table[held].reset_index(drop=True)
    st.caption(
        f"{len(table):,} terms. A row leads to its term. Hub: active in at least "
        f"{HUB_SHARE:.0%} of the images. "
        + (
            "Captioned images: images of which a caption says it."
            if graded
            else "Which of them are said of their images cannot be told: no caption says words."
        )
    )
    state = st.dataframe(
        table,
        hide_index=True,
        key=f"vocabulary-{kind}-{wanted}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "share of images": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1
            ),
            "said by its captions": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1
            ),
            "mean weight": st.column_config.NumberColumn(format="%.2f"),
            "largest weight": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="The terms of the vocabulary with their frequencies and weights",
    )
    charts.offer_csv(table, "vocabulary", key="vocabulary")
    if rows := state["selection"]["rows"]:
        links.open_term(str(table["term"][rows[0]]))


def _show_audit(ready: Searcher) -> None:
    top = address.choose("top", "Of each image", _TOPS, "10")
    found = caches.audit(ready, None if top == "all" else int(top))
    cells = st.grid(len(GRADES), min_column_width=150, gap="xsmall")
    for grade, name in enumerate(GRADES):
        share = found.share(grade)
        cells.metric(
            _SAID.get(name, f"Said by {name}"),
            f"{share.mean:.1%}",
            f"{share.low:.1%} … {share.high:.1%}",
            help=glossed(
                "The mean share of an image's terms, and its 95 % interval: a bootstrap over "
                "images. Another form: an inflection of a word that its captions say. A broader "
                "word: *animal* where they say *dog*, from a list of common English words."
            ),
            delta_color="off",
            delta_arrow="off",
        )
    st.header("Terms that stray most", anchor=False)
    st.caption(
        "Images that activate the term though no caption of theirs says it, in any form, or a "
        "narrower word."
    )
    strays = found.of_terms[list(STRAY)].sum(axis=0)
    order = np.lexsort((np.arange(len(strays)), -strays))[:_WORST]
    chosen = [int(i) for i in order if strays[i]]
    links.to_terms(
        [found.terms[i] for i in chosen],
        [f"{strays[i]:,} of {found.frequency[i]:,}" for i in chosen],
        key="strays",
    )
    st.header("Images that stray most", anchor=False)
    counts = found.of_images
    lost = counts[:, STRAY].sum(axis=1)
    share = lost / np.maximum(counts.sum(axis=1), 1)
    worst = np.lexsort((np.arange(len(lost)), -lost, -share))[:_WORST]
    tiles = [
        cards.Tile(found.ids[i], f"{lost[i]} of {counts[i].sum()} terms")
        for i in worst.tolist()
        if lost[i]
    ]
    cards.show_tiles(ready.collection, tiles, key="stray")


draw(show)
