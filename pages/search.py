"""Search: words or a picture in, tiles out, and the terms that made each match."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lsr.collection.collection import Collection
from lsr.exceptions import shorten
from lsr.search.forms import parse_terms
from pages.parts import address, caches, cards, explain, links
from pages.parts.choice import Choice, current_choice
from pages.parts.entry import draw
from pages.parts.glossary import glossed
from pages.parts.markup import sentence
from pages.parts.messages import mistakes_shown
from pages.parts.search.options import Options, read_options, rest_of_address, show_filters
from pages.parts.search.pair import Pair, read_pair, show_pair
from pages.parts.uploads import Upload, upload_box


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Search", anchor=False)
    model = caches.model(choice.model)
    query = address.read_text("q")
    why = model.no_texts or (caches.obstacle_to(images, query) if model.reads else None)
    _query_box(query or "", words=why is None)
    if why:
        st.info(sentence(why), icon=":material/lightbulb:")
        if query is None or parse_terms(query) is None:
            _examples(images, model.reads is not None)
            _gallery(images)
            return
    options = read_options(images)
    with mistakes_shown():
        pair = read_pair(choice, options.expansion)
        upload, downloads = _options(choice, images, options, pair)
        if upload is not None or query is not None:
            answer = _answer()
            asked = answer.Asked(options, pair, downloads, rest_of_address())
        if upload is not None:
            answer.show_like(choice, upload, (query or "").strip(), asked)
            return
        if query is not None:
            st.set_page_config(page_title=f"{shorten(query)} · Search · Lexiscope")
            answer.show_found(choice, query, asked)
            return
    _start(images)
    if query is None:
        caches.prepare(choice)


def _answer() -> ModuleType:
    """What shows an answer. It reads numba and pandas; the first page of all does not wait."""
    return import_module("pages.parts.search.answer")


def _query_box(query: str, *, words: bool) -> None:
    """The box of the query; `words`: whether a text can be searched with, and not only terms."""
    key = address.bound("q", query)["key"]
    with (
        st.form("query", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"),
    ):
        st.text_input(
            "What should the picture show?" if words else "Terms with weights",
            key=key,
            placeholder="two lions in the desert" if words else "lion:1.5, desert",
            icon=":material/search:",
        )
        st.form_submit_button("Search", type="primary", on_click=_ask)


@address.whole
def _ask() -> None:
    """Write the new query; what was done to the terms of the last one goes with it."""
    if st.session_state["address-q"] != (address.read_text("q") or ""):
        for name in ("boost", "mute", "add", "hit", "sheet"):
            address.write(name, None)
    address.write_from_widget("q", None, str)


def _options(
    choice: Choice, images: Collection, options: Options, pair: Pair
) -> tuple[Upload | None, DeltaGenerator]:
    """Draw the choices; a picture of the visitor's, and the place of the downloads."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.toggle(
            "Expansion",
            help=glossed(
                "On: the model may add related terms to the query. Off: only terms that the "
                "query says itself take part."
            ),
            **address.bound("expansion", options.expansion, True, address.flag_text),
        )
        with st.popover("With a picture", icon=":material/image_search:"):
            upload = upload_box(images.encoder, key="search-upload")
        show_filters(images, options)
        show_pair(choice, pair, address.read_text("q"))
        downloads = st.container(width="content")
    return upload, downloads


def _start(images: Collection) -> None:
    """What stands below the box before the first search."""
    _examples(images, needs_encoder=False)
    explain.how_it_works()
    _gallery(images)


def _examples(images: Collection, needs_encoder: bool) -> None:
    """Captions to search with; without the encoder, those whose vectors are stored."""
    examples = cards.example_queries(images)
    if needs_encoder:
        examples = [one for one in examples if not caches.obstacle_to(images, one)]
    if examples:
        st.caption("Its captions can be searched with" if needs_encoder else "Try one of these")
        with st.container(horizontal=True, gap="xsmall", key="chips-examples"):
            for text in examples:
                links.to_search(text)


def _gallery(images: Collection) -> None:
    st.header("From this collection", anchor=False)
    st.caption("Open an image to see the words it activates.")
    cards.show_tiles(images, cards.gallery(images, 12), key="start", width=140)


draw(show)
