"""One query under the knob: its terms and its results, in every model side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lsr.evaluation.task import Side
from lsr.index.memory.index import MemoryIndex
from lsr.index.protocol import Hit
from lsr.search.query import check_text
from lsr.sweep.engine_rules import engine_hits
from lsr.sweep.knobs import RANKINGS, Knob
from lsr.sweep.laboratory import Laboratory
from lsr.sweep.one_query import Outcome, image_index, outcomes, sure_part
from pages.parts import address, caches, cards, charts
from pages.parts.expansion.bars import show_bars
from pages.parts.expansion.curve import DRAWS
from pages.parts.expansion.knobs import Turned
from pages.parts.expansion.setting import Setting
from pages.parts.glossary import glossed
from pages.parts.markup import escape
from pages.parts.messages import mistakes_shown

_BARS, HITS = 14, 4


def read_query(setting: Setting) -> str:
    """Draw the box of the pinned query and return its text.

    Raises:
        QueryError: there is no text.
    """
    default = usual_query(setting)
    text = address.read_text("q")
    text = default if text is None else text
    st.text_input(
        "Pinned query",
        help=glossed(
            "It is searched among the images of the split, text to image, under the knob above."
        ),
        **address.bound("q", text, default),
    )
    if setting.direction != "text-to-image":
        st.caption("A pinned query is a text, so it is searched text → image here as well.")
    check_text(text)
    return text


def usual_query(setting: Setting) -> str:
    """The text that is pinned where the address names none."""
    images = caches.collection(setting.collection)
    # A word that no training caption says shows best what expansion is for.
    return [*images.probes, *cards.example_queries(images, 1), "dog"][0]


def show_query(setting: Setting, turned: Turned, text: str) -> None:
    """Terms and results of the query in every model, as the knob leaves them."""
    side_by_side(setting, text, lambda pinned: _show_terms(setting, turned, pinned))


@dataclass(frozen=True)
class Pinned:
    """The pinned query in one column: its name, the laboratory, and the query in its terms."""

    name: str
    ready: Laboratory
    query: Side

    def left(self, turned: Turned) -> Side:
        """What the knob leaves of the query for sure."""
        return sure_part(self.ready.plain, self.query, turned.knob, turned.value)

    def index(self, turned: Turned) -> MemoryIndex:
        """The images of the split under the knob."""
        ready = self.ready
        return _index(ready, turned.knob, turned.value, *marks_of(ready))


def side_by_side(setting: Setting, text: str, show: Callable[[Pinned], None]) -> None:
    """Show the query in a column for every model, and for the null; mistakes are said in theirs."""
    columns = st.columns(len(setting.searched), gap="medium")
    for column, (model, null, name) in zip(columns, setting.searched, strict=True):
        with column, mistakes_shown():
            ready = setting.of_one_query(model, null)
            show(Pinned(name, ready, _vector(ready, text, *marks_of(ready))))


def _show_terms(setting: Setting, turned: Turned, pinned: Pinned) -> None:
    ready, query, name = pinned.ready, pinned.query, pinned.name
    states = outcomes(ready.plain, query, turned.knob, turned.value, DRAWS.seed)
    bars = term_bars_of(query, states, ready.model.vocabulary.terms)
    shown = "" if len(bars) == len(query.terms) else f", the strongest {len(bars)} shown"
    mean = "; a bar is the mean over the coin" if 0 < states[0].chance < 1 else ""
    st.caption(f"In {escape(name)}: {len(query.terms)} terms{shown}{mean}")
    show_bars(
        bars,
        charts.ORIGINS,
        limit=float(query.matrix.data.max(initial=0.0)),
        alt=f"Weights that the knob leaves to the terms of the pinned query in {name}",
    )
    index = pinned.index(turned)
    images = caches.collection(setting.collection)
    for place, state in enumerate(states):
        if not state.chance:
            continue
        st.caption(title_of(state, turned))
        if turned.knob.control in RANKINGS:
            hits = engine_hits(ready.plain, query, turned.knob, turned.value, HITS)
        else:
            hits = index.search(state.terms, state.weights, HITS)
        show_hits(images, hits, key=f"pinned-{name}-{place}")


def show_hits(images: object, hits: list[Hit], *, key: str) -> None:
    """Small tiles of hits, best first."""
    if not hits:
        st.caption("No image shares an active term.")
        return
    tiles = [
        cards.Tile(hit.image_id, f"{hit.score:.2f}", f"{rank}") for rank, hit in enumerate(hits, 1)
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


@st.cache_resource(max_entries=100, show_spinner=False)
def _vector(_ready: Laboratory, text: str, *marks: str) -> Side:  # noqa: ARG001
    return _ready.query(text)


@st.cache_resource(max_entries=8, show_spinner=False)
def _index(_ready: Laboratory, knob: Knob, value: float, *marks: str) -> MemoryIndex:  # noqa: ARG001
    return image_index(_ready.plain, knob, value, _ready.model.vocabulary.fingerprint)


def marks_of(ready: Laboratory) -> tuple[str, ...]:
    """What one query finds in a laboratory depends on, but for the query itself."""
    return ready.collection.fingerprint, ready.model.fingerprint, ready.split, ready.null
