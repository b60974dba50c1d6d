"""Search: words or a picture in, tiles out, and the terms that made each match."""

from __future__ import annotations

import streamlit as st

from lsr.collection.collection import Collection
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.encoders.loading import obstacle
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from pages.parts import address, caches, cards, charts, explain, links
from pages.parts.choice import current_choice
from pages.parts.entry import draw
from pages.parts.markup import escape, sentence
from pages.parts.messages import mistakes_shown
from pages.parts.results import compared, no_hits, query_bars, timing
from pages.parts.uploads import Upload, upload_box

MOST_HITS = 24
COMPARED_HITS = 12


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Search", anchor=False)
    model = caches.model(choice.model)
    if why := model.no_texts or (obstacle(images.encoder) if model.reads else None):
        st.info(sentence(why), icon=":material/lightbulb:")
        _gallery(images)
        return
    query = address.read_text("q")
    _query_box(query or "")
    with mistakes_shown():
        expansion, beside, upload = _options(images)
        if upload is not None:
            _show_upload(caches.searcher(choice), upload)
            return
        if query is not None:
            settings = SearchSettings(k=COMPARED_HITS if beside else MOST_HITS, expansion=expansion)
            ready = caches.searcher(choice)
            with st.spinner("Encoding the query…"):
                result = ready.search_text(query, settings)
            _show_result(ready, result, beside=beside, expansion=expansion)
            return
    _start(images)
    if query is None:
        caches.searcher(choice)  # while the visitor reads, so that the first search is quick


def _query_box(query: str) -> None:
    key = address.bound("q", query)["key"]
    with (
        st.form("query", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"),
    ):
        st.text_input(
            "What should the picture show?",
            key=key,
            placeholder="two lions in the desert",
            icon=":material/search:",
        )
        st.form_submit_button(
            "Search",
            type="primary",
            on_click=address.write_from_widget,
            args=("q", None, str),
        )


def _options(images: Collection) -> tuple[bool, bool, Upload | None]:
    """Whether the query may expand, whether the dense teacher stands beside, and a picture."""
    expansion = address.read_flag("expansion", True)
    beside = address.read_flag("dense", False)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.toggle(
            "Expansion",
            help="On: the model may add related terms to the query. Off: only terms that the "
            "query says itself take part.",
            **address.bound("expansion", expansion, True, address.flag_text),
        )
        st.toggle(
            "Beside the dense teacher",
            help="Shows the ranking by cosine between dense vectors, which the sparse model "
            "was trained to imitate, next to the sparse one.",
            **address.bound("dense", beside, False, address.flag_text),
        )
        with st.popover("Search with a picture", icon=":material/image_search:"):
            upload = upload_box(images.encoder, key="search-upload")
    return expansion, beside, upload


def _show_upload(ready: Searcher, upload: Upload) -> None:
    preview, _, result = caches.uploaded(ready, caches.marks_of(ready), *upload, MOST_HITS)
    left, right = st.columns([3, 8], gap="medium")
    with left:
        st.image(
            preview,
            width="stretch",
            alt=f"The uploaded picture {upload.name}",
            output_format="JPEG",
        )
        if scenes := drawn_scenes(ready.collection.encoder):
            st.caption(scenes)
        st.subheader("What the picture activates", anchor=False)
        query_bars(result, charts.PICTURE, key="upload")
    with right:
        st.subheader(f"Images like {escape(upload.name)}", anchor=False)
        timing(result, ready.index)
        cards.show_tiles(ready.collection, cards.hit_tiles(result.hits), key="hits", width=135)


def _show_result(ready: Searcher, result: SearchResult, *, beside: bool, expansion: bool) -> None:
    left, right = st.columns([3, 8], gap="medium")
    with left:
        st.subheader("The query's terms", anchor=False)
        says = ready.model.vocabulary.says
        kinds = charts.ORIGINS if says else charts.UNKNOWN
        query_bars(result, kinds, key=f"query-{expansion}-{result.query}")
    with right:
        if beside:
            _show_beside(ready, result)
            return
        count = len(result.hits)
        st.subheader(f"{count} image{'s' * (count != 1)}", anchor=False)
        timing(result, ready.index)
        if result.hits:
            cards.show_tiles(ready.collection, cards.hit_tiles(result.hits), key="hits", width=135)
        else:
            no_hits(expansion)


def _show_beside(ready: Searcher, result: SearchResult) -> None:
    sparse, dense = compared(result.hits, ready.search_dense(result.query, COMPARED_HITS))
    both = sum(tile.shared for tile in sparse)
    timing(result, ready.index)
    st.caption(
        f"{both} of the {len(sparse)} sparse results are among the teacher's first "
        f"{len(dense)}; a mark gives their rank on the other side."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Sparse", anchor=False, help="Ranked by shared terms.")
        cards.show_tiles(ready.collection, [t.tile for t in sparse], key="sparse", width=130)
    with right:
        st.subheader("Dense teacher", anchor=False, help="Ranked by cosine of dense vectors.")
        cards.show_tiles(ready.collection, [t.tile for t in dense], key="dense", width=130)


def _start(images: Collection) -> None:
    """What stands below the box before the first search."""
    examples = cards.example_queries(images)
    if examples:
        st.caption("Try one of these")
        with st.container(horizontal=True, gap="xsmall", key="chips-examples"):
            for text in examples:
                links.to_search(text)
    explain.how_it_works()
    _gallery(images)


def _gallery(images: Collection) -> None:
    st.subheader("From this collection", anchor=False)
    st.caption("Open an image to see the words it activates.")
    cards.show_tiles(images, cards.gallery(images, 12), key="start", width=140)


draw(show)
