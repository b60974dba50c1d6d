# ruff: noqa: ARG001  (arguments that are only part of a cache key)
"""Word-level coins of the pinned query and of the split, counted exactly where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from lsr.evaluation.task import Side
from lsr.figures.coins import chances_figure, expected_figure
from lsr.index.memory.index import MemoryIndex
from lsr.sweep.exact_coins import (
    DEPTH,
    MOST_BRANCHES,
    ExactSweep,
    WordChances,
    drawn_chances,
    exact_sweep,
    word_chances,
)
from lsr.sweep.knobs import RANKINGS
from lsr.sweep.sweep import RATE_STOPS
from pages.parts import background, caches, cards, charts
from pages.parts.expansion.curve import DRAWS
from pages.parts.expansion.knobs import Turned
from pages.parts.expansion.moving import show_chances_at_any_rate
from pages.parts.expansion.query import Pinned, marks_of, side_by_side
from pages.parts.expansion.setting import Setting
from pages.parts.expansion.studies import choose_rate
from pages.parts.markup import escape

Asked = tuple[MemoryIndex, np.ndarray, np.ndarray, np.ndarray, list[int]]
"""Index, terms, weights and flags of a query, and its answers, as chances are asked for."""

_PATIENCE = 0.5  # seconds
_WHOLE = ("caption", *RANKINGS)
_DRAWN_AT = RATE_STOPS[::2]
_FIRST, _TOP, _MEAN = "first", f"among the first {DEPTH}", "expected 1 / rank"


def show_coins(setting: Setting, turned: Turned, text: str) -> bool:
    """The pinned query's chances in every model, then those of the split; whether it is counted."""
    st.caption(
        "At the word level every term that the query does not say has a coin of its own. All "
        "outcomes of the coins together give the exact chance of every rank, for every rate p at "
        "once, without a draw."
    )
    rate = turned.value if turned.knob.control == "word" else choose_rate()
    side_by_side(setting, text, lambda pinned: _show_chances(setting, turned, pinned, text, rate))
    return _show_split(setting)


def _show_chances(setting: Setting, turned: Turned, pinned: Pinned, text: str, rate: float) -> None:
    query, index, name = pinned.left(turned), pinned.index(turned), pinned.name
    answer, why = _answer(setting, query, index, text)
    if answer is None:
        st.caption(f"In {escape(name)} no image shares an active term with the query.")
        return
    asked = (index, query.terms, query.matrix.data, query.said, [answer])
    knob = turned.knob
    # Coins and rankings leave the query whole, so all their values ask for the same.
    cut = () if knob.random or knob.control in _WHOLE else (str(knob), turned.value)
    key = (text, answer, *cut, *marks_of(pinned.ready))
    found = _counted(asked, *key)
    if found is None:
        free = int((~query.said).sum())
        st.caption(
            f"In {escape(name)}: {free} coins have more outcomes than can be counted in "
            f"{MOST_BRANCHES:,} branches. The chances are drawn, at the marks."
        )
        rates: Sequence[float] = _DRAWN_AT
        table = np.array([_drawn(asked, one, *key) for one in rates])
        now = _drawn(asked, rate, *key)
    else:
        st.caption(f"In {escape(name)}: {_in_words(found)}")
        rates = np.linspace(0, 1, 101).round(2).tolist()
        table = np.array([found.at(one) for one in rates])
        now = found.at(rate)
    cards.show_tiles(
        caches.collection(setting.collection),
        [cards.Tile(index.ids[answer], f"{why} · first with {now[0]:.1%}")],
        key=f"coins-{name}",
        width=120,
    )
    ranks = np.arange(1, DEPTH + 1)
    told = {
        _FIRST: table[:, 0].tolist(),
        _TOP: table[:, :-1].sum(axis=1).tolist(),
        _MEAN: (table[:, :-1] / ranks).sum(axis=1).tolist(),
    }
    st.plotly_chart(
        chances_figure(rates, told, charts.colours(), rate, drawn=found is None),
        key=f"coins-{name}-chart",
        config=charts.CONFIG,
        alt=f"Chances of image {index.ids[answer]} in {name}; at rate {rate:.2f}: first "
        f"{now[0]:.3f}, among the first {DEPTH} {now[:-1].sum():.3f}, expected 1 / rank "
        f"{(now[:-1] / ranks).sum():.3f}",
    )
    rows = [*map(str, ranks), f"below {DEPTH}, or no hit"]
    if found is not None:
        show_chances_at_any_rate(found, rate, key=f"coins-{name}-moved")
    charts.table_twin(
        pd.DataFrame({"rank": rows, f"chance at p = {rate:.2f}": now}),
        name="coins",
        key=f"coins-{name}",
    )


