"""One query under the knob: which of its terms take part, and what is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lsr.answers import ExplainedHit, SearchSettings
from lsr.expansion import term_draws
from lsr.search import Searcher
from lsr.terms import QueryTerm
from pages.parts.caches import SEED, search
from pages.parts.charts import Bar
from pages.parts.knobs import Knob

BARS = 14
HITS = 4


@dataclass(frozen=True)
class Outcome:
    """Results of the query in one state of the draw; `title` says which, as plain text."""

    title: str
    hits: list[ExplainedHit]


@dataclass(frozen=True)
class Pinned:
    """Bars of the query's strongest terms, in an order that no knob changes, and its outcomes.

    A bar's weight is what the knob leaves of it; at caption level its mean over the coin.
    limit: the weight of the strongest term, so that axes stay put.
    """

    bars: list[Bar]
    limit: float
    outcomes: list[Outcome]


def pin(ready: Searcher, text: str, knob: Knob) -> Pinned:
    """The query under the knob.

    Raises:
        QueryError: the text cannot be searched.
    """
    full = search(ready, text, SearchSettings(k=HITS))
    limit = max((term.weight for term in full.query_terms), default=1.0)
    if knob.control == "caption":
        literal = search(ready, text, SearchSettings(k=HITS, expansion=False))
        kept = {t.term: 1.0 if t.origin == "literal" else knob.value for t in full.query_terms}
        outcomes = [
            Outcome(f"Literal terms only: {1 - knob.value:.0%} of draws", literal.hits),
            Outcome(f"All terms: {knob.value:.0%} of draws", full.hits),
        ]
        return Pinned(_bars(full.query_terms, kept), limit, outcomes)
    if knob.control == "word":
        muted = muted_terms(ready, full.query_terms, knob.value)
        result = search(ready, text, SearchSettings(k=HITS, mute=muted))
        title = "In one draw of the words"
    else:
        k = int(knob.value)
        result = search(ready, text, SearchSettings(k=HITS, max_query_terms=k))
        title = f"With the {k} strongest terms" if k > 1 else "With the strongest term"
    kept = {term.term: 1.0 for term in result.query_terms}
    return Pinned(_bars(full.query_terms, kept), limit, [Outcome(title, result.hits)])


def muted_terms(ready: Searcher, terms: Sequence[QueryTerm], rate: float) -> tuple[str, ...]:
    """Expansion terms that the first draw of the sweep keeps out at a word-level rate."""
    vocabulary = ready.model.vocabulary
    draw = _first_draw(len(vocabulary))
    return tuple(
        term.term
        for term in terms
        if term.origin == "expansion" and draw[vocabulary.id_of(term.term)] >= rate
    )


@lru_cache(maxsize=4)
def _first_draw(n_terms: int) -> np.ndarray:
    return term_draws(n_terms, 1, SEED)[0]


def _bars(terms: Sequence[QueryTerm], kept: dict[str, float]) -> list[Bar]:
    return [
        Bar(term.term, term.weight * kept.get(term.term, 0.0), term.origin == "literal")
        for term in terms[:BARS]
    ]
