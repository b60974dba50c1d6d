"""From which weight on the terms that a tuned head adds to a text are worth having.

Captions say words of their images, so nearly any threshold serves held-out captions. Whoever
searches says other words as well, and then added terms have to find the image. So the captions also
search with half of the words that they say taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from lsr.evaluation.pairs import Pairs
from lsr.model.expansion import literal_flags
from lsr.model.expansion_thresholds import ExpansionThresholds
from lsr.model.projection import Projection, project
from lsr.model.sparse import with_entries
from lsr.model.vocabulary import Vocabulary

THRESHOLDS = np.arange(0, 41) / 20
"""Weights from 0 to 2, among which one is chosen."""
# The mean reciprocal rank may fall to this share of what all terms give.
_SHARE = 0.995
# A term that more than a tenth of the images activate says little of an image, so one that is added
# weighs so many times more.
_FREQUENT, FACTOR = 0.1, 1.5
# Images and captions that are looked at: more would not change what is chosen.
_IMAGES, _CAPTIONS = 4_096, 2_000
_BLOCK = 500


@dataclass(frozen=True)
class AddedTerms:
    """What held-out captions find at each of k THRESHOLDS, added up over captions.

    whole, halved (k,): reciprocal ranks of captions, and of captions that lost half of the words
        that they say. active (k,): terms of the whole ones. captions: how many.
    """

    whole: np.ndarray
    halved: np.ndarray
    active: np.ndarray
    captions: int

    def __add__(self, other: AddedTerms) -> AddedTerms:
        return AddedTerms(
            self.whole + other.whole,
            self.halved + other.halved,
            self.active + other.active,
            self.captions + other.captions,
        )

    @property
    def chosen(self) -> int:
        """Which threshold: the last before one of the two falls too far; 0 keeps all terms."""
        falls = (self.whole < _SHARE * self.whole[0]) | (self.halved < _SHARE * self.halved[0])
        return int(np.argmax([*falls, True])) - 1

    def thresholds(self, frequent: np.ndarray, vocabulary: Vocabulary) -> ExpansionThresholds:
        """The thresholds of a model.

        Args:
            frequent: (V,) bool, as `frequent_terms` finds them.
        """
        weight = float(THRESHOLDS[self.chosen])
        terms = tuple(vocabulary.terms[number] for number in np.flatnonzero(frequent))
        return ExpansionThresholds(weight, round(weight * FACTOR, 3), terms)

    def as_json(self) -> dict[str, Any]:
        """As `training.json` holds it: means of the captions, with all terms and with the kept."""

        def at(place: int) -> dict[str, float]:
            return {
                "MRR@10": float(self.whole[place]) / self.captions,
                "MRR@10, half of the own words": float(self.halved[place]) / self.captions,
                "active_terms": float(self.active[place]) / self.captions,
            }

        weight, every, kept = float(THRESHOLDS[self.chosen]), at(0), at(self.chosen)
        says = (
            f"Texts add terms from a weight of {weight:g} on, {weight * FACTOR:g} where many "
            f"images activate them: {kept['active_terms']:.0f} terms a held-out caption in "
            f"place of {every['active_terms']:.0f}, MRR@10 {kept['MRR@10']:.3f} in place of "
            f"{every['MRR@10']:.3f}."
        )
        found = {"weight": weight, "all": every, "kept": kept, "captions": self.captions}
        return {**found, "says": says}


def frequent_terms(head: Projection, images: np.ndarray) -> np.ndarray:
    """(V,) bool: the terms that more than a tenth of the images (n, d) activate."""
    found = project(head, images[_some(len(images), _IMAGES)])
    counts = np.bincount(found.indices, minlength=found.shape[1])
    return np.asarray(counts > _FREQUENT * found.shape[0])


def measure_added(
    head: Projection, images: np.ndarray, held_out: Pairs, vocabulary: Vocabulary, seed: int
) -> AddedTerms:
    """What added terms are worth to captions that a head was not made of.

    Args:
        images: (n, d) dense vectors of images, which tell what terms are frequent.
        seed: of the words that are taken away.
    """
    rows = _some(len(held_out.texts), _CAPTIONS)
    said = vocabulary.literal_matrix([held_out.texts[row] for row in rows])
    texts = project(head, held_out.caption_vectors[rows])
    own = literal_flags(texts, said)
    lost = np.random.default_rng(seed).random(texts.nnz) < 0.5
    factor = np.where(frequent_terms(head, images), FACTOR, 1)
    # The last threshold that each entry reaches; own words are added before all of them.
    level = np.searchsorted(THRESHOLDS, texts.data / factor[texts.indices], side="right") - 1
    level[own] = len(THRESHOLDS)
    documents = project(head, held_out.image_vectors).T.tocsr()
    ranks = np.zeros((2, len(THRESHOLDS)))
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, min(start + _BLOCK, len(rows)))
        first, last = texts.indptr[some.start], texts.indptr[some.stop]
        taking = _Adding(texts[some], documents, held_out.relevant[rows[some]])
        here, gone = level[first:last], lost[first:last]
        whole = taking.scores(here == len(THRESHOLDS))
        halved = taking.scores((here == len(THRESHOLDS)) & ~gone)
        for at in reversed(range(len(THRESHOLDS))):
            added = taking.scores(here == at)
            for one, scores in enumerate((whole, halved)):
                scores += added
                ranks[one, at] += taking.reciprocal_ranks(scores)
    counts = np.bincount(level, minlength=len(THRESHOLDS) + 1)
    active = np.cumsum(counts[::-1])[::-1][:-1].astype(float)
    return AddedTerms(ranks[0], ranks[1], active, len(rows))


@dataclass(frozen=True)
class _Adding:
    """Some captions (m, V) and the images (V, n) that they search.

    relevant: (m,) the image of each caption.
    """

    texts: sp.csr_matrix
    documents: sp.csr_matrix
    relevant: np.ndarray

    def scores(self, kept: np.ndarray) -> np.ndarray:
        """(m, n) float32: what some of the captions' entries (nnz,) bool give."""
        return np.asarray((with_entries(self.texts, kept) @ self.documents).toarray())

    def reciprocal_ranks(self, scores: np.ndarray) -> float:
        """Added up over captions, 0 beyond rank 10; ties count against a caption."""
        own = scores[np.arange(len(scores)), self.relevant][:, None]
        ranks = (scores >= own).sum(axis=1)
        return float((1 / ranks)[(ranks <= 10) & (own[:, 0] > 0)].sum())


def _some(n: int, most: int) -> np.ndarray:
    """Numbers of at most `most` of n rows, evenly spread."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)
