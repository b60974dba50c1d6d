"""What the terms of one model are called in another: matched by the images that activate them.

A model that was trained without control agrees with itself on terms that mean nothing to a reader.
Over the same images its terms still follow patterns, and so do the words of a controlled model:
terms with like patterns are matched one to one, on images that are not measured afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment

from lsr.collection.collection import Collection
from lsr.evaluation.measures import summarize
from lsr.evaluation.passes import run_stages
from lsr.evaluation.projected import ProjectedSplit, project_split
from lsr.evaluation.task import make_task
from lsr.exceptions import ModelError, QueryError
from lsr.model.protocol import Model
from lsr.model.sparse import SparseVectors
from lsr.sweep.cheapest import choosing_split

MOST_TERMS = 3000
"""Terms of a model that are matched at most: those with the largest sums of squared weights."""


@dataclass(frozen=True)
class TermPair:
    """A term of one model with the term of the other that stands for it.

    term, other: their numbers. cosine: of their weights over the images that they were matched on.
    sureness: the same over images that had no say, 0 to 1. runner_up: the number of the term with
    the next best cosine to `term`, −1 where there is none; it may stand for another term.
    factor: weights of `term` times this are weights of `other`.
    """

    term: int
    other: int
    cosine: float
    sureness: float
    runner_up: int
    factor: float


@dataclass(frozen=True)
class Translated:
    """R@1 of queries among the images of the other model.

    own: the other model's own queries. reader: the queries of the model that reads, among its own
    images. plain, translated: its queries as they are, and in terms of the other model.
    plain_words, translated_words: likewise, with nothing but the words that the queries say; None
    where terms are no words. `plain` is None where the vocabularies differ.
    """

    own: float
    reader: float
    plain: float | None
    translated: float
    plain_words: float | None
    translated_words: float | None

    @property
    def share(self) -> float:
        """What of the other model's own R@1 comes back by translation."""
        return self.translated / self.own if self.own else 0.0


@dataclass(frozen=True)
class Matching:
    """A dictionary from one model to another, and what it is worth.

    pairs: the surest first. learned_on, measured_on: splits.
    """

    pairs: tuple[TermPair, ...]
    learned_on: str
    measured_on: str
    found: Translated


def learning_split(collection: Collection, split: str) -> str:
    """The split to match terms on: training images, where their vectors are stored.

    Raises:
        QueryError: the collection holds vectors of no other split.
    """
    held = [one for one in collection.vector_splits if one != split]
    if not held:
        raise QueryError(
            f"Collection `{collection.name}` holds vectors of split `{split}` alone. Matched terms "
            "are measured on other images than they are learned on, so encode another split."
        )
    return "train" if "train" in held else choosing_split(collection, split)


def match_terms(
    collection: Collection, reader: Model, other: Model, split: str = "test", queries: str = ""
) -> Matching:
    """The dictionary from `reader` to `other`, learned on one split and measured on another.

    Args:
        reader: the model whose terms are understood. queries: a query set, or the captions.

    Raises:
        QueryError: as `learning_split`.
        ModelError, CollectionError, UnknownNameError: as `project_split`; ModelError also where the
            models are the same.
    """
    if reader.fingerprint == other.fingerprint:
        raise ModelError(f"`{reader.name}` and `{other.name}` are one model. Choose another one.")
    learned_on = learning_split(collection, split)
    ours, theirs = (project_split(collection, one, learned_on).images for one in (reader, other))
    here = [project_split(collection, one, split, queries=queries) for one in (reader, other)]
    pairs = matched(ours.matrix, theirs.matrix, here[0].images.matrix, here[1].images.matrix)
    return Matching(pairs, learned_on, split, _translated(pairs, *here))


