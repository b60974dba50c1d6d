"""The models that are installed: all at a glance, and one in full."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from lsr.collection.installed import overview
from lsr.exceptions import InputError
from lsr.model.installed import ModelOverview, model_overview
from lsr.storage.places import find, folders
from lsr.storage.room import bytes_on_disk
from pages.parts import actions, address, links, mode
from pages.parts.choice import current_collection, fitting, names, preferred, read_name
from pages.parts.collections.exporting import show_export
from pages.parts.glossary import glossed
from pages.parts.markup import bytes_in_words, escape, sentence
from pages.parts.messages import mistakes_shown, show_off
from pages.parts.train.verdict import show_verdict

_WORDS = {
    "projection": "a head over the dense vectors of an encoder",
    "vectors": "sparse vectors that were made elsewhere",
    "splice": "sums of term vectors of the encoder",
    "sparse-encoder": "an encoder of texts, or of texts and pictures, that is sparse by itself",
    "edited": "another model whose terms were merged, renamed or deleted",
    "sae": "the strongest latents of a sparse autoencoder",
}


def show_list() -> str:
    """A line for every model; a damaged one says what is wrong with it.

    Returns:
        The name of the model to show in full.
    """
    known = names("models")
    chosen = read_name("model", address.read_text("which"), known)
    with st.container(key="shelf-models", gap="xsmall"):
        for folder in folders("models"):
            try:
                one = model_overview(folder)
            except InputError as problem:
                st.markdown(f"**{escape(folder.name)}** :red[{sentence(str(problem))}]")
                continue
            title = "" if one.title == one.name else f"{one.title} · "
            told = f"{title}{one.kind}, {one.made_from}"
            st.markdown(f"**{escape(one.name)}** :gray[{escape(told)}]")
    st.selectbox(
        "Model to look into", known, **address.bound("which", chosen, default=preferred(known))
    )
    return chosen


def show_model(name: str) -> None:
    """One model in full: facts, verdict, and what can be done with it."""
    one = model_overview(find("models", name))
    st.header(escape(one.title), anchor=False)
    cells = st.grid(3, min_column_width=110, gap="xsmall")
    cells.metric("Kind", one.kind, help=glossed(_WORDS[one.kind].capitalize() + "."))
    cells.metric("Terms", f"{one.n_terms:,}" if one.n_terms else "–")
    cells.metric("On disk", bytes_in_words(_bytes(str(one.folder), str(_stamp(one.folder)))))
    show_verdict(one.verdict, one.name, "")
    rows = {"Made from": one.made_from, "Where it comes from": one.origin}
    if mode.current() == "owner":
        rows["Folder"] = str(one.folder)
    st.table({key: sentence(value) for key, value in rows.items()})
    if one.notes:
        st.caption("  \n".join(sentence(note) for note in one.notes))
    with st.container(horizontal=True, gap="small"):
        collection = current_collection()
        if name in fitting(collection):
            links.with_model(links.SEARCH, name, collection, "Search with it")
            with st.popover("Export", icon=":material/ios_share:"):
                st.markdown(f"The vectors that it gives collection **{escape(collection)}**.")
                show_export(overview(find("collections", collection)), name)
        if not one.bundled:
            with st.popover("Delete", icon=":material/delete:"):
                _delete(one)


def _stamp(folder: Path) -> int:
    return (folder / "config.json").stat().st_mtime_ns


@st.cache_data(max_entries=50, show_spinner=False)
def _bytes(folder: str, stamp: str) -> int:  # noqa: ARG001 (part of the cache key)
    return bytes_on_disk(Path(folder))


def _delete(one: ModelOverview) -> None:
    if why := mode.why_not("delete"):
        show_off(why)
        return
    st.markdown(
        f"Deletes model **{escape(one.name)}** for good. Collections stay, and so do the files "
        "that it was imported from."
    )
    if st.button("Delete for good", key="delete-model-for-good"):
        with mistakes_shown():
            actions.remove_model(one.name)
            st.toast(f"**{escape(one.name)}** is deleted.")
            address.write("which", None)
            address.write("model", None)
            st.rerun()
