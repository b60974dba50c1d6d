"""One query looked at closely: what a knob leaves of it, where draws rank images, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.model.expansion import term_draw
from lsr.model.sparse import SparseVectors, strongest
from lsr.model.vocabulary import Vocabulary
from lsr.search.terms import Origin
from lsr.sweep.knobs import (
    PRUNINGS,
    TOKEN_PRUNINGS,
    Knob,
    pruning_stages,
    rounded,
    set_to,
    token_stages,
    word_draw,
    word_stages,
)

_HITS = 10


@dataclass(frozen=True)
class Outcome:
    """A query in one state of a knob.

    kind: literal or all (the two sides of the caption's coin), mean, draw (one draw of the words),
        or cut. chance: how likely the state is. terms, weights: what is left of the query.
    """

    kind: Literal["literal", "all", "mean", "draw", "cut"]
    chance: float
    terms: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class ImageRanks:
    """The rank of an image in every draw, (draws,) int64; an image that is no hit ranks last."""

    image_id: str
    ranks: np.ndarray


@dataclass(frozen=True)
class PriceTag:
    """What a query term costs and brings.

    postings: images that activate it. share: of the summed score of the ten best images.
    """

    term: str
    weight: float
    origin: Origin
    postings: int
    share: float


def outcomes(task: Task, query: Side, knob: Knob, value: float, seed: int = 0) -> list[Outcome]:
    """What a knob leaves of one query, in each of the states that it may be in.

    Args:
        query: a single vector, of a text that need not belong to the task.
    """
    if knob.control == "caption":
        low, high = query.keep(query.said), query
        return [_outcome("literal", 1 - value, low), _outcome("all", value, high)]
    if knob.random:
        uniform = word_draw(task, knob, 0, seed)
        stages = word_stages(query, np.array([value]), uniform)
        return [_outcome("draw", 1.0, query.keep(stages == 0))]
    kind = "mean" if knob.control == "mean" else "cut"
    return [_outcome(kind, 1.0, sure_part(task, query, knob, value))]


def sure_part(task: Task, query: Side, knob: Knob, value: float) -> Side:
    """What a knob leaves of one query where chance plays no part; all of it where it does."""
    weights = query.matrix.data
    if knob.control == "mean":
        weights = weights * np.where(query.said, 1.0, value).astype(np.float32)
        return query.keep(weights > 0, weights)
    if knob.control in TOKEN_PRUNINGS:
        images = task.images
        frequency = np.bincount(images.terms, minlength=images.matrix.shape[1])
        filled = int((np.diff(images.starts) > 0).sum())
        values = np.array([value])
        return query.keep(token_stages(query, knob, values, frequency, filled) == 0)
    if knob.control not in (*PRUNINGS, "bits") or "captions" not in knob.sides:
        return query
    if knob.control == "bits":
        weights = rounded(query, value, float(task.captions.matrix.data.max(initial=0.0)))
        return query.keep(weights > 0, weights)
    return query.keep(pruning_stages(query, knob, np.array([value])) == 0)


def _outcome(kind: Any, chance: float, query: Side) -> Outcome:
    return Outcome(kind, chance, query.terms, query.matrix.data)


def image_index(task: Task, knob: Knob, value: float, vocabulary: str) -> MemoryIndex:
    """The index of the task's images under a knob; the same one where it does not act on them.

    Args:
        vocabulary: fingerprint of the vocabulary.
    """
    images = task.images
    if "images" in knob.sides and knob.control in (*PRUNINGS, "bits"):
        images = set_to(task, replace(knob, side="images"), value).images
    return MemoryIndex(SparseVectors(images.matrix, images.ids, vocabulary))


def rank_clouds(
    index: MemoryIndex,
    terms: np.ndarray,
    weights: np.ndarray,
    said: np.ndarray,
    *,
    rate: float,
    draws: int = 200,
    seed: int = 0,
    most: int = 12,
) -> list[ImageRanks]:
    """Ranks of images over word-level draws, for those of the best median rank.

    Args:
        said: (t,) whether the query says each of its terms; those take part in every draw.
        rate: the chance that another term takes part.

    Raises:
        QueryError: a rate outside [0, 1], or no draw.
    """
    if not 0 <= rate <= 1 or not 1 <= draws <= 1000:
        raise QueryError(
            f"{draws} draws at rate {rate:g} are not possible. Use 1 to 1,000 draws at a rate "
            "from 0 to 1."
        )
    literal = index.score_all(terms[said], weights[said])
    free = np.flatnonzero(~said)
    parts = np.array([index.score_all(terms[[i]], weights[[i]]) for i in free], np.float32).reshape(
        len(free), len(index)
    )
    numbers = [term_draw(index.n_terms, draw, seed)[terms[free]] for draw in range(draws)]
    joins = (np.array(numbers).reshape(draws, len(free)) < rate).astype(np.float32)
    scores = literal[None, :] + joins @ parts
    # Score descending, ties by id: rows of the index ascend by id.
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty(order.shape, np.int64)
    np.put_along_axis(ranks, order, np.arange(1, len(index) + 1)[None, :], axis=1)
    ranks[scores <= 0] = len(index)
    best = np.lexsort((ranks.mean(axis=0), np.median(ranks, axis=0)))[:most]
    return [ImageRanks(index.images.ids[row], ranks[:, row]) for row in best]


def price_tags(
    index: MemoryIndex,
    terms: np.ndarray,
    weights: np.ndarray,
    said: np.ndarray,
    vocabulary: Vocabulary,
) -> list[PriceTag]:
    """Every term of a query with its price, the largest share first, ties by term number."""
    if not len(terms):
        return []
    best = index.search(terms, weights, _HITS)
    rows = [index.row_of(hit.image_id) for hit in best]
    found = index.matrix_of(np.array(rows, np.int64))[:, terms].toarray()
    brought = found.sum(axis=0) * weights
    total = float(brought.sum()) or 1.0
    other: Origin = "expansion" if vocabulary.says else "unknown"
    order = strongest(terms, brought, len(terms))
    return [
        PriceTag(
            vocabulary.terms[terms[i]],
            float(weights[i]),
            "literal" if said[i] else other,
            int(index.document_frequency[terms[i]]),
            float(brought[i] / total),
        )
        for i in order
    ]


def within_budget(tags: Sequence[PriceTag], budget: float) -> list[PriceTag]:
    """The terms that a budget of postings pays for, best share for a posting first.

    A term that does not fit is passed over, and cheaper ones behind it may still join.
    """
    kept: list[PriceTag] = []
    left = budget
    for tag in sorted(tags, key=lambda tag: (-tag.share / max(tag.postings, 1), tag.term)):
        if tag.postings <= left and tag.share > 0:
            kept.append(tag)
            left -= tag.postings
    return kept
