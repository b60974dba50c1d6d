"""Image: one picture, the words it activates, and the images most like it."""

from __future__ import annotations

import streamlit as st

from lsr.collection.collection import Collection
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.encoders.loading import obstacle
from lsr.exceptions import EncoderError
from lsr.model.protocol import Model
from lsr.search.results import ExplainedHit, Inspection, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.why import deviation, own_ranks
from pages.parts import address, caches, cards, charts, links
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.markup import escape, sentence
from pages.parts.messages import mistakes_shown
from pages.parts.uploads import Upload, upload_box

TOP = 20
SIMILAR = 12
MOST_CHOICES = 24
SILENT = 16


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Image", anchor=False)
    upload = _boxes(images, caches.model(choice.model))
    if upload is not None:
        ready = caches.searcher(choice)
        told = caches.uploaded(ready, caches.marks_of(ready), *upload)
        alike = ready.search_items(told.items, upload.name, SearchSettings(k=SIMILAR))
        _show_image(ready, told.seen, told.preview, alike.hits)
    elif (image_id := address.read_text("id")) is not None:
        st.set_page_config(page_title=f"{image_id} · Image · Lexiscope")
        images.image_row(image_id)  # an unknown id is told before anything is loaded
        ready = caches.searcher(choice)
        picture = caches.thumbnail(images, image_id, caches.LARGE_PIXELS)
        _show_image(ready, ready.inspect(image_id, TOP), picture, ready.similar(image_id, SIMILAR))
    else:
        st.header("Choose an image", anchor=False)
        cards.show_tiles(images, cards.gallery(images, MOST_CHOICES), key="choose", width=135)


def _boxes(images: Collection, model: Model) -> Upload | None:
    """The box of the id, and a picture of the visitor's own where there is one."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Image id",
            placeholder="an id of this collection",
            help="The id of an image also stands in the address of its page.",
            **address.bound("id", address.read_text("id") or "", ""),
        )
        with st.popover("A picture of your own", icon=":material/upload:"):
            if why := model.no_pictures or (obstacle(images.encoder) if model.reads else None):
                st.info(sentence(why), icon=":material/lightbulb:")
                return None
            return upload_box(images.encoder, key="image-upload")


def _show_image(
    ready: Searcher,
    seen: Inspection,
    picture: bytes | str | None,
    similar: list[ExplainedHit],
) -> None:
    left, right = st.columns([5, 6], gap="large")
    with left:
        words = seen.captions[0] if seen.captions else f"Image {seen.image_id}"
        st.image(picture or cards.NO_PICTURE, width="stretch", alt=words, output_format="JPEG")
        if seen.captions:
            with st.container(gap="xsmall", key="captions"):
                for caption in seen.captions:
                    links.to_search(caption, icon=":material/search:")
        else:
            scenes = drawn_scenes(ready.collection.encoder)
            st.caption(f"It has no captions, so no term can be checked. {scenes}")
    with right:
        _show_terms(seen, checked=bool(seen.captions) and ready.model.vocabulary.says)
    if seen.captions:
        _show_own_ranks(ready, seen.image_id)
    st.header("Similar images", anchor=False, help="Images that share the most term weight.")
    cards.show_tiles(ready.collection, cards.hit_tiles(similar), key="similar", width=135)


def _show_own_ranks(ready: Searcher, image_id: str) -> None:
    """Where the image stands for its own captions, and where its terms and they part."""
    with mistakes_shown():
        if ready.model.vocabulary.says:
            parted = deviation(ready, image_id)
            if parted.silent:
                st.markdown("**Said by its captions, and silent**")
                links.to_terms(parted.silent[:SILENT], key="silent")
        if obstacle(ready.collection.encoder) or ready.model.no_texts:
            return
        try:
            ranks = own_ranks(ready, image_id)
        except EncoderError as problem:  # it is there, and does not work
            st.info(sentence(str(problem)), icon=":material/lightbulb:")
            return
        st.header("Its rank for its own captions", anchor=False)
        st.caption("All terms, the caption's own words alone, and the dense teacher.")
        for place, one in enumerate(ranks):
            told = " · ".join(
                f"{name} **{rank if rank else '–'}**"
                for name, rank in (
                    ("sparse", one.sparse),
                    ("own words", one.literal),
                    ("dense", one.dense),
                )
            )
            with st.container(key=f"captions-own-{place}", gap=None):
                links.to_against(one.caption, image_id, f"{escape(one.caption)} — {told}")


def _show_terms(seen: Inspection, *, checked: bool) -> None:
    bars = [charts.Bar(t.term, t.weight, t.support == "caption") for t in seen.terms]
    said = sum(bar.first for bar in bars)
    st.header(f"{len(bars)} strongest terms", anchor=False)
    first, second = st.columns(2)
    first.metric(
        "Active terms",
        f"{seen.active_terms:,}",
        help="How many terms of the vocabulary have a weight above zero for this image.",
    )
    if checked:
        second.metric(
            "Said in a caption",
            f"{said} of {len(bars)}",
            help="How many of the strongest terms occur in at least one caption of this image.",
        )
    unknown = charts.UNKNOWN if seen.captions else charts.UNCHECKED
    kinds = charts.SUPPORT if checked else unknown
    if bars:
        charts.term_bars(
            bars,
            kinds,
            key=f"image-bars-{seen.image_id}",
            alt="Horizontal bars of the image's strongest terms: "
            + ", ".join(f"{b.term} {b.weight:.2f}" for b in bars[:5]),
            axis="weight in the image",
        )
        links.to_terms([bar.term for bar in bars], key="image")
        charts.table_twin(charts.bars_table(bars, kinds), name="image-terms", key="image")
    else:
        st.info("This picture activates no term.", icon=":material/lightbulb:")


draw(show)
