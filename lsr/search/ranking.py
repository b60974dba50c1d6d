"""Where every image stands for one query, and not only the best of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lsr.exceptions import QueryError, shorten
from lsr.index.memory.index import MemoryIndex
from lsr.model.vocabulary import Vocabulary
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.terms import QueryTerm


@dataclass(frozen=True, eq=False)
class Ranking:
    """A query against all images: ids ascending, float64 scores (n,), and which may be hits.

    Scores are added up in the order of the terms, as the engine does, so that both agree to the
    last digit. An image whose score is not above `least` is no hit.
    """

    ids: Sequence[str]
    row_of: Mapping[str, int]
    scores: np.ndarray
    allowed: np.ndarray
    least: float = 0.0

    @cached_property
    def hits(self) -> np.ndarray:
        """(n,) bool: the images that are hits."""
        return (self.scores > self.least) & self.allowed

    @cached_property
    def order(self) -> np.ndarray:
        """Rows of all hits, score descending, ties by image id."""
        order = np.argsort(-self.scores, kind="stable")
        return order[self.hits[order]]

    def __len__(self) -> int:
        return int(np.count_nonzero(self.hits))

    def score(self, image_id: str) -> float:
        """The score of an image, whether a filter lets it through or not."""
        return float(self.scores[self.row_of[image_id]])

    def rank(self, image_id: str) -> int | None:
        """The rank of an image from 1; None where it shares no term or a filter keeps it out."""
        row = self.row_of.get(image_id)
        if row is None or not self.hits[row]:
            return None
        better = (self.scores > self.scores[row]) & self.allowed
        equal = (self.scores[:row] == self.scores[row]) & self.allowed[:row]
        return int(np.count_nonzero(better) + np.count_nonzero(equal)) + 1

    def at(self, rank: int) -> str:
        """The image of a rank from 1 to the number of hits."""
        return str(self.ids[self.order[rank - 1]])


def ranking(
    searcher: Searcher, terms: Sequence[QueryTerm], settings: SearchSettings | None = None
) -> Ranking:
    """Where every image stands for a query of some terms, under the filters of the settings.

    Raises:
        QueryError: a filter cannot be used.
    """
    memory = searcher.memory
    scores = exact_scores(memory, *as_arrays(terms, searcher.model.vocabulary))
    return Ranking(memory.ids, searcher.row_of, scores, _allowed(searcher, settings))


def dense_ranking(
    searcher: Searcher, vector: np.ndarray, settings: SearchSettings | None = None
) -> Ranking:
    """Where the dense teacher sets every image, by cosine, under the filters of the settings.

    Args:
        vector: (d,) of the query, of length 1.

    Raises:
        QueryError: a filter cannot be used.
    """
    scores = searcher.dense_scores(vector).astype(float)
    allowed = _allowed(searcher, settings)
    return Ranking(searcher.memory.ids, searcher.row_of, scores, allowed, -np.inf)


def _allowed(searcher: Searcher, settings: SearchSettings | None) -> np.ndarray:
    """(n,) bool: the images that the filters let through."""
    settings = settings or SearchSettings()
    memory, vocabulary = searcher.memory, searcher.model.vocabulary
    required, excluded = (
        [vocabulary.id_of(word) for word in words] for words in (settings.include, settings.exclude)
    )
    allowed = memory.allowed(searcher.allowed(settings), required, excluded)
    return np.ones(len(memory), bool) if allowed is None else allowed


def exact_scores(memory: MemoryIndex, terms: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) float64: the inner product with every image, added up in the order of the terms."""
    scores = np.zeros(len(memory))
    for term, weight in zip(terms.tolist(), weights.astype(float).tolist(), strict=True):
        rows, there = memory.postings(term)
        scores[rows] += weight * there.astype(float)
    return scores


def as_arrays(terms: Sequence[QueryTerm], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """(numbers int32 ascending, weights float32) of a query's terms."""
    numbers = np.array([vocabulary.id_of(one.term) for one in terms], np.int32)
    weights = np.array([one.weight for one in terms], np.float32)
    order = np.argsort(numbers)
    return numbers[order], weights[order]


def image_terms(searcher: Searcher, image_id: str) -> dict[str, float]:
    """The terms of an image that is searched, with their weights as the index keeps them.

    Raises:
        UnknownNameError: there is no such image. QueryError: it is not searched.
    """
    searcher.collection.image_row(image_id)
    if (row := searcher.row_of.get(image_id)) is None:
        raise QueryError(
            f"Image `{shorten(image_id)}` is not searched: where some images have a picture, only "
            "those are. Choose another image."
        )
    terms, weights = searcher.memory.vector(row)
    names = searcher.model.vocabulary.terms
    return {names[term]: float(weight) for term, weight in zip(terms, weights, strict=True)}
