"""What a search is asked and what it answers; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lsr.search.terms import CoActivation, Contribution, QueryTerm, SupportedTerm


@dataclass(frozen=True)
class SearchSettings:
    """How a query is searched.

    k: most results. expansion: whether terms that the text does not say take part.
    max_query_terms: keep only the strongest. boost: factors by term. mute: terms left out.
    split: only images of it. include: terms that every result activates. exclude: terms that no
    result activates, such as grass for a dog without grass.
    rate: factor p of the weights of expansion terms, so that a score is its literal part plus p
    times its expansion part (mean score). add: weights of terms that the query shall have, whether
    it had them or not; they count as said. skip: results left out before the first.
    caption: only images of which a caption contains this, in capitals or not. active_terms: only
    images with at least and at most so many, None for no limit.
    """

    k: int = 10
    expansion: bool = True
    max_query_terms: int | None = None
    boost: Mapping[str, float] = field(default_factory=dict)
    mute: tuple[str, ...] = ()
    split: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rate: float = 1.0
    add: Mapping[str, float] = field(default_factory=dict)
    skip: int = 0
    caption: str = ""
    active_terms: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class ExplainedHit:
    """A result with what its score is made of; the products add up to the score."""

    rank: int
    image_id: str
    score: float
    contributions: list[Contribution]


@dataclass(frozen=True)
class SearchResult:
    """Hits of a query, score descending, ties by image id; seconds by stage.

    query_terms: what was searched with. plain_terms: the same before the settings shaped them.
    """

    query: str
    query_terms: list[QueryTerm]
    hits: list[ExplainedHit]
    seconds: dict[str, float]
    plain_terms: list[QueryTerm] = field(default_factory=list)


@dataclass(frozen=True)
class Inspection:
    """What an image activates: its strongest terms, and how many there are in all."""

    image_id: str
    terms: list[SupportedTerm]
    active_terms: int
    captions: list[str]


@dataclass(frozen=True)
class TermCard:
    """A term seen from the images that activate it."""

    term: str
    document_frequency: int
    images: list[tuple[str, float]]
    co_activated: list[CoActivation]


def hits_as_json(hits: list[ExplainedHit]) -> list[dict[str, Any]]:
    """Hits with the keys of the command line."""
    return [
        {
            "rank": hit.rank,
            "image_id": hit.image_id,
            "score": hit.score,
            "contributions": [c._asdict() for c in hit.contributions],
        }
        for hit in hits
    ]


def hits_as_rows(hits: list[ExplainedHit]) -> list[dict[str, Any]]:
    """Hits as a flat table: a row for each term that adds to a score."""
    return [
        {"rank": hit.rank, "image_id": hit.image_id, "score": hit.score, **c._asdict()}
        for hit in hits
        for c in hit.contributions
    ]