@st.cache_data(max_entries=100, show_spinner="Counting the outcomes…")
def _counted(_asked: Asked, *key: object) -> WordChances | None:
    return word_chances(*_asked)


@st.cache_data(max_entries=1000, show_spinner="Drawing coins…")
def _drawn(_asked: Asked, rate: float, *key: object) -> np.ndarray:
    return drawn_chances(*_asked, rate=rate, seed=DRAWS.seed)


def _in_words(found: WordChances) -> str:
    """What was counted, and what it took."""
    outcomes = f"2^{found.coins} outcomes" if found.coins > 20 else f"{2**found.coins:,} outcomes"
    took = "one branch" if found.branches == 1 else f"{found.branches:,} branches"
    return f"{found.coins} coins, {outcomes}, counted in {took}"


def _answer(setting: Setting, query: Side, index: MemoryIndex, text: str) -> tuple[int | None, str]:
    """The image that the query is known to ask for, or else the best one with all terms."""
    here = {image_id: row for row, image_id in enumerate(index.ids)}
    for one in caches.known_answers(caches.collection(setting.collection), text):
        if one.image_id in here:
            return here[one.image_id], "The known answer"
    hits = index.search(query.terms, query.matrix.data, 1)
    return (here[hits[0].image_id] if hits else None), "The best with all terms"


def _show_split(setting: Setting) -> bool:
    """The exact expectation over the split, on request; whether it is being worked out."""
    model = setting.models[0]
    ready = setting.laboratory(model)
    if not ready.knows_words:
        return False
    key = (
        "exact-coins",
        ready.collection.fingerprint,
        ready.model.fingerprint,
        *(setting.split, setting.queries, setting.direction, setting.y),
    )
    measure = setting.y if setting.y in ("R@1", "R@5", "R@10", "MRR@10") else "R@1"
    work = background.known(key)
    if work is None:
        if not st.button(f"Count the whole split in {model}", key="count-split"):
            return False
        start = partial(exact_sweep, ready.task, RATE_STOPS, measure, DRAWS.seed)
        work = background.follow(key, start, _PATIENCE)
    if work.problem is not None:
        background.forget(key)
        raise work.problem
    running = work.running  # asked first: what ends in between is shown by the next run
    found: ExactSweep | None = work.latest
    if running:
        done, n = (found.chances.done, len(found.chances.coins)) if found else (0, 1)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.progress(done / max(n, 1), f"Outcomes of {done:,} queries are counted")
            if st.button("Stop", key="stop-split"):
                background.forget(key)
                st.rerun(scope="fragment")
    elif found is not None and found.rows:
        _show_expected(found, measure, model, setting)
    return running


def _show_expected(found: ExactSweep, measure: str, model: str, setting: Setting) -> None:
    n, fit = len(found.chances.fit), int(found.chances.fit.sum())
    rest = (
        ""
        if fit == n
        else (f" The other {n - fit:,} are drawn; the band is what their draws leave open.")
    )
    st.caption(
        f"Expected {measure} of {escape(model)} on split {escape(setting.split)}: the outcomes of "
        f"{fit:,} of {n:,} queries ({fit / max(n, 1):.0%}) are counted; a query has "
        f"{found.chances.coins.mean():.0f} coins on average.{rest}"
    )
    st.plotly_chart(
        expected_figure(found.rows, measure, charts.colours()),
        key="coins-split-chart",
        config=charts.CONFIG,
        alt=f"Expected {measure} over the rate: "
        + ", ".join(f"{row.mean:.3f} at {row.value:g}" for row in found.rows[::5]),
    )
    table = pd.DataFrame(
        [
            {
                "rate": row.value,
                measure: row.mean,
                "half of the interval": row.half_width,
                "fitting queries, exact": row.exact,
                "the same, drawn": row.drawn,
                "half of its interval": row.band,
            }
            for row in found.rows
        ]
    )
    charts.table_twin(table, name="exact-coins", key="coins-split")
