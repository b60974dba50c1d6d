"""Image: one picture, the words it activates, and the images most like it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from lsr.collection.collection import Collection
from lsr.collection.items import image_items
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.encoders.loading import obstacle
from lsr.exceptions import EncoderError
from lsr.model.protocol import Items, Model
from lsr.search.results import Inspection
from lsr.search.searcher import Searcher
from lsr.search.support import alt_text
from lsr.search.why import deviation, own_ranks
from lsr.storage.files import fingerprint
from lsr.storage.pictures import read_picture
from pages.parts import address, caches, cards, links, pictures
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.glossary import glossed
from pages.parts.image.near import show_nearest
from pages.parts.image.seen import KEY, Shown, kinds_of, show_seen
from pages.parts.markup import sentence
from pages.parts.messages import mistakes_shown
from pages.parts.uploads import Upload, upload_box

TOP = 20
MOST_CHOICES = 24
SILENT = 16


def show() -> None:
    """Draw the page."""
    st.title("Image", anchor=False)
    address.fragment(_show_body, None)()


def _show_body() -> None:
    with mistakes_shown():
        choice = current_choice()
        images = caches.collection(choice.collection)
        upload = _boxes(images, caches.model(choice.model))
        if upload is not None:
            ready = caches.searcher(choice)
            told = caches.uploaded(ready, caches.marks_of(ready), *upload)
            mark = fingerprint(upload.content)
            shown = Shown(
                told.seen,
                pictures.address_of(told.preview, key="seen-upload"),
                lambda: read_picture(upload.content, upload.name),
                mark,
            )
            _show_image(ready, shown, told.items)
        elif (image_id := address.read_text("id")) is not None:
            st.set_page_config(page_title=f"{image_id} · Image · Lexiscope")
            row = images.image_row(image_id)  # an unknown id is told before anything is loaded
            ready = caches.searcher(choice)
            _show_image(ready, _of_collection(ready, image_id), image_items(images, [row]))
        else:
            st.header("Choose an image", anchor=False)
            cards.show_tiles(images, cards.gallery(images, MOST_CHOICES), key="choose", width=135)


def _of_collection(ready: Searcher, image_id: str) -> Shown:
    """An image of the collection, to be looked at."""
    images = ready.collection
    place = images.picture(images.image_row(image_id))
    found = pictures.addresses(images, [image_id], key=KEY, pixels=pictures.LARGE_PIXELS)
    return Shown(
        ready.inspect(image_id, TOP),
        found.get(image_id) or pictures.NOTHING,
        partial(read_picture, place) if isinstance(place, Path) else None,
        image_id,
    )


def _boxes(images: Collection, model: Model) -> Upload | None:
    """The box of the id, and a picture of the visitor's own where there is one."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Image id",
            placeholder="an id of this collection",
            help=glossed("The id of an image also stands in the address of its page."),
            **address.bound("id", address.read_text("id") or "", ""),
        )
        with st.popover("A picture of your own", icon=":material/upload:"):
            if why := model.no_pictures or (obstacle(images.encoder) if model.reads else None):
                st.info(sentence(why), icon=":material/lightbulb:")
                return None
            return upload_box(images.encoder, key="image-upload")


def _show_image(ready: Searcher, shown: Shown, items: Items) -> None:
    seen = shown.seen
    checked = bool(seen.captions) and ready.model.vocabulary.says
    _show_figures(ready, seen, checked=checked)
    show_seen(ready, shown)
    left, right = st.columns(2, gap="large")
    with left:
        if seen.captions:
            st.header("Its captions", anchor=False)
            links.to_searches(seen.captions, key="captions")
        else:
            scenes = drawn_scenes(ready.collection.encoder)
            st.caption(f"It has no captions, so no term can be checked. {scenes}")
    with right:
        _show_alt_text(seen)
    if seen.captions:
        _show_own_ranks(ready, seen.image_id)
    show_nearest(ready, seen.image_id, items)


def _show_figures(ready: Searcher, seen: Inspection, *, checked: bool) -> None:
    """How many terms it activates, and who says the strongest."""
    st.header(f"{len(seen.terms)} strongest terms", anchor=False)
    if not seen.terms:
        st.info("This picture activates no term.", icon=":material/lightbulb:")
        return
    cells = st.grid(4 if checked else 1, min_column_width=150, gap="xsmall")
    cells.metric(
        "Active terms",
        f"{seen.active_terms:,}",
        help=glossed("How many terms of the vocabulary have a weight above zero for this image."),
    )
    if not checked:
        return
    kinds = kinds_of(ready, seen)
    of = f"of {len(kinds)}"
    for label, names, about in (
        (
            "Said in a caption",
            ("own", "form"),
            "Terms that a caption of this image says, or another form of them, such as *dog* for "
            "*dogs*.",
        ),
        ("Said of others", ("other",), "Terms that only captions of other images say."),
        ("Said by none", ("none",), "Terms that no caption of the collection says."),
    ):
        count = sum(kind in names for kind in kinds)
        cells.metric(label, f"{count} {of}", help=glossed(about))


def _show_alt_text(seen: Inspection) -> None:
    text = alt_text([one.term for one in seen.terms])
    if text:
        st.header(
            "Alt text from its terms",
            anchor=False,
            help=glossed(
                "Its strongest terms, each word in one form. It is no sentence, and a term may be "
                "wrong: read it before you use it."
            ),
        )
        st.code(text, language=None, wrap_lines=True)


def _show_own_ranks(ready: Searcher, image_id: str) -> None:
    """Where the image stands for its own captions, and where its terms and they part."""
    with mistakes_shown():
        if ready.model.vocabulary.says:
            parted = deviation(ready, image_id)
            if parted.silent:
                st.markdown("**Said by its captions, and silent**")
                links.to_terms(parted.silent[:SILENT], key="silent")
        images = ready.collection
        if ready.model.no_texts or caches.obstacle_to(images, cards.description(images, image_id)):
            return
        try:
            ranks = own_ranks(ready, image_id)
        except EncoderError as problem:  # it is there, and does not work
            st.info(sentence(str(problem)), icon=":material/lightbulb:")
            return
        st.header("Its rank for its own captions", anchor=False)
        st.caption("All terms, the caption's own words alone, and the dense teacher.")
        lines = [
            {
                "href": links.address_of(links.AGAINST, q=one.caption, id=image_id),
                "label": one.caption,
                "note": " · ".join(
                    f"{name} {rank or '–'}"
                    for name, rank in (
                        ("sparse", one.sparse),
                        ("own words", one.literal),
                        ("dense", one.dense),
                    )
                ),
            }
            for one in ranks
        ]
        links.show_links(lines, "lines", key="lines-ranks")


draw(show)
