"""Lexiscope in the browser: the list of pages and the sidebar."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path

import streamlit as st

from lsr.exceptions import InputError
from pages.parts import address, choice, entry, links, mode, remote, views
from pages.parts.messages import mistakes_shown

PAGES = (
    (links.SEARCH, "Search", ":material/search:"),
    (links.IMAGE, "Image", ":material/image:"),
    (links.TERM, "Term", ":material/sell:"),
    (links.AGAINST, "Query against image", ":material/compare:"),
    (links.VOCABULARY, "Vocabulary", ":material/dictionary:"),
    (links.FAILURES, "Failures", ":material/troubleshoot:"),
    (links.EXPANSION, "Expansion", ":material/tune:"),
    (links.COLLECTIONS, "Collections", ":material/photo_library:"),
    (links.MODELS, "Models", ":material/layers:"),
    (links.TRAIN, "Train", ":material/model_training:"),
    (links.LESSONS, "Lessons", ":material/school:"),
)

HERE = Path(__file__).resolve().parent
ICON = str(HERE / "assets/brand/icon.svg")
st.set_page_config(page_title="Lexiscope", page_icon=ICON, layout="wide")
st.logo(str(HERE / "assets/brand/logo.svg"), size="large", icon_image=ICON)
st.html(HERE / "pages/parts/style.css")
page = st.navigation(
    [
        st.Page(file, title=title, icon=icon, default=file == links.SEARCH)
        for file, title, icon in PAGES
    ],
    position="hidden",
)
with entry.entered(), address.heard(), mistakes_shown():
    with st.sidebar:
        current = next(file for file, title, _ in PAGES if title == page.title)
        links.navigation(PAGES, current)
        views.show_in_sidebar(Path(current).stem, {Path(file).stem: file for file, _, _ in PAGES})
        choice.choose_in_sidebar()
        mode.show_in_sidebar()
    # The first visit of all reads arrays, models and pictures, which takes seconds on a cold disk.
    with st.spinner("Starting Lexiscope: the first page takes a few seconds…"):
        caches = import_module("pages.parts.caches")
    with st.sidebar, suppress(InputError):  # what is wrong with a collection, the page says
        remote.choose_in_sidebar(caches.collection(choice.current_collection()))
    page.run()
