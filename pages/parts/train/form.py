"""The form of the Train page: the method first, then what belongs to it. A view of the address."""

from __future__ import annotations

import streamlit as st

from lsr.collection.collection import Collection
from lsr.encoders.loading import can_encode
from lsr.training import jobs
from lsr.training.lexical.labels import has_captions, texts_of, training_split
from lsr.training.other_settings import MadeSettings, OtherSettings
from lsr.training.settings import TrainingSettings
from pages.parts import actions, address, caches, mode
from pages.parts.choice import free_name, names
from pages.parts.glossary import glossed
from pages.parts.markup import escape, sentence
from pages.parts.messages import show_off
from pages.parts.train.address import read_made, read_method
from pages.parts.train.duration import say_duration
from pages.parts.train.free import free_settings
from pages.parts.train.words import (
    HELP,
    LEXICAL_TARGET,
    METHODS,
    OTHER_TARGET,
    WITHOUT_CAPTIONS,
)


def show_form(collection: str) -> None:
    """Draw the form; a click on Start begins a run and shows it.

    Raises:
        QueryError: a setting or a name in the address cannot be used.
        CollectionError, UnknownNameError: the collection has nothing to train or check on.
    """
    st.header("A new run", anchor=False)
    if why := mode.why_not("train"):
        show_off(why)
        return
    images = caches.collection(collection)
    method = read_method(has_captions(images))
    _choose_method(method, has_captions(images))
    _choose_collection(collection)
    n_captions = _show_counts(images, method)
    name = _name_box()
    settings: TrainingSettings | MadeSettings
    settings = free_settings(n_captions) if method == "trained" else _made(method, images)
    if mode.current() != "owner":
        st.caption(_turns())
    elif any(job.alive for job in jobs.jobs()):
        st.caption("Another run is going on: both will take longer.")
    missing = method in ("encoder-terms", "splice") and not can_encode(images.encoder)
    if missing:
        st.warning(
            sentence(
                f"The encoder `{images.encoder}` is not on this machine, and its words are what "
                "this method needs. Choose a method that learns from captions, or encode the "
                "collection anew on the Collections page."
            ),
            icon=":material/warning:",
        )
    if st.button("Start training", type="primary", icon=":material/play_arrow:", disabled=missing):
        begin(name, collection, settings)
        st.rerun()


def _turns() -> str:
    """How long a run takes its turn where many train, and how many come first."""
    waiting = sum(job.alive for job in jobs.jobs())
    before = f"{waiting} {'run has its' if waiting == 1 else 'runs have their'} turn first. "
    return (
        f"On this server runs take turns. {before if waiting else ''}A run may take "
        f"{mode.training_minutes()} minutes; the name of what it makes is seen by everybody."
    )


def begin(name: str, collection: str, settings: TrainingSettings | MadeSettings) -> None:
    """Start a run and let the address show it.

    Raises:
        QueryError: the name or a setting cannot be used, or the name is taken.
    """
    actions.train(name, collection, settings)
    address.write("run", name)
    address.write("name", None)


def _choose_method(method: str, has_captions: bool) -> None:
    """Nothing is left out of the address, as its default depends on what else is there."""
    offered = list(METHODS) if has_captions else list(WITHOUT_CAPTIONS)
    st.radio(
        "Method",
        offered,
        format_func=lambda name: METHODS[name].label,
        help=glossed(HELP["method"]),
        **address.bound("method", method),
    )
    st.caption(METHODS[method].says)


def _made(method: str, images: Collection) -> MadeSettings:
    """The one field of a method that makes a model in one go, and what will be done."""
    settings = read_made(method)
    other = isinstance(settings, OtherSettings)
    st.number_input(
        "Active terms an image",
        1,
        4_096 if other else 100_000,
        help=glossed(HELP["active"]),
        **address.bound(
            "active", settings.target_active_terms, OTHER_TARGET if other else LEXICAL_TARGET
        ),
    )
    if isinstance(settings, OtherSettings):
        n_images = len(images.image_rows(training_split(images)))
        st.info(sentence(settings.reasons(n_images)), icon=":material/lightbulb:")
        return settings
    texts = texts_of(images, method)
    if texts.says:
        st.info(sentence(texts.says), icon=":material/label:")
    reasons = settings.reasons(texts.captions + texts.labels)
    st.info(sentence(reasons), icon=":material/lightbulb:")
    say_duration(images, settings)
    return settings


def _choose_collection(collection: str) -> None:
    """The sidebar's box once more: both are views of the same part of the address."""
    st.session_state["train-collection"] = collection
    st.selectbox(
        "Collection",
        names("collections"),
        key="train-collection",
        help=glossed(HELP["collection"]),
        on_change=_write_collection,
    )


@address.whole
def _write_collection() -> None:
    address.write("collection", st.session_state["train-collection"])


def _show_counts(images: Collection, method: str) -> int:
    """Say how much there is to learn from; the number of training captions."""
    if method in WITHOUT_CAPTIONS:
        count = len(images.image_rows(training_split(images)))
        needed = "with captions where there are any" if method == "sae" else "no captions needed"
        st.caption(f"{escape(images.title)}: {count:,} images to learn from, {needed}.")
        if len(images.captions) and not has_captions(images):
            there = ", ".join(f"`{name}`" for name in images.splits)
            st.caption(
                f"Its captions are in {there}, none in `train`. To learn from captions, import it "
                "anew with splits that are made."
            )
        return 0
    training = images.caption_rows("train")
    told = (
        f"{escape(images.title)}: {len(images.image_rows('train')):,} images with "
        f"{len(training):,} captions to learn from"
    )
    if "val" in images.splits:
        checking = len(images.image_rows("val")), len(images.caption_rows("val"))
        told += ", {:,} with {:,} to check on".format(*checking)
    st.caption(f"{told}.")
    return len(training)


def _name_box() -> str:
    suggested = free_name([*names("models"), *(job.name for job in jobs.jobs())])
    name = address.read_text("name") or suggested
    st.text_input("Name", help=glossed(HELP["name"]), **address.bound("name", name, suggested))
    return name
