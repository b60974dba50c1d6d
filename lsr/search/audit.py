"""The vocabulary as a collection uses it, and how far an image's terms stray from its captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
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
# Images that are drawn at a time, over several draws.
_DRAWN = 2**22
# Images at a time whose sparse vectors are made.
_BLOCK = 2**14
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
    """How many terms of the images have each grade, by who says them.

    said: (n, V) csr bool, what captions of the images say. of_terms: (grades, V) int64, images that
    activate each term with each grade. of_images: (n, grades) int32, terms of each image.
    """

    said: sp.csr_matrix
    of_terms: np.ndarray
    of_images: np.ndarray

    @cached_property
    def said_frequency(self) -> np.ndarray:
        """(V,) int64: images of which a caption says each term."""
        return np.bincount(self.said.indices, minlength=len(self.terms))

    def share(self, grade: int) -> Interval:
        """The mean share of an image's terms that have a grade, images without a term left out."""
        return self._shares[grade]

    @cached_property
    def _shares(self) -> list[Interval]:
        totals = self.of_images.sum(axis=1)
        shares = self.of_images[totals > 0] / totals[totals > 0, None]
        n = len(shares)
        if not n:
            return [Interval(0.0, 0.0, 0.0)] * len(GRADES)
        rng, means = np.random.default_rng(_SEED), []
        at_once = max(1, _DRAWN // n)
        for first in range(0, _DRAWS, at_once):
            number = np.arange(min(at_once, _DRAWS - first))[:, None]
            drawn = rng.integers(0, n, (len(number), n)) + number * n
            times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
            means.append(times.astype(np.float64) @ shares / n)
        low, high = np.quantile(np.concatenate(means), [0.025, 0.975], axis=0)
        told = zip(shares.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
        return [Interval(*one) for one in told]


def can_grade(searcher: Searcher) -> bool:
    """Whether there are captions, and terms that they can say."""
    return bool(len(searcher.collection.captions)) and searcher.model.vocabulary.says


def usage(searcher: Searcher) -> Usage:
    """Which terms the images that are searched activate; it needs no captions."""
    memory = searcher.memory
    frequency, (largest, total) = memory.document_frequency, memory.weights_of_terms()
    terms = list(searcher.model.vocabulary.terms)
    return Usage(memory.ids, terms, frequency, largest, total / np.maximum(frequency, 1))


def audit(searcher: Searcher, top: int | None = None, said: sp.csr_matrix | None = None) -> Audit:
    """Grade the terms of all images that are searched, some images at a time.

    Args:
        top: only the strongest terms of each image; None for all.
        said: of `said_of_images` for these images, where it is known.

    Raises:
        CollectionError: the collection has no captions, or the model's terms are no words.
    """
    collection, vocabulary, memory = searcher.collection, searcher.model.vocabulary, searcher.memory
    collection.check_captions()
    if not vocabulary.says:
        raise CollectionError(
            "The terms of this model are no words, so no caption can say them. Choose another "
            "model."
        )
    if said is None:
        said = said_of_images(collection, memory.ids, vocabulary)
    terms, n = list(vocabulary.terms), len(memory)
    spoken = np.bincount(said.indices, minlength=len(terms)) > 0
    forms = _same_and_broader_forms(terms)
    of_terms = np.zeros((len(GRADES), len(terms)), np.int64)
    of_images = np.zeros((n, len(GRADES)), np.int32)
    largest, total = np.zeros(len(terms), np.float32), np.zeros(len(terms))
    for first in range(0, n, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, n))
        active = memory.matrix_of(rows)
        if top is not None:
            active = keep_strongest(active, top)
        grades = _grades(active, said[rows], spoken, forms)
        owners = np.repeat(np.arange(len(rows)), np.diff(active.indptr))
        of_images[rows] = _counts(owners, grades, len(rows), len(GRADES))
        of_terms += _counts(grades, active.indices, *of_terms.shape)
        its_largest, its_total = weights_of_terms(active)
        largest, total = np.maximum(largest, its_largest), total + its_total
    frequency = of_terms.sum(axis=0)
    mean = total / np.maximum(frequency, 1)
    return Audit(memory.ids, terms, frequency, largest, mean, said, of_terms, of_images)


def _same_and_broader_forms(terms: Sequence[str]) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """(V, V) int32 csr twice: the terms that are a form of each term, or broader than it."""
    forms: dict[str, int] = {}
    stems = np.array([forms.setdefault(stem(one), len(forms)) for one in terms])
    ones = np.ones(len(stems), np.int32)
    to_stem = sp.csr_matrix((ones, (np.arange(len(stems)), stems)), (len(stems), len(forms)))
    broader = broader_forms(list(forms)).astype(np.int32)
    same, wider = to_stem @ to_stem.T, to_stem @ broader @ to_stem.T
    return sp.csr_matrix(same), sp.csr_matrix(wider)


def _grades(
    active: sp.csr_matrix,
    said: sp.csr_matrix,
    spoken: np.ndarray,
    forms: tuple[sp.csr_matrix, sp.csr_matrix],
) -> np.ndarray:
    """(nnz,) uint8 places in GRADES, in the order of the entries of `active`.

    Args:
        spoken: (V,) bool, what any caption says. forms: of `_same_and_broader_forms`.
    """
    grades = np.where(spoken[active.indices], 3, 4).astype(np.uint8)
    numbers = np.arange(1, active.nnz + 1)
    numbered = sp.csr_matrix((numbers, active.indices, active.indptr), active.shape)
    same, broader = forms
    words = said.astype(np.int32)
    for grade, support in ((2, words @ broader), (1, words @ same), (0, words)):
        grades[numbered.multiply(support > 0).data - 1] = grade
    return grades


def _counts(rows: np.ndarray, columns: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """(rows, columns) int64: how often each pair comes."""
    cells = rows.astype(np.int64) * n_columns + columns
    return np.bincount(cells, minlength=n_rows * n_columns).reshape(n_rows, n_columns)


def said_of_images(
    collection: Collection, image_ids: Sequence[str], vocabulary: Vocabulary
) -> sp.csr_matrix:
    """(n, V) bool csr: what the captions of each of n images say."""
    names = collection.image_ids
    there = names.rows(pa.chunked_array([pa.array(image_ids, names.column.type)]))
    place = np.full(len(names), -1)
    place[there[there >= 0]] = np.flatnonzero(there >= 0)
    owners = place[collection.caption_image_rows]
    kept = np.flatnonzero(owners >= 0)
    kept = kept[np.argsort(owners[kept], kind="stable")]
    blocks = [vocabulary.literal_matrix([])]
    for first in range(0, len(image_ids), _BLOCK):
        n = min(_BLOCK, len(image_ids) - first)
        begin, end = np.searchsorted(owners[kept], [first, first + n])
        its = kept[begin:end]
        texts = vocabulary.literal_matrix(collection.caption_texts.at(its))
        where = owners[its] - first, np.arange(len(its))
        describes = sp.csr_matrix((np.ones(len(its), np.int32), where), (n, len(its)))
        blocks.append(sp.csr_matrix(describes @ texts.astype(np.int32)).astype(bool))
    said = sp.csr_matrix(sp.vstack(blocks, format="csr"))
    said.sort_indices()
    return said


def stem(word: str) -> str:
    """A word without the ending that inflection gave it; short words and pieces as they are."""
    if not word.isalpha() or len(word) < 4:
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: len(word) - len(ending)] + instead
    return word
