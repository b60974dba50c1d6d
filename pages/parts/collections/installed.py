"""The collections that are installed: all at a glance, and one in full."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from lsr.collection.installed import Overview, overview
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.encoders.loading import can_encode
from lsr.exceptions import InputError
from lsr.storage.places import find, folders
from lsr.storage.room import bytes_on_disk
from lsr.training import jobs
from lsr.training.lexical.settings import LexicalSettings
from pages.parts import actions, address, caches, cards, links, mode
from pages.parts.choice import fitting, free_name, names
from pages.parts.collections.encoding import show_encoding
from pages.parts.collections.exporting import show_export
from pages.parts.glossary import glossed
from pages.parts.markup import bytes_in_words, escape, sentence
from pages.parts.messages import mistakes_shown, show_off

_SAMPLES = 6
_MODELS = 6


def show_list(current: str) -> None:
    """A line for every collection; a damaged one says what is wrong with it."""
    with st.container(key="shelf", gap="xsmall"):
        for folder in folders("collections"):
            try:
                one = overview(folder)
            except InputError as problem:
                st.markdown(f"**{escape(folder.name)}** :red[{sentence(str(problem))}]")
                continue
            here = " :primary-badge[shown below]" if one.name == current else ""
            links.with_collection(
                links.COLLECTIONS,
                one.name,
                f"**{escape(one.name)}** {_in_short(one)}{here}",
            )


def _in_short(one: Overview) -> str:
    captions = f"{one.n_captions:,} captions" if one.n_captions else "no captions"
    told = f"{one.n_images:,} images, {captions}, encoder {one.encoder}"
    title = "" if one.title == one.name else f"{one.title} · "
    return f":gray[{escape(title + told)}]"


def show_collection(name: str) -> None:
    """One collection in full: facts, samples, models that read it, and what can be done with it."""
    one = overview(find("collections", name))
    st.header(escape(one.name), anchor=False)
    if why := drawn_scenes(one.encoder, one.name):
        st.warning(why, icon=":material/warning:")
    _counts(one)
    with mistakes_shown():
        images = caches.collection(name)
        cards.show_tiles(images, cards.gallery(images, _SAMPLES), key="sample", width=120)
    _models(one)
    _facts(one)
    with st.container(horizontal=True, gap="small"):
        with st.popover("Export", icon=":material/download:"), mistakes_shown():
            show_export(one)
        if not one.bundled:
            with st.popover("Encode anew", icon=":material/refresh:"), mistakes_shown():
                show_encoding(one)
            with st.popover("Delete", icon=":material/delete:"):
                _delete(one)


def _counts(one: Overview) -> None:
    cells = st.grid(4, min_column_width=110, gap="xsmall")
    cells.metric("Images", f"{one.n_images:,}")
    cells.metric("Captions", f"{one.n_captions:,}")
    cells.metric("Dense size", f"{one.dense_size:,}", help=glossed("Numbers in a dense vector."))
    cells.metric("On disk", bytes_in_words(_bytes(str(one.folder), caches.stamp(one.folder))))


def _facts(one: Overview) -> None:
    splits = ", ".join(f"{name} {count:,}" for name, count in one.splits.items())
    reads = (
        "it is on this machine, so new words can be searched with"
        if can_encode(one.encoder)
        else "it is not on this machine, so there is no search with new words"
    )
    rows = {
        "Title": one.title,
        "Splits": splits,
        "Encoder": f"{one.encoder}; {reads}",
        "Licence": one.licence,
        "Source": one.source,
    }
    if mode.current() == "owner":
        rows["Folder"] = str(one.folder)
    if sets := caches.collection(one.folder.name).query_sets:
        rows["Query sets"] = ", ".join(sets)
    if one.imported:
        rows["Imported as"] = one.imported
    st.table({key: sentence(value) for key, value in rows.items()})
    if one.notes:
        st.caption("  \n".join(sentence(note) for note in one.notes))
    if not one.n_captions:
        st.info("There are no captions, so nothing can be measured here. All else works.")


@st.cache_data(max_entries=50, show_spinner=False)
def _bytes(folder: str, stamp: str) -> int:  # noqa: ARG001 (part of the cache key)
    return bytes_on_disk(Path(folder))


def _models(one: Overview) -> None:
    """Links that search the collection with each model that reads its vectors."""
    models = fitting(one.name)
    if not one.n_captions and not one.bundled:
        _from_images(one)
    if not models and one.n_captions:
        st.caption("No model reads its vectors yet.")
        links.with_collection(
            links.TRAIN, one.name, "Train a model on it", icon=":material/model_training:"
        )
        return
    if not models:
        return
    st.caption("Search it with a model that reads its vectors:")
    with st.container(horizontal=True, gap="xsmall", key="chips-models"):
        for model in models[:_MODELS]:
            links.with_model(links.SEARCH, model, one.name, escape(model))


def _from_images(one: Overview) -> None:
    """One click from photos without captions to a model."""
    st.markdown(
        "No captions are needed for a model of its own: the words that the encoder sees in its "
        "pictures become terms. That gives everything but a measure of accuracy."
    )
    if not can_encode(one.encoder):
        st.caption("Its encoder is not on this machine, so there are no words to take.")
        return
    if why := mode.why_not("train"):
        show_off(why)
        return
    if st.button("Make a model from its images", type="primary", icon=":material/auto_awesome:"):
        taken = [*names("models"), *(job.name for job in jobs.jobs())]
        name = free_name(taken, one.name)
        with mistakes_shown():
            actions.train(name, one.name, LexicalSettings("encoder-terms"))
            links.leave_for(links.TRAIN, {"collection": one.name, "run": name})


def _delete(one: Overview) -> None:
    if why := mode.why_not("delete"):
        show_off(why)
        return
    st.markdown(
        f"Deletes **{escape(one.title)}** for good: {one.n_images:,} images and "
        f"{one.n_captions:,} captions with their vectors. Models that were trained on it stay, "
        "and so do the files that it was imported from."
    )
    if st.button("Delete for good", key="delete-for-good"):
        with mistakes_shown():
            actions.remove(one.name)
            st.toast(f"**{escape(one.name)}** is deleted.")
            address.write("collection", None)
            address.write("model", None)
            st.rerun()