def matched(
    ours: sp.csr_matrix,
    theirs: sp.csr_matrix,
    held_ours: sp.csr_matrix,
    held_theirs: sp.csr_matrix,
) -> tuple[TermPair, ...]:
    """Terms paired one to one so that the sum of their cosines is largest; the surest first.

    Args:
        ours (n, V), theirs (n, W): images under either model, in the same order.
        held_ours (m, V), held_theirs (m, W): other images, to measure how sure a pair is.
    """
    rows, columns = _largest(ours), _largest(theirs)
    left, right = _unit(ours[:, rows]), _unit(theirs[:, columns])
    cosines = np.asarray((left.T @ right).toarray(), np.float64)
    picked, chosen = linear_sum_assignment(cosines, maximize=True)
    held = _unit(held_ours[:, rows[picked]]), _unit(held_theirs[:, columns[chosen]])
    sureness = np.asarray(held[0].multiply(held[1]).sum(axis=0)).ravel()
    factors = _lengths(theirs[:, columns[chosen]]) / _lengths(ours[:, rows[picked]])
    pairs = []
    for place, (i, j) in enumerate(zip(picked, chosen, strict=True)):
        if cosines[i, j] <= 0:
            continue
        rivals = cosines[i].copy()
        rivals[j] = -1.0
        next_one = int(np.argmax(rivals))
        pairs.append(
            TermPair(
                int(rows[i]),
                int(columns[j]),
                float(cosines[i, j]),
                float(sureness[place]),
                int(columns[next_one]) if rivals[next_one] > 0 else -1,
                float(factors[place]),
            )
        )
    return tuple(sorted(pairs, key=lambda pair: (-pair.sureness, pair.term)))


def translate(queries: sp.csr_matrix, pairs: tuple[TermPair, ...], n_terms: int) -> sp.csr_matrix:
    """Queries (q, V) in terms of the other model, (q, n_terms); unmatched terms are left out.

    A weight is divided by the pair's factor and taken times its cosine: the slope with which the
    weights of one term tell those of the other with the least square error.
    """
    rows = [pair.term for pair in pairs]
    columns = [pair.other for pair in pairs]
    weights = [pair.cosine / pair.factor for pair in pairs]
    turned = sp.csr_matrix((weights, (rows, columns)), (queries.shape[1], n_terms))
    found = sp.csr_matrix(queries @ turned, dtype=np.float32)
    found.sort_indices()
    return found


def _largest(images: sp.csr_matrix) -> np.ndarray:
    """The terms with the largest sums of squared weights, MOST_TERMS at most, ascending."""
    energy = np.asarray(images.multiply(images).sum(axis=0)).ravel()
    order = np.argsort(-energy, kind="stable")[:MOST_TERMS]
    return np.sort(order[energy[order] > 0])


def _lengths(images: sp.csr_matrix) -> np.ndarray:
    return np.sqrt(np.asarray(images.multiply(images).sum(axis=0)).ravel())


def _unit(images: sp.csr_matrix) -> sp.csc_matrix:
    """The columns at length 1; empty ones stay empty."""
    return sp.csc_matrix(images @ sp.diags(1 / np.maximum(_lengths(images), 1e-12)))


def _translated(
    pairs: tuple[TermPair, ...], ours: ProjectedSplit, theirs: ProjectedSplit
) -> Translated:
    n_terms = theirs.images.matrix.shape[1]
    matrix = ours.captions.matrix
    same = ours.images.vocabulary == theirs.images.vocabulary
    words = None
    if ours.says:
        words = sp.csr_matrix(matrix.multiply(ours.literal), dtype=np.float32)
        words.sort_indices()
    return Translated(
        _recall(theirs, theirs.captions.matrix),
        _recall(ours, matrix),
        _recall(theirs, matrix) if same else None,
        _recall(theirs, translate(matrix, pairs, n_terms)),
        None if words is None or not same else _recall(theirs, words),
        None if words is None else _recall(theirs, translate(words, pairs, n_terms)),
    )


def _recall(split: ProjectedSplit, queries: sp.csr_matrix) -> float:
    """R@1 of other queries for the captions of a split, in their order, among its images."""
    task = make_task(
        ProjectedSplit(
            split.pairs,
            split.images,
            SparseVectors(queries, split.captions.ids, split.images.vocabulary),
            split.literal,
            split.said_of_images,
            split.says,
        )
    )
    return summarize(run_stages(task.without_teacher(), 1).ranks[:, 0])["R@1"]
