"""One query under the knob: its terms, its results, where draws rank images, and its price."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from lsr.figures import price_figure, rank_cloud_figure
from lsr.index import Hit
from lsr.index.memory import MemoryIndex
from lsr.laboratory import Laboratory
from lsr.query_studies import (
    ImageRanks,
    Outcome,
    PriceTag,
    image_index,
    outcomes,
    price_tags,
    rank_clouds,
    sure_part,
    within_budget,
)
from lsr.search import check_text
from lsr.sweep import Knob, Side
from pages.parts import address, caches, cards, charts
from pages.parts.choice import Choice
from pages.parts.laboratory.bars import show_bars
from pages.parts.laboratory.curve import DRAWS
from pages.parts.laboratory.knobs import Turned
from pages.parts.laboratory.setting import Setting
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown

_BARS, _HITS = 14, 4
_CLOUD_DRAWS, _CLOUD_IMAGES = 200, 10
_SHARES = tuple(range(5, 101, 5))


def read_query(setting: Setting) -> str:
    """Draw the box of the pinned query and return its text.

    Raises:
        QueryError: there is no text.
    """
    images = caches.collection(setting.collection)
    # A word that no training caption says shows best what expansion is for.
    examples = [*images.probes, *cards.example_queries(images, 1), "dog"]
    default = examples[0]
    text = address.read_text("q")
    text = default if text is None else text
    st.text_input(
        "Pinned query",
        help="It is searched among the images of the split, text to image, under the knob above.",
        **address.bound("q", text, default),
    )
    if setting.direction != "text-to-image":
        st.caption("A pinned query is a text, so it is searched text → image here as well.")
    check_text(text)
    return text


def show_query(setting: Setting, turned: Turned, text: str, choice: Choice) -> None:
    """Terms and results of the query in every model, as the knob leaves them."""
    for column, model in zip(_columns(setting), setting.models, strict=True):
        with column, mistakes_shown():
            _show_terms(setting, turned, text, model, choice)


def _columns(setting: Setting) -> list:  # type: ignore[type-arg]
    return list(st.columns(len(setting.models), gap="medium"))


def _show_terms(setting: Setting, turned: Turned, text: str, model: str, choice: Choice) -> None:
    ready, query = _pinned(setting, model, text, choice)
    states = outcomes(ready.task, query, turned.knob, turned.value, DRAWS.seed)
    bars = term_bars_of(query, states, ready.model.vocabulary.terms)
    shown = "" if len(bars) == len(query.terms) else f", the strongest {len(bars)} shown"
    mean = "; a bar is the mean over the coin" if 0 < states[0].chance < 1 else ""
    st.caption(f"In {escape(model)}: {len(query.terms)} terms{shown}{mean}")
    show_bars(
        bars,
        charts.ORIGINS,
        limit=float(query.matrix.data.max(initial=0.0)),
        alt=f"Weights that the knob leaves to the terms of the pinned query in {model}",
    )
    index = _index(ready, turned.knob, turned.value, *_marks(ready))
    images = caches.collection(setting.collection)
    for place, state in enumerate(states):
        st.caption(title_of(state, turned))
        hits = index.search(state.terms, state.weights, _HITS)
        _show_hits(images, hits, key=f"pinned-{model}-{place}")


def _show_hits(images: object, hits: list[Hit], *, key: str) -> None:
    if not hits:
        st.caption("No image shares an active term.")
        return
    tiles = [
        cards.Tile(hit.image_id, f"**{rank}** · {hit.score:.2f}")
        for rank, hit in enumerate(hits, 1)
    ]
    cards.show_tiles(images, tiles, key=key, width=80)  # type: ignore[arg-type]


def title_of(state: Outcome, turned: Turned) -> str:
    """Which state of the knob results belong to, as Markdown."""
    match state.kind:
        case "literal":
            return f"Literal terms only: {state.chance:.0%} of draws"
        case "all":
            return f"All terms: {state.chance:.0%} of draws"
        case "mean":
            return f"Expansion weights × {turned.value:.2f}"
        case "draw":
            return "In one draw: bars of 0 are switched off in it"
    return escape(f"With {turned.knob} = {turned.value:g}")


def term_bars_of(
    query: Side, states: list[Outcome], terms: list[str] | tuple[str, ...]
) -> list[charts.Bar]:
    """The strongest terms of the whole query in an order that no knob changes.

    A bar's length is what the knob leaves of the weight, on average over its states.
    """
    left: dict[int, float] = {}
    for state in states:
        for term, weight in zip(state.terms.tolist(), state.weights.tolist(), strict=True):
            left[term] = left.get(term, 0.0) + state.chance * weight
    order = query.by_weight[:_BARS]
    return [
        charts.Bar(terms[query.terms[i]], left.get(int(query.terms[i]), 0.0), bool(query.said[i]))
        for i in order
    ]


def show_cloud(setting: Setting, turned: Turned, text: str, choice: Choice) -> None:
    """Where word-level draws rank each image; the knob above sets their rate if it is one."""
    rate = turned.value if turned.knob.control == "word" else _choose_rate()
    for column, model in zip(_columns(setting), setting.models, strict=True):
        with column, mistakes_shown():
            ready, query = _left(setting, turned, model, text, choice)
            index = _index(ready, turned.knob, turned.value, *_marks(ready))
            clouds = rank_clouds(
                index,
                query.terms,
                query.matrix.data,
                query.said,
                rate=rate,
                draws=_CLOUD_DRAWS,
                seed=DRAWS.seed,
                most=_CLOUD_IMAGES,
            )
            st.caption(
                f"In {escape(model)}: rank of each image over {_CLOUD_DRAWS} draws at rate "
                f"{rate:.2f}"
            )
            _show_clouds(setting, clouds, model, last=len(index))


def _choose_rate() -> float:
    rate = address.read_number("cloud", 0.0, 1.0, 0.5)
    st.slider(
        "Rate of the draws",
        0.0,
        1.0,
        step=0.05,
        help=f"Each of {_CLOUD_DRAWS} draws lets every expansion term of the query take part with "
        "this chance. A narrow cloud means that the rank does not hang on single terms.",
        **address.bound("cloud", rate, 0.5, address.number_text),
    )
    return rate


def _show_clouds(setting: Setting, clouds: list[ImageRanks], model: str, last: int) -> None:
    """Clouds of the images that some draw finds.

    Args:
        last: the rank of an image that is no hit.
    """
    clouds = [cloud for cloud in clouds if cloud.ranks.min() < last]
    if not clouds:
        st.caption("No draw finds an image: they share no active term with the query.")
        return
    images = caches.collection(setting.collection)
    names = [f"{place}" for place in range(1, len(clouds) + 1)]
    st.plotly_chart(
        rank_cloud_figure(clouds, charts.colours(), names),
        key=f"cloud-{model}",
        config=charts.CONFIG,
        alt=f"Ranks over draws in {model}; medians: "
        + ", ".join(f"{cloud.image_id} {_median(cloud, last)}" for cloud in clouds),
    )
    tiles = [
        cards.Tile(cloud.image_id, f"**{place}** · median {_median(cloud, last)}")
        for place, cloud in enumerate(clouds, 1)
    ]
    cards.show_tiles(images, tiles, key=f"cloud-{model}", width=80)
    table = pd.DataFrame(
        [
            {"image": cloud.image_id, **pd.Series(cloud.ranks).describe().round(2).to_dict()}
            for cloud in clouds
        ]
    )
    charts.table_twin(table, name="rank-cloud", key=f"cloud-{model}")


def _median(cloud: ImageRanks, last: int) -> str:
    median = float(np.median(cloud.ranks))
    return f"{median:g}" if median < last else "no hit"


def show_prices(setting: Setting, turned: Turned, text: str, choice: Choice) -> None:
    """What every term costs and brings, and what a budget of postings still finds."""
    share = int(address.read_number("budget", _SHARES[0], _SHARES[-1], 100))
    st.slider(
        "Budget, percent of the postings of the whole query",
        _SHARES[0],
        _SHARES[-1],
        step=5,
        help="Terms are bought by share of the score for a posting, the best first, as long as "
        "they fit.",
        **address.bound("budget", share, 100, address.number_text),
    )
    for column, model in zip(_columns(setting), setting.models, strict=True):
        with column, mistakes_shown():
            _show_price(setting, turned, model, text, choice, share / 100)


def _show_price(
    setting: Setting, turned: Turned, model: str, text: str, choice: Choice, share: float
) -> None:
    ready, query = _left(setting, turned, model, text, choice)
    index = _index(ready, turned.knob, turned.value, *_marks(ready))
    vocabulary = ready.model.vocabulary
    tags = price_tags(index, query.terms, query.matrix.data, query.said, vocabulary)
    total = sum(tag.postings for tag in tags)
    kept = within_budget(tags, share * total)
    names = {tag.term for tag in kept}
    brought = sum(tag.share for tag in kept)
    st.caption(
        f"In {escape(model)}: {len(kept)} of {len(tags)} terms for "
        f"{sum(tag.postings for tag in kept):,} of {total:,} postings bring {brought:.0%} of the "
        "score; hollow marks are not bought, nor are terms that bring nothing"
    )
    st.plotly_chart(
        price_figure(tags, names, charts.colours()),
        key=f"price-{model}",
        config=charts.CONFIG,
        alt="Postings and share of the score of each term: "
        + ", ".join(f"{tag.term} {tag.postings} for {tag.share:.0%}" for tag in tags[:6]),
    )
    charts.table_twin(_price_table(tags, names), name="prices", key=f"price-{model}")
    places = [place for place, i in enumerate(query.terms) if vocabulary.terms[i] in names]
    hits = index.search(query.terms[places], query.matrix.data[places], _HITS)
    _show_hits(caches.collection(setting.collection), hits, key=f"price-{model}")


def _price_table(tags: list[PriceTag], kept: set[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "term": tag.term,
                "origin": tag.origin,
                "weight": tag.weight,
                "postings": tag.postings,
                "share of score": tag.share,
                "bought": tag.term in kept,
            }
            for tag in tags
        ]
    )


def _left(
    setting: Setting, turned: Turned, model: str, text: str, choice: Choice
) -> tuple[Laboratory, Side]:
    """The laboratory of a model, and what the knob leaves of the query for sure."""
    ready, query = _pinned(setting, model, text, choice)
    return ready, sure_part(ready.task, query, turned.knob, turned.value)


def _pinned(setting: Setting, model: str, text: str, choice: Choice) -> tuple[Laboratory, Side]:
    """The laboratory of a model, and the query in its terms."""
    ready = caches.laboratory(setting.collection, model, setting.split, "text-to-image", "")
    searcher = caches.searcher(Choice(setting.collection, model, choice.engine))
    return ready, _vector(searcher, text, *_marks(ready))


@st.cache_resource(max_entries=100, show_spinner=False)
def _vector(_searcher: object, text: str, *marks: str) -> Side:  # noqa: ARG001
    return _searcher.query_vector(text)  # type: ignore[attr-defined]


@st.cache_resource(max_entries=8, show_spinner=False)
def _index(_ready: Laboratory, knob: Knob, value: float, *marks: str) -> MemoryIndex:  # noqa: ARG001
    return image_index(_ready.task, knob, value, _ready.model.vocabulary.fingerprint)


def _marks(ready: Laboratory) -> tuple[str, str, str]:
    return ready.collection.fingerprint, ready.model.fingerprint, ready.split
