"""What the Search page shows of an answer: terms, tiles, and why one of them is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lsr.collection.collection import Collection
from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.exceptions import InputError
from lsr.index.limits import MAX_K
from lsr.search.known_answers import CAPTION, known_answers
from lsr.search.ranking import Ranking, ranking
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.understood import understood
from pages.parts import address, caches, cards, links
from pages.parts.choice import Choice
from pages.parts.markup import escape
from pages.parts.messages import or_default, show_mistake
from pages.parts.results import compared, no_hits, query_table, timing
from pages.parts.search.board import show_board
from pages.parts.search.download import offer_hits
from pages.parts.search.options import PIXELS, Options
from pages.parts.search.understanding import show_understood
from pages.parts.search.why import show_why
from pages.parts.uploads import Upload

COMPARED_HITS = 12


@dataclass(frozen=True)
class Question:
    """What is searched with: a name for it, and the search for any settings."""

    name: str
    search: Callable[[SearchSettings], SearchResult]
    words: bool


def show_like(choice: Choice, upload: Upload, options: Options, downloads: DeltaGenerator) -> None:
    """Images like a picture of the visitor's."""
    ready = caches.searcher(choice)
    told = caches.uploaded(ready, caches.marks_of(ready), *upload)
    _show_upload(ready.collection, upload, told.preview)
    asked = Question(
        upload.name, lambda one: ready.search_items(told.items, upload.name, one), False
    )
    _show_answer(ready, asked, options, downloads)


def show_found(
    choice: Choice, query: str, options: Options, downloads: DeltaGenerator, *, beside: bool
) -> None:
    """What words find; `beside` the dense teacher if asked."""
    ready = caches.searcher(choice)
    if beside:
        _show_beside(ready, query, options)
    else:
        asked = Question(query, lambda one: ready.search_text(query, one), True)
        _show_answer(ready, asked, options, downloads)


def _show_upload(images: Collection, upload: Upload, preview: bytes) -> None:
    left, right = st.columns([1, 7], vertical_alignment="center")
    with left:
        st.image(
            preview,
            width="stretch",
            alt=f"The uploaded picture {upload.name}",
            output_format="JPEG",
        )
    with right:
        st.subheader(f"Images like {escape(upload.name)}", anchor=False)
        if scenes := drawn_scenes(images.encoder):
            st.caption(scenes)


def _show_answer(
    ready: Searcher, asked: Question, options: Options, downloads: DeltaGenerator
) -> None:
    """The terms, the tiles, and why one of them is there."""
    vocabulary = ready.model.vocabulary
    edit = or_default(lambda: options.edit.of(vocabulary), type(options.edit)())
    options = Options(**{**vars(options), "edit": edit})
    settings = options.settings
    with st.spinner("Encoding the query…"):
        result = asked.search(settings)
    ranked = ranking(ready, result.query_terms, settings)
    gold = _gold(ready.collection, asked, ranked)
    with downloads:
        offer_hits(asked.search, settings, ready.model.name)
    found = understood(ready, result) if asked.words else None
    if found is not None and options.expansion:
        show_understood(result, found)
    _say_where(gold, ranked, result)
    selected = address.read_text("hit")
    board, panel = st.container(), None
    if selected is not None:
        with st.container(key="explained"):
            board, panel = st.columns([5, 3], gap="medium")
    with board:
        _headline(ready, result, ranked, settings)
        show_board(
            ready,
            result,
            settings,
            edit,
            tile=PIXELS[options.size],
            selected=selected,
            gold=gold,
            of_picture=not (asked.words and vocabulary.says),
        )
        if not result.hits and not (options.expansion and found is not None and found.nothing):
            no_hits(options.expansion)
        _pages(len(ranked), options)
        query_table(result)
    if panel is not None and selected is not None:
        with panel:
            try:
                show_why(ready, result, selected, settings, ranked, gold, comparable=asked.words)
            except InputError as mistake:
                show_mistake(mistake)


def _headline(
    ready: Searcher, result: SearchResult, ranked: Ranking, settings: SearchSettings
) -> None:
    count, shown = len(ranked), len(result.hits)
    first = settings.skip + 1
    if shown:
        span = f"{first:,} to {settings.skip + shown:,} of " if count > shown else ""
        st.subheader(f"{span}{count:,} image{'s' * (count != 1)}", anchor=False)
    else:
        st.subheader("No image", anchor=False)
    timing(result, ready.index)


def _gold(images: Collection, asked: Question, ranked: Ranking) -> dict[str, str]:
    """Marks of the images that are known to answer, by id."""
    if not asked.words:
        return {}
    return {
        one.image_id: "its caption" if one.source == CAPTION else f"answer in {one.source}"
        for one in known_answers(images, asked.name)
        if one.image_id in ranked.row_of
    }


def _say_where(gold: dict[str, str], ranked: Ranking, result: SearchResult) -> None:
    """The rank of each image that is known to answer, with a link where no tile shows it."""
    shown = {hit.image_id for hit in result.hits}
    for image_id, mark in gold.items():
        rank = ranked.rank(image_id)
        place = "is not found" if rank is None else f"stands at rank {rank:,} of {len(ranked):,}"
        said = (
            "This is a caption of an image, which"
            if mark == "its caption"
            else f"{escape(mark.capitalize())}: an image that"
        )
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"★ {said} **{place}**.", width="content")
            if image_id not in shown:
                links.to_hit(image_id, "Why it stands there")


def _pages(count: int, options: Options) -> None:
    pages = -(-min(count, MAX_K) // options.tiles)
    if pages > 1:
        page = min(options.page, pages)
        # A key for each page: this widget takes no value from the session beside its default.
        key = f"page-{page}-of-{pages}"
        st.pagination(pages, default=page, key=key, on_change=_turn_page, args=(key,))


def _turn_page(key: str) -> None:
    page = st.session_state[key]
    address.write("sheet", None if page == 1 else str(page))
    address.write("hit", None)


def _show_beside(ready: Searcher, query: str, options: Options) -> None:
    settings = SearchSettings(k=COMPARED_HITS, expansion=options.expansion)
    result = ready.search_text(query, settings)
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
