"""Query against image: one query, one image, two models, term by term."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from lsr.collection.collection import Collection
from lsr.search.ranking import Ranking, ranking
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.why import Why, deviation, why
from pages.parts import address, caches, cards, links
from pages.parts.choice import Choice, current_choice, fitting, read_name
from pages.parts.entry import draw
from pages.parts.markup import escape, sentence
from pages.parts.messages import mistakes_shown
from pages.parts.search.why import show_mirrored

_RIVALS, _CHIPS = 4, 12


@dataclass(frozen=True)
class Seen:
    """The query and the image in one model."""

    name: str
    ready: Searcher
    told: Why
    ranked: Ranking


def show() -> None:
    """Draw the page."""
    choice = current_choice()
    images = caches.collection(choice.collection)
    st.title("Query against image", anchor=False)
    with mistakes_shown():
        text, image_id, other = _boxes(choice, images)
        if reason := caches.obstacle_to(images, text):
            st.info(sentence(reason), icon=":material/lightbulb:")
            return
        images.image_row(image_id)
        sides = [_seen(choice, name, text, image_id) for name in (choice.model, other)]
        _show_head(images, image_id, sides)
        st.header("What each shared term adds", anchor=False)
        left, right = sides
        show_mirrored((left.name, right.name), left.told.reasons, right.told.reasons)
        if other == choice.model:
            st.caption("This collection has one model. Make another on the Train page to compare.")
            sides = sides[:1]
        for place, (column, side) in enumerate(
            zip(st.columns(2, gap="medium"), sides, strict=False)
        ):
            with column:
                _show_side(images, side, place)


def _boxes(choice: Choice, images: Collection) -> tuple[str, str, str]:
    """The query, the image and the second model."""
    shown = images.image_ids[images.searchable_rows[0]]
    image_id = address.read_text("id") or shown
    own = cards.description(images, image_id) if image_id in images.image_ids else ""
    text = address.read_text("q") or own
    others = [name for name in fitting(choice.collection) if name != choice.model]
    other = choice.model
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Query", **address.bound("q", text, own))
        st.text_input("Image id", **address.bound("id", image_id, shown))
        if others:
            raw = address.read_text("against")
            other = others[0] if raw is None else read_name("model", raw, others)
            st.selectbox(
                "Second model", others, width=220, **address.bound("against", other, others[0])
            )
    return text, image_id, other


def _seen(choice: Choice, model: str, text: str, image_id: str) -> Seen:
    ready = caches.searcher(Choice(choice.collection, model, "memory"))
    result = caches.search(ready, text, SearchSettings(k=1))
    ranked = ranking(ready, result.query_terms)
    return Seen(model, ready, why(ready, result, image_id, ranked=ranked), ranked)


def _show_head(images: Collection, image_id: str, sides: list[Seen]) -> None:
    left, *rest = st.columns([2, 3, 3], gap="medium", vertical_alignment="center")
    with left, st.container(key="tile-against", gap=None):
        cards.show_picture(images, image_id)
        links.to_image(image_id, escape(cards.description(images, image_id)))
    for column, side in zip(rest, sides, strict=True):
        told = side.told
        place = f"{told.rank:,} of {told.n_hits:,}" if told.rank else "not found"
        column.metric(
            f"Rank in {escape(side.name)}",
            place,
            f"score {told.score:.2f}, {told.expanded:.2f} by expansion",
            delta_color="off",
            delta_arrow="off",
        )


def _show_side(images: Collection, side: Seen, place: int) -> None:
    told = side.told
    st.header(escape(side.name), anchor=False)
    _chips(
        "Asked for, and not in the image",
        [(one.term, one.weight) for one in told.lacking],
        key=f"lacking-{place}",
    )
    parted = deviation(side.ready, told.image_id)
    _chips(
        "Said by its captions, and silent",
        [(term, None) for term in parted.silent],
        key=f"silent-{place}",
    )
    _chips("Active, and nobody says it", list(parted.stray), key=f"stray-{place}")
    last = (told.rank or len(side.ranked) + 1) - 1
    if last:
        st.markdown("**Rivals above it**")
        first = max(last - _RIVALS, 0) + 1
        tiles = [
            cards.Tile(image_id, f"{side.ranked.score(image_id):.2f}", f"{rank:,}")
            for rank in range(first, last + 1)
            if (image_id := side.ranked.at(rank))
        ]
        cards.show_tiles(images, tiles, key=f"rivals-{place}", width=90)


def _chips(title: str, terms: list[tuple[str, float | None]], *, key: str) -> None:
    if not terms:
        return
    more = f", the first {_CHIPS} of {len(terms):,}" if len(terms) > _CHIPS else ""
    st.markdown(f"**{title}**{more}")
    shown = terms[:_CHIPS]
    weights = ["" if weight is None else f"{weight:.2f}" for _, weight in shown]
    links.to_terms([term for term, _ in shown], weights, key=key)


draw(show)
