"""What the Search page shows of an answer: terms, tiles, and why one of them is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lsr.encoders.drawn_scenes import drawn_scenes
from lsr.exceptions import shorten
from lsr.index.limits import MAX_K
from lsr.search.forms import parse_terms
from lsr.search.ranking import Ranking, dense_ranking, ranking
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.understood import understood
from pages.parts import address, caches, links
from pages.parts.choice import Choice
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown, or_default
from pages.parts.results import no_hits, query_table, timing
from pages.parts.search.board import show_board
from pages.parts.search.download import offer_hits
from pages.parts.search.edit import Edit
from pages.parts.search.gold import known_marks, say_where
from pages.parts.search.options import PIXELS, Options, newest, rest_of_address
from pages.parts.search.pair import Pair, Side
from pages.parts.search.question import (
    Question,
    picture_alone,
    words_alone,
    words_and_picture,
)
from pages.parts.search.searched import checked, show_setting
from pages.parts.search.side_by_side import Column, show_agreement, show_lists, show_whys
from pages.parts.search.understanding import show_understood
from pages.parts.uploads import Upload

_TERMS = 12  # of a query, that are offered as a query of their own


class Asked(NamedTuple):
    """What the page around the answer was drawn with.

    downloads: the place of the box of downloads. rest: the address, without what only the answer
    follows.
    """

    options: Options
    pair: Pair
    downloads: DeltaGenerator
    rest: dict[str, str]


def show_like(choice: Choice, upload: Upload, query: str, asked: Asked) -> None:
    """Images like a picture of the visitor's, and like the words beside it, if there are any."""

    def question() -> Question:
        plain = caches.searcher(choice)
        told = caches.uploaded(plain, caches.marks_of(plain), *upload)
        words = query if query and parse_terms(query) is None else ""
        with _beside_upload(upload, told.preview):
            said = f" and “{escape(shorten(words))}”" if words else ""
            st.header(f"Images like {escape(upload.name)}{said}", anchor=False)
            if scenes := drawn_scenes(plain.collection.encoder):
                st.caption(scenes)
            if words:
                return words_and_picture(plain, words, told.items)
            return picture_alone(upload.name, told.items)

    address.fragment(_show_answer, None)(choice, question, asked)


def show_found(choice: Choice, query: str, asked: Asked) -> None:
    """What words find, or terms alone."""
    address.fragment(_show_answer, None)(
        choice, lambda: words_alone(caches.searcher(choice), query), asked
    )


def _beside_upload(upload: Upload, preview: bytes) -> DeltaGenerator:
    """Show the picture; the place beside it."""
    left, right = st.columns([1, 6], vertical_alignment="center")
    with left:
        st.image(
            preview,
            width="stretch",
            alt=f"The uploaded picture {upload.name}",
            output_format="JPEG",
        )
    return right


def _show_answer(choice: Choice, question: Callable[[], Question], given: Asked) -> None:
    """The answer, drawn anew by itself while only terms are edited, a hit or a page is chosen."""
    options = given.options
    if address.part_alone():
        if rest_of_address() != given.rest:
            st.rerun()
        options = newest(options)
    with mistakes_shown():
        _show_terms_and_tiles(choice, question(), options, given.downloads, given.pair)


def _show_terms_and_tiles(
    choice: Choice, asked: Question, options: Options, downloads: DeltaGenerator, pair: Pair
) -> None:
    """The terms, the tiles, and why one of them is there."""
    pair = replace(
        pair, here=or_default(lambda: checked(pair.here), replace(pair.here, setting=""))
    )
    here = _column(choice, asked, options, pair.here)
    ready, result, ranked = here.ready, here.result, here.ranked
    assert result is not None  # noqa: S101 (a search has one)
    with downloads:
        offer_hits(lambda one: asked.search(ready, one), here.settings, ready.model.name)
    found = understood(ready, result) if asked.words else None
    if found is not None and options.expansion:
        # What a setting cut off has a weight in the model.
        show_understood(result, replace(found, silent=()) if pair.here.setting else found)
    show_setting(pair.here)
    other = or_default(lambda: _other(choice, asked, options, pair, here), None)
    gold = known_marks(ready.collection, asked, ranked)
    say_where(gold, [here, other] if other else [here], result)
    selected = address.read_text("hit")
    # Columns in both cases: elsewhere on the page the board would be drawn anew, and miss keys.
    with st.container(key="explained"):
        board, *panel = st.columns([1] if selected is None else [5, 3], gap="medium")
    with board:
        _headline(ready, result, ranked, here.settings)
        _show_board(here, options, asked, gold, selected, lists=other is None)
        if other is not None:
            show_agreement(here, other)
            show_lists(here, other, gold=gold, selected=selected)
        elif not result.hits and not (options.expansion and found is not None and found.nothing):
            no_hits(options.expansion)
        _pages(max(len(one.ranked) for one in (here, other) if one), options)
        query_table(result)
        _offer_terms(result)
    if selected is not None:
        with panel[0]:
            columns = [here] if other is None else [here, other]
            show_whys(columns, selected, gold, comparable=asked.words)


