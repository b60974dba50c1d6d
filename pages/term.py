"""Term: the images that one term stands for, and the terms that fire together with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.search.audit import can_grade
from lsr.search.results import TermCard
from lsr.search.searcher import Searcher
from lsr.search.stand_ins import stands_for
from pages.parts import address, caches, cards, charts, links
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown

TOP = 12
SPREAD, PARTED = 8, 8
FREQUENT = 30


def show() -> None:
    """Draw the page."""
    st.title("Term", anchor=False)
    address.fragment(_show_body, None)()


def _show_body() -> None:
    with mistakes_shown():
        ready = caches.searcher(current_choice().in_memory)
        word = address.read_text("term")
        st.text_input(
            "A term of the vocabulary",
            placeholder="dog",
            help=glossed("One word or one word piece, such as `dog` or `##ing`."),
            icon=":material/sell:",
            **address.bound("term", word or "", ""),
        )
        with mistakes_shown():
            if word is not None:
                card = ready.term(word, TOP)
                st.set_page_config(page_title=f"{card.term} · Term · Lexiscope")
                _show_term(ready, card)
                _show_spread(ready, card)
                _show_said(ready, card)
                _show_stand_ins(ready, card)
                if card.images:  # the thirty links below would take a third of the page's time
                    _show_all_terms_link()
                    return
        _show_frequent(ready)


def _show_term(ready: Searcher, card: TermCard) -> None:
    count = len(ready.index)
    with st.container(key="term-name"):
        st.header(escape(card.term), anchor=False, divider="gray")
    first, second = st.columns([1, 2], gap="large")
    with first:
        st.metric(
            "Document frequency",
            f"{card.document_frequency:,} of {count:,}",
            f"{card.document_frequency / count:.1%} of the images",
            delta_color="off",
            delta_arrow="off",
            help=glossed("How many images of the collection activate this term."),
        )
        links.to_search(card.term, "Search with this term", ":material/search:")
        _show_together(card)
    with second:
        st.subheader("Images that activate it most", anchor=False)
        if card.images:
            tiles = [
                cards.Tile(image_id, f"{weight:.2f}", f"{rank}")
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
        help=glossed(
            "Lift: how many times more often two terms share an image than they would if "
            "they were independent. Pairs that share fewer than three images, or a tenth of the "
            "term's, are left out."
        ),
    )
    others = card.co_activated
    most = max(other.lift for other in others)
    st.caption("lift, and the number of shared images")
    bars = [
        {
            "href": links.address_of(links.TERM, term=other.term),
            "label": other.term,
            "share": other.lift / most,
            "lead": f"{other.lift:.2f}",
            "note": f"{other.images:,}",
        }
        for other in others
    ]
    links.show_links(bars, "bars", key="together", changes="term")
    charts.table_twin(pd.DataFrame(others), name=f"lift-{card.term}", key="lift")


def _show_spread(ready: Searcher, card: TermCard) -> None:
    """The weights of the term over all images, and images from the strongest to the weakest."""
    rows, weights = ready.memory.postings(ready.model.vocabulary.id_of(card.term))
    if not len(rows):
        return
    st.subheader("From the strongest to the borderline", anchor=False)
    charts.histogram(
        weights,
        alt=f"Histogram of the weights of {card.term} in {len(rows):,} images, from "
        f"{weights.min():.2f} to {weights.max():.2f}",
        axis="weight in an image",
    )
    order = np.lexsort((rows, -weights))
    places = np.unique(np.linspace(0, len(order) - 1, SPREAD).round().astype(int))
    tiles = [
        cards.Tile(
            ready.memory.ids[rows[order[place]]], f"{weights[order[place]]:.2f}", f"{place + 1}"
        )
        for place in places.tolist()
    ]
    cards.show_tiles(ready.collection, tiles, key="spread", width=98)


def _show_said(ready: Searcher, card: TermCard) -> None:
    """Where captions and activations of the term part."""
    if not can_grade(ready):
        return
    memory, term = ready.memory, ready.model.vocabulary.id_of(card.term)
    said, active = caches.said(ready)[:, [term]].nonzero()[0], memory.postings(term)[0]
    if not len(said) + len(active):
        return
    frequency = memory.document_frequency
    place = 1 + int(np.count_nonzero(frequency > frequency[term]))
    st.subheader("Said and active", anchor=False)
    st.caption(
        f"{len(np.intersect1d(said, active)):,} images activate it and a caption says it. In "
        f"document frequency it stands at place {place:,} of {np.count_nonzero(frequency):,} "
        "active terms."
    )
    for title, rows, key in (
        (
            "a caption says it, and the image does not activate it",
            np.setdiff1d(said, active),
            "silent",
        ),
        ("the image activates it, and no caption says it", np.setdiff1d(active, said), "unsaid"),
    ):
        st.markdown(f"**{len(rows):,} image{'s' * (len(rows) != 1)}: {title}**")
        ids = [memory.ids[row] for row in rows[:PARTED].tolist()]
        tiles = [cards.Tile(i, cards.description(ready.collection, i)) for i in ids]
        cards.show_tiles(ready.collection, tiles, key=key, width=98)


def _show_stand_ins(ready: Searcher, card: TermCard) -> None:
    """The words of captions that activate the term without saying it."""
    known = caches.known_captions(ready)
    if known is None:
        return
    vocabulary = ready.model.vocabulary
    found = stands_for(known, vocabulary.id_of(card.term), vocabulary.terms)
    if not found.fired:
        return
    st.header(
        "Stands in for",
        anchor=False,
        help=glossed(
            "Words whose captions activate the term though they do not say it, by the low end of "
            "the 95 % interval of their share. A synonym here is expansion at work; a word that "
            "has nothing to do with the term is a stray weight."
        ),
    )
    every = "" if len(known) == known.among else f", spread over all {known.among:,}"
    st.caption(
        f"{found.fired:,} of the {found.captions:,} captions that do not say it activate it all "
        f"the same ({len(known):,} captions looked at{every})."
    )
    if not found.words:
        return
    bars = [
        {
            "href": links.address_of(links.TERM, term=one.word),
            "label": one.word,
            "share": one.fired / one.captions,
            "lead": f"{one.fired / one.captions:.0%}",
            "note": f"{one.fired:,} of {one.captions:,}",
        }
        for one in found.words
    ]
    st.caption("Word said, share of its captions that activate the term, and their number")
    links.show_links(bars, "bars", key="stand-ins", changes="term")


def _show_frequent(ready: Searcher) -> None:
    st.header(
        "Frequent terms",
        anchor=False,
        help=glossed("The terms that most images activate, with the number of images."),
    )
    _show_all_terms_link()
    terms = ready.frequent_terms(FREQUENT)
    links.to_terms([term for term, _ in terms], [f"{n:,.0f}" for _, n in terms], key="frequent")


def _show_all_terms_link() -> None:
    st.page_link(
        links.VOCABULARY,
        label="All terms as a table",
        icon=":material/dictionary:",
        query_params=links.parameters(st.query_params.to_dict()),
    )


draw(show)
