"""Terms as people read them: where a query term comes from, what a hit's score is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lsr.model.sparse import strongest
from lsr.model.vocabulary import Vocabulary

if TYPE_CHECKING:
    from lsr.index.memory.index import MemoryIndex

Origin = Literal["literal", "expansion", "unknown"]
Support = Literal["caption", "unsupported", "unknown"]


class QueryTerm(NamedTuple):
    """A term of a query: said by its text (literal) or added by the model (expansion).

    Unknown where the vocabulary's terms are no words.
    """

    term: str
    weight: float
    origin: Origin


class SupportedTerm(NamedTuple):
    """A term of an image: said by one of its captions, or by none, or nobody knows."""

    term: str
    weight: float
    support: Support


class Contribution(NamedTuple):
    """What one shared term adds to a score; the products of a hit add up to its score."""

    term: str
    query_weight: float
    image_weight: float
    product: float


class CoActivation(NamedTuple):
    """lift: how many times more often two terms share an image than if independent.

    images: how many they share.
    """

    term: str
    lift: float
    images: int


def query_terms(
    terms: np.ndarray, weights: np.ndarray, literal: np.ndarray, vocabulary: Vocabulary
) -> list[QueryTerm]:
    """Terms of a query with their origin, weight descending, ties by term number."""
    said = set(literal.tolist())
    other: Origin = "expansion" if vocabulary.says else "unknown"
    order = strongest(terms, weights, len(terms))
    return [
        QueryTerm(
            vocabulary.terms[terms[i]],
            float(weights[i]),
            "literal" if int(terms[i]) in said else other,
        )
        for i in order
    ]


def supported_terms(
    terms: np.ndarray, weights: np.ndarray, captions: list[str], vocabulary: Vocabulary, k: int
) -> list[SupportedTerm]:
    """The k strongest terms of an image, each with whether one of its captions says it."""
    said = {int(i) for caption in captions for i in vocabulary.literal_ids(caption)}
    other: Support = "unsupported" if vocabulary.says else "unknown"
    return [
        SupportedTerm(
            vocabulary.terms[terms[i]],
            float(weights[i]),
            "caption" if int(terms[i]) in said else other,
        )
        for i in strongest(terms, weights, k)
    ]


def contributions(
    terms: np.ndarray,
    query_weights: np.ndarray,
    image_weights: np.ndarray,
    vocabulary: Vocabulary,
) -> list[Contribution]:
    """Shared terms of a query and an image, product descending, ties by term number.

    Args:
        terms: (t,) of the query, unique. query_weights, image_weights: (t,) what they weigh, 0 in
            an image that does not activate a term.
    """
    active = image_weights > 0
    shared, query_weights = terms[active], query_weights[active]
    image_weights = image_weights[active]
    products = query_weights * image_weights
    return [
        Contribution(
            vocabulary.terms[shared[i]],
            float(query_weights[i]),
            float(image_weights[i]),
            float(products[i]),
        )
        for i in strongest(shared, products, len(shared))
    ]


def co_activated(
    index: MemoryIndex, term: int, vocabulary: Vocabulary, k: int
) -> list[CoActivation]:
    """Terms that fire together with a term, lift descending, ties by term number.

    lift(a, b) = n · df(a, b) / (df(a) · df(b)). A term that shares fewer than 3 images, or fewer
    than a tenth of the term's images, is left out: its lift is chance.
    """
    rows, _ = index.postings(term)
    active = np.zeros(len(index), bool)
    active[rows] = True
    together = index.frequency_among(active)
    together[term] = 0
    others = np.flatnonzero(together >= max(3, 0.1 * len(rows)))
    lift = len(index) * together[others] / (len(rows) * index.document_frequency[others])
    return [
        CoActivation(vocabulary.terms[others[i]], float(lift[i]), int(together[others[i]]))
        for i in strongest(others, lift, k)
    ]