def _column(choice: Choice, asked: Question, options: Options, side: Side) -> Column:
    """A search as a ranking, with the edits of terms that its vocabulary can follow.

    Raises:
        InputError: its setting cannot be had with the model, or nothing can be searched.
    """
    ready = caches.under_setting(replace(choice, model=side.model), side.setting)
    edit = or_default(lambda: options.edit.of(ready.model.vocabulary), Edit())
    settings = replace(options, edit=edit, expansion=side.expansion).settings
    with st.spinner("Encoding the query…"):
        result = asked.search(ready, settings)
    ranked = ranking(ready, result.query_terms, settings)
    return Column(_name(side), ready, ranked, settings, edit, result)


def _name(side: Side) -> str:
    """Which search it is, in a few words."""
    parts = [side.model, *([] if side.expansion else ["own words alone"])]
    return ", ".join([*parts, *side.setting.split()])


def _other(
    choice: Choice, asked: Question, options: Options, pair: Pair, here: Column
) -> Column | None:
    """What stands beside; None where nothing does. Another search is made in memory."""
    if pair.dense and asked.dense is None:
        st.caption("Terms have no dense vector, so the dense teacher cannot rank them.")
        return None
    if pair.dense and asked.dense is not None:
        ranked = dense_ranking(here.ready, asked.dense(), here.settings)
        if here.settings.boost or here.settings.mute or here.settings.add:
            st.caption("The dense teacher has no terms, so what is done to terms leaves it alone.")
        return Column("dense teacher", here.ready, ranked, here.settings, here.edit, None)
    if pair.beside is None:
        return None
    if pair.beside == pair.here:
        st.caption("Both sides are the same search. Choose another model, expansion or setting.")
    return _column(choice.in_memory, asked, options, pair.beside)


def _show_board(
    here: Column,
    options: Options,
    asked: Question,
    gold: dict[str, str],
    selected: str | None,
    *,
    lists: bool,
) -> None:
    ready, result = here.ready, here.result
    assert result is not None  # noqa: S101 (a search has one)
    show_board(
        ready,
        result,
        here.settings,
        here.edit,
        tile=PIXELS[options.size],
        selected=selected,
        gold=gold,
        of_picture=not (asked.says and ready.model.vocabulary.says),
        strip=not lists,
    )


def _offer_terms(result: SearchResult) -> None:
    """A link that searches with the strongest terms as they are, whatever text they came from."""
    terms = [one for one in result.query_terms[:_TERMS] if not set(one.term) & set(" ,:")]
    if terms and parse_terms(result.query) is None:
        text = ", ".join(f"{one.term}:{one.weight:.2f}" for one in terms)
        links.to_search(text, f"Search with the {len(terms)} strongest terms alone")


def _headline(
    ready: Searcher, result: SearchResult, ranked: Ranking, settings: SearchSettings
) -> None:
    count, shown = len(ranked), len(result.hits)
    first = settings.skip + 1
    if shown:
        span = f"{first:,} to {settings.skip + shown:,} of " if count > shown else ""
        st.header(f"{span}{count:,} image{'s' * (count != 1)}", anchor=False)
    else:
        st.header("No image", anchor=False)
    timing(result, ready.index, int(np.count_nonzero(ranked.allowed)))


def _pages(count: int, options: Options) -> None:
    pages = -(-min(count, MAX_K) // options.tiles)
    if pages > 1:
        page = min(options.page, pages)
        # A key for each page: this widget takes no value from the session beside its default.
        key = f"page-{page}-of-{pages}"
        st.pagination(pages, default=page, key=key, on_change=_turn_page, args=(key,))


@address.whole
def _turn_page(key: str) -> None:
    page = st.session_state[key]
    address.write("sheet", None if page == 1 else str(page))
    address.write("hit", None)
