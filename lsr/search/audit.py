"""The vocabulary as a collection uses it, and how far an image's terms stray from its captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError
from lsr.model.sparse import keep_strongest, weights_of_terms
from lsr.model.vocabulary import Vocabulary
from lsr.search.hypernyms import broader_forms
from lsr.search.searcher import Searcher

GRADES = ("its caption", "another form", "broader word", "other captions", "no caption")
STRAY = (3, 4)
"""Grades of a term that nothing said of its image supports."""
HUB_SHARE = 0.25
_DRAWS, _SEED = 1_000, 0
# Endings that English inflection adds, the longest first, and what they stand for.
_ENDINGS = (("ies", "y"), ("ing", ""), ("es", ""), ("ed", ""), ("s", ""), ("e", ""))


@dataclass(frozen=True)
class Interval:
    """A mean over images with its 95 % interval, a bootstrap over them."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Usage:
    """Which terms the images activate.

    ids: of the images that are searched, ascending. frequency: (V,) int64, images that activate
    each term. largest: (V,) float32, its largest weight, 0 where no image activates it. mean: (V,)
    float64, its mean weight over the images that activate it.
    """

    ids: Sequence[str]
    terms: list[str]
    frequency: np.ndarray
    largest: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True, eq=False)
class Audit(Usage):
    """Every term of every image, graded by who says it.

    active: (n, V) csr, the images that are searched. said: (n, V) csr bool, what captions of the
    images say. grades: (nnz,) uint8 places in GRADES, in the order of the entries of `active`.
    """

    active: sp.csr_matrix
    said: sp.csr_matrix
    grades: np.ndarray

    @cached_property
    def said_frequency(self) -> np.ndarray:
        """(V,) int64: images of which a caption says each term."""
        return np.bincount(self.said.indices, minlength=len(self.terms))

    def by_term(self, grade: int) -> np.ndarray:
        """(V,) int64: images that activate each term with this grade."""
        chosen = self.active.indices[self.grades == grade]
        return np.bincount(chosen, minlength=len(self.terms))

    def by_image(self) -> np.ndarray:
        """(n, grades) int64: how many terms of each image have each grade."""
        rows = np.repeat(np.arange(len(self.ids)), np.diff(self.active.indptr))
        cells = np.bincount(rows * len(GRADES) + self.grades, minlength=len(self.ids) * len(GRADES))
        return cells.reshape(-1, len(GRADES))

    def share(self, grade: int) -> Interval:
        """The mean share of an image's terms that have a grade, images without a term left out."""
        counts = self.by_image()
        totals = counts.sum(axis=1)
        shares = counts[totals > 0, grade] / totals[totals > 0]
        if not len(shares):
            return Interval(0.0, 0.0, 0.0)
        draws = np.random.default_rng(_SEED).integers(0, len(shares), (_DRAWS, len(shares)))
        low, high = np.quantile(shares[draws].mean(axis=1), [0.025, 0.975])
        return Interval(float(shares.mean()), float(low), float(high))


def can_grade(searcher: Searcher) -> bool:
    """Whether there are captions, and terms that they can say."""
    return bool(len(searcher.collection.captions)) and searcher.model.vocabulary.says


def usage(searcher: Searcher) -> Usage:
    """Which terms the images that are searched activate; it needs no captions."""
    memory = searcher.memory
    frequency, (largest, total) = memory.document_frequency, memory.weights_of_terms()
    terms = list(searcher.model.vocabulary.terms)
    return Usage(memory.ids, terms, frequency, largest, total / np.maximum(frequency, 1))


def audit(searcher: Searcher, top: int | None = None) -> Audit:
    """Grade the terms of all images that are searched.

    Args:
        top: only the strongest terms of each image; None for all.

    Raises:
        CollectionError: the collection has no captions, or the model's terms are no words.
    """
    collection, vocabulary = searcher.collection, searcher.model.vocabulary
    collection.check_captions()
    if not vocabulary.says:
        raise CollectionError(
            "The terms of this model are no words, so no caption can say them. Choose another "
            "model."
        )
    active = searcher.images.matrix
    if top is not None:
        active = keep_strongest(active, top)
    said = said_of_images(collection, searcher.images.ids, vocabulary)
    spoken = np.asarray(said.sum(axis=0)).ravel() > 0
    forms: dict[str, int] = {}
    stems = np.array([forms.setdefault(stem(one), len(forms)) for one in vocabulary.terms])
    to_stem = sp.csr_matrix(
        (np.ones(len(stems), np.int32), (np.arange(len(stems)), stems)),
        shape=(len(stems), len(forms)),
    )
    in_form = sp.csr_matrix(said.astype(np.int32) @ to_stem)
    rows = np.repeat(np.arange(active.shape[0]), np.diff(active.indptr))
    broader = sp.csr_matrix(in_form @ broader_forms(list(forms)).astype(np.int32))
    grades = np.full(active.nnz, 4, np.uint8)
    grades[spoken[active.indices]] = 3
    grades[_holds(broader, rows, stems[active.indices])] = 2
    grades[_holds(in_form, rows, stems[active.indices])] = 1
    grades[_holds(said, rows, active.indices)] = 0
    terms = list(vocabulary.terms)
    frequency = np.bincount(active.indices, minlength=len(terms))
    largest, total = weights_of_terms(active)
    mean = total / np.maximum(frequency, 1)
    ids = searcher.images.ids
    return Audit(ids, terms, frequency, largest, mean, active, said, grades)


def said_of_images(
    collection: Collection, image_ids: Sequence[str], vocabulary: Vocabulary
) -> sp.csr_matrix:
    """(n, V) bool csr: what the captions of each of n images say."""
    place_of = {image_id: place for place, image_id in enumerate(image_ids)}
    names = collection.image_ids
    owners = np.array([place_of.get(names[row], -1) for row in collection.caption_image_rows])
    kept = np.flatnonzero(owners >= 0)
    texts = vocabulary.literal_matrix(collection.caption_texts.at(kept))
    to_image = sp.csr_matrix(
        (np.ones(len(kept), np.int32), (owners[kept], np.arange(len(kept)))),
        shape=(len(image_ids), len(kept)),
    )
    said = sp.csr_matrix(to_image @ texts.astype(np.int32)).astype(bool)
    said.sort_indices()
    return said


def _holds(matrix: sp.csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(k,) bool: whether the matrix has an entry at each place."""
    matrix.sort_indices()
    width = matrix.shape[1]
    there = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * width + matrix.indices
    return np.isin(rows.astype(np.int64) * width + columns, there)


def stem(word: str) -> str:
    """A word without the ending that inflection gave it; short words and pieces as they are."""
    if not word.isalpha() or len(word) < 4:
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: len(word) - len(ending)] + instead
    return word
