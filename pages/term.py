"""Term: the images that one term stands for, and the terms that fire together with it."""

from __future__ import annotations

import streamlit as st

from lsr.search.results import TermCard
from lsr.search.searcher import Searcher
from pages.parts import address, caches, cards, charts, links
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown

TOP = 12
FREQUENT = 30


def show() -> None:
    """Draw the page."""
    ready = caches.searcher(current_choice().in_memory)
    st.title("Term", anchor=False)
    word = address.read_text("term")
    st.text_input(
        "A term of the vocabulary",
        placeholder="dog",
        help="One word or one word piece, such as `dog` or `##ing`.",
        icon=":material/sell:",
        **address.bound("term", word or "", ""),
    )
    with mistakes_shown():
        if word is not None:
            _show_term(ready, ready.term(word, TOP))
    _show_frequent(ready)


def _show_term(ready: Searcher, card: TermCard) -> None:
    count = len(ready.index)
    st.header(escape(card.term), anchor=False, divider="gray")
    first, second = st.columns([1, 2], gap="large")
    with first:
        st.metric(
            "Document frequency",
            f"{card.document_frequency:,} of {count:,}",
            f"{card.document_frequency / count:.1%} of the images",
            delta_color="off",
            delta_arrow="off",
            help="How many images of the collection activate this term.",
        )
        links.to_search(card.term, "Search with this term", ":material/search:")
        _show_together(card)
    with second:
        st.subheader("Images that activate it most", anchor=False)
        if card.images:
            tiles = [
                cards.Tile(image_id, f"**{rank}** · {weight:.2f}")
                for rank, (image_id, weight) in enumerate(card.images, 1)
            ]
            cards.show_tiles(ready.collection, tiles, key="term")
        else:
            st.info(
                "No image of this collection activates the term. Try one of the frequent terms "
                "below.",
                icon=":material/lightbulb:",
            )


def _show_together(card: TermCard) -> None:
    if not card.co_activated:
        return
    st.subheader(
        "Fires together with",
        anchor=False,
        help="Lift: how many times more often two terms share an image than they would if "
        "they were independent. Pairs that share fewer than three images are left out.",
    )
    bars = [charts.Bar(other.term, other.lift, True) for other in card.co_activated]
    charts.term_bars(
        bars,
        charts.LIFT,
        key=f"lift-{card.term}",
        alt=f"Horizontal bars of lift with {card.term}: "
        + ", ".join(f"{b.term} {b.weight:.1f}" for b in bars[:5]),
        axis="lift",
    )
    links.to_terms([bar.term for bar in bars], key="together")
    charts.table_twin(charts.bars_table(bars, charts.LIFT), name=f"lift-{card.term}", key="lift")


def _show_frequent(ready: Searcher) -> None:
    st.subheader(
        "Frequent terms",
        anchor=False,
        help="The terms that most images activate, with the number of images.",
    )
    terms = ready.frequent_terms(FREQUENT)
    labels = [f"{escape(term)} · {frequency:,.0f}" for term, frequency in terms]
    links.to_terms([term for term, _ in terms], labels, key="frequent")


draw(show)
