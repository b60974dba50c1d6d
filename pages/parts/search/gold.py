"""Images that are known to answer a query: their marks, and where they stand."""

from __future__ import annotations

import streamlit as st

from lsr.collection.collection import Collection
from lsr.search.known_answers import CAPTION
from lsr.search.ranking import Ranking
from lsr.search.results import SearchResult
from pages.parts import caches, links
from pages.parts.markup import escape
from pages.parts.search.question import Question
from pages.parts.search.side_by_side import Column

# Of images that are known to answer: how many have a line each, ranks told, and links in one line.
_GOLD_LINES, _GOLD_RANKS, _GOLD_LINKS = 2, 20, 6


def known_marks(images: Collection, asked: Question, ranked: Ranking) -> dict[str, str]:
    """Marks of the images that are known to answer, by id."""
    if not asked.words:
        return {}
    return {
        one.image_id: "its caption" if one.source == CAPTION else f"known answer ({one.source})"
        for one in caches.known_answers(images, asked.name)
        if one.image_id in ranked.row_of
    }


def say_where(gold: dict[str, str], columns: list[Column], result: SearchResult) -> None:
    """The rank of each image that is known to answer, with a link where no tile shows it."""
    shown = {hit.image_id for hit in result.hits}
    if len(gold) > _GOLD_LINES:
        _say_in_one_line(gold, columns, shown)
        return
    for image_id, mark in gold.items():
        places = [_place(one.ranked, image_id) for one in columns]
        place = f"**{places[0]}**"
        if len(columns) > 1:
            place += f", in {escape(columns[1].name)} it **{places[1]}**"
        said = (
            "This is a caption of an image, which"
            if mark == "its caption"
            else f"{escape(mark.capitalize())}: an image that"
        )
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"★ {said} {place}.", width="content")
            if image_id not in shown:
                links.to_hit(image_id, "Why it stands there")


def _say_in_one_line(gold: dict[str, str], columns: list[Column], shown: set[str]) -> None:
    """The ranks of many images that are known to answer, and links to those without a tile."""
    ranks = {image_id: columns[0].ranked.rank(image_id) for image_id in gold}
    found = sorted((rank, image_id) for image_id, rank in ranks.items() if rank is not None)
    told = ", ".join(f"{rank:,}" for rank, _ in found[:_GOLD_RANKS])
    more = f" and {len(found) - _GOLD_RANKS} more" if len(found) > _GOLD_RANKS else ""
    lost = [image_id for image_id, rank in ranks.items() if rank is None]
    missing = f"; {len(lost)} not found" if lost else ""
    beyond = [*(one for _, one in found if one not in shown), *lost][:_GOLD_LINKS]
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.markdown(
            f"★ **{len(gold)} images are known to answer**, at ranks {told}{more}{missing}.",
            width="content",
        )
        for image_id in beyond:
            rank = ranks[image_id]
            links.to_hit(image_id, f"Why {rank:,}" if rank else "Why not found")


def _place(ranked: Ranking, image_id: str) -> str:
    rank = ranked.rank(image_id)
    return "is not found" if rank is None else f"stands at rank {rank:,} of {len(ranked):,}"
