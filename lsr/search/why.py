"""Why an image stands where it stands: what its score is made of, what it lacks, who is above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lsr.collection.items import new_texts
from lsr.model.function_words import FUNCTION_WORDS
from lsr.search.query import check_text
from lsr.search.ranking import Ranking, dense_ranking, image_terms, ranking
from lsr.search.results import SearchResult, SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.terms import Origin, QueryTerm, query_terms

# Of scores in float32: a lead below it is none.
_ROUNDING = 1e-6


class Reason(NamedTuple):
    """A term that query and image share: its product is its part of the score.

    said: whether a caption of the image says it.
    """

    term: str
    query_weight: float
    image_weight: float
    product: float
    origin: Origin
    said: bool


class Difference(NamedTuple):
    """What a term adds to the score of an image and to that of a rival."""

    term: str
    here: float
    there: float


@dataclass(frozen=True)
class Rival:
    """An image with a better rank, and the terms that set it apart, the largest gap first.

    The gaps of all terms add up to the gap of the scores.
    """

    image_id: str
    rank: int
    score: float
    differences: list[Difference]

    def decisive(self) -> list[str]:
        """The fewest terms of the query without which the rival would not be ahead.

        What terms give the two images adds up, so the largest gaps are the ones to take, and no
        smaller set does. Without the terms the scores are equal at least.
        """
        gaps = sorted(((one.there - one.here, one.term) for one in self.differences), reverse=True)
        lead, taken = sum(gap for gap, _ in gaps), []
        for gap, term in gaps:
            if lead <= _ROUNDING:
                break
            taken.append(term)
            lead -= gap
        return taken


@dataclass(frozen=True)
class Why:
    """What is to say about a query and an image.

    rank: None where they share no term, or a filter keeps the image out. score: the products of
    the reasons add up to it. lacking: terms of the query that the image does not activate, weight
    descending. above: the image just before it, where there is one.
    """

    image_id: str
    rank: int | None
    n_hits: int
    score: float
    reasons: list[Reason]
    lacking: list[QueryTerm]
    captions: list[str]
    above: Rival | None

    @property
    def expanded(self) -> float:
        """The part of the score that terms add which the query does not say."""
        return sum(one.product for one in self.reasons if one.origin == "expansion")

    @property
    def supported(self) -> float:
        """The part of the score on terms that a caption of the image says."""
        return sum(one.product for one in self.reasons if one.said)


def why(
    searcher: Searcher,
    result: SearchResult,
    image_id: str,
    settings: SearchSettings | None = None,
    ranked: Ranking | None = None,
) -> Why:
    """Explain an image of the collection for a query that was searched with.

    Args:
        settings: those of the search, for its filters.
        ranked: the ranking of the query, where it is known already.

    Raises:
        UnknownNameError: there is no such image. QueryError: it is not searched.
    """
    weights = image_terms(searcher, image_id)
    if ranked is None:
        ranked = ranking(searcher, result.query_terms, settings)
    collection, vocabulary = searcher.collection, searcher.model.vocabulary
    captions = collection.captions_of(collection.image_row(image_id))
    said = {vocabulary.terms[i] for text in captions for i in vocabulary.literal_ids(text)}
    reasons = [
        Reason(
            one.term,
            one.weight,
            weights[one.term],
            one.weight * weights[one.term],
            one.origin,
            one.term in said,
        )
        for one in result.query_terms
        if one.term in weights
    ]
    reasons.sort(key=lambda one: -one.product)
    lacking = [one for one in result.query_terms if one.term not in weights]
    rank = ranked.rank(image_id)
    above = None
    if rank is not None and rank > 1:
        above = rival(searcher, result, image_id, ranked.at(rank - 1), ranked)
    score = ranked.score(image_id)
    return Why(image_id, rank, len(ranked), score, reasons, lacking, captions, above)


def rival(
    searcher: Searcher, result: SearchResult, image_id: str, other_id: str, ranked: Ranking
) -> Rival:
    """Another image beside an image, term by term."""
    here, there = image_terms(searcher, image_id), image_terms(searcher, other_id)
    differences = [
        Difference(
            one.term, one.weight * here.get(one.term, 0), one.weight * there.get(one.term, 0)
        )
        for one in result.query_terms
        if here.get(one.term, 0) != there.get(one.term, 0)
    ]
    differences.sort(key=lambda one: -abs(one.there - one.here))
    return Rival(other_id, ranked.rank(other_id) or 0, ranked.score(other_id), differences)


@dataclass(frozen=True)
class Deviation:
    """Where an image's terms and its captions part.

    silent: terms that its captions say and it does not activate, in the order of the captions.
    stray: terms that it activates and no caption of it says, weight descending.
    """

    silent: list[str]
    stray: list[tuple[str, float]]


def deviation(searcher: Searcher, image_id: str) -> Deviation:
    """The terms that an image lacks by its captions, and those that only it has.

    Raises:
        UnknownNameError: there is no such image. QueryError: it is not searched.
    """
    weights = image_terms(searcher, image_id)
    collection, vocabulary = searcher.collection, searcher.model.vocabulary
    texts = collection.captions_of(collection.image_row(image_id))
    said = list(
        dict.fromkeys(
            vocabulary.terms[number]
            for numbers in vocabulary.token_ids(texts)
            for number in numbers.tolist()
        )
    )
    spoken = set(said)
    silent = [
        term
        for term in said
        if term not in weights and term.isalpha() and term not in FUNCTION_WORDS
    ]
    stray = [(term, weight) for term, weight in weights.items() if term not in spoken]
    return Deviation(silent, sorted(stray, key=lambda one: (-one[1], one[0])))


class OwnRank(NamedTuple):
    """The rank of an image for one of its captions; None where it is not found.

    sparse: all terms. literal: the caption's own words alone. dense: the teacher.
    """

    caption: str
    sparse: int | None
    literal: int | None
    dense: int


def own_ranks(searcher: Searcher, image_id: str) -> list[OwnRank]:
    """Where an image stands for each of its own captions.

    Raises:
        UnknownNameError: there is no such image. QueryError: it is not searched.
    """
    image_terms(searcher, image_id)
    collection, model = searcher.collection, searcher.model
    captions = collection.captions_of(collection.image_row(image_id))
    for caption in captions:
        check_text(caption)
    if not captions:
        return []
    items = new_texts(captions, lambda: searcher.encoder)
    matrix, found = model.sparse(items), []
    for row, (caption, vector) in enumerate(zip(captions, items.dense, strict=True)):
        said = model.vocabulary.literal_ids(caption)
        terms = query_terms(matrix[row].indices, matrix[row].data, said, model.vocabulary)
        own = [one for one in terms if one.origin == "literal"]
        sparse, literal = (ranking(searcher, some).rank(image_id) for some in (terms, own))
        dense = dense_ranking(searcher, vector).rank(image_id) or 0
        found.append(OwnRank(caption, sparse, literal, dense))
    return found
