"""A lexical head in closed form: from vectors and captions, without a training step.

1. The direction between the mean image and the mean caption vector (the modality gap) is taken out
   of the space, which is then centred.
2. The row of a term is a linear discriminant: the mean of the captions that say it and of their
   images, shrunk when few say it, times the inverse of the regularised common covariance.
3. Its threshold is set on the training images: a term fires more often than captions say it, all
   by the same factor, which is chosen so that an image activates as many terms as asked for.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from lsr.evaluation.pairs import Pairs
from lsr.exceptions import CollectionError
from lsr.model.vocabulary import Vocabulary
from lsr.training.lexical import head as heads
from lsr.training.lexical.head import LexicalHead, Space, blocks
from lsr.training.lexical.settings import check_target
from lsr.training.parts import returned, told
from lsr.training.said import said_terms

# No term fires for a larger share of the images, nor for fewer of them.
_MOST_SHARE, _FEWEST_IMAGES = 0.35, 2
# Captions that count against a term's mean vector being chance.
_PRIOR_CAPTIONS = 2.0


@dataclass(frozen=True)
class ClosedFormSettings:
    """target_active_terms: mean of a training image. least_captions: that must say a term.

    shrinkage: of the covariance towards a multiple of the identity, in units of its mean variance.
    sharpness: how fast a weight rises above its threshold, in log1p(sharpness · cosine above it).
    """

    target_active_terms: int = 64
    least_captions: int = 2
    shrinkage: float = 1.0
    sharpness: float = 8.0

    def check(self) -> None:
        """Refuse what no head can have.

        Raises:
            QueryError: naming the number and what it may be.
        """
        check_target(self.target_active_terms)


def closed_form(
    pairs: Pairs, vocabulary: Vocabulary, stopped: np.ndarray, settings: ClosedFormSettings
) -> LexicalHead:
    """The head of some pairs, as `closed_form_by_parts` makes it."""
    return returned(closed_form_by_parts(pairs, vocabulary, stopped, settings))


def closed_form_by_parts(
    pairs: Pairs, vocabulary: Vocabulary, stopped: np.ndarray, settings: ClosedFormSettings
) -> Generator[tuple[int, int], None, LexicalHead]:
    """The head of some pairs; on the way, how many parts of the work of how many are done.

    Args:
        stopped: ids of terms that are never used.

    Raises:
        CollectionError: too few captions say the same words.
    """
    said = said_terms(pairs, vocabulary).tocsc()
    captions = np.diff(said.indptr)
    usable = captions >= settings.least_captions
    usable[stopped] = False
    terms = np.flatnonzero(usable)
    if not len(terms):
        raise CollectionError(
            f"No word is said by {settings.least_captions} of the {len(pairs.texts):,} training "
            "captions, so no term can be learnt. Add captions, or train with other settings."
        )
    means = (
        one.mean(axis=0, dtype=np.float64) for one in (pairs.image_vectors, pairs.caption_vectors)
    )
    space = Space.between(*means)
    done, total = count(1), len(list(blocks(len(pairs.texts)))) + -(-len(terms) // heads.TERMS)
    summing = _discriminants(pairs, space, said[:, terms].tocsr(), captions[terms], settings)
    rows = yield from told(summing, lambda _: (next(done), total))
    fires = _firing(captions[terms], len(pairs.texts), len(pairs.image_vectors), settings)
    setting = _thresholds(space.units(pairs.image_vectors), rows, fires)
    thresholds = yield from told(setting, lambda _: (next(done), total))
    return LexicalHead(space, terms, rows, thresholds, np.full(len(terms), settings.sharpness))


def _discriminants(
    pairs: Pairs, space: Space, said: Any, captions: np.ndarray, settings: ClosedFormSettings
) -> Generator[None, None, np.ndarray]:
    """(terms, d) float64 unit rows, read block by block of the captions."""
    size = pairs.caption_vectors.shape[1]
    sums, covariance = np.zeros((said.shape[1], size)), np.zeros((size, size))
    for block in blocks(len(pairs.texts)):
        texts = space.units(pairs.caption_vectors[block])
        images = space.units(pairs.image_vectors[pairs.relevant[block]])
        sums += said[block].astype(np.float32).T @ ((texts + images) / 2)
        covariance += texts.T @ texts + images.T @ images
        yield
    covariance /= 2 * len(pairs.texts)
    means = sums / (captions + _PRIOR_CAPTIONS)[:, None]
    return discriminants(means, covariance, settings.shrinkage)


def discriminants(means: np.ndarray, covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    """(terms, d) unit rows: means (terms, d) times the inverse of the shrunk covariance (d, d)."""
    size = len(covariance)
    common = shrinkage * np.trace(covariance) / size
    rows = np.linalg.solve(covariance + common * np.eye(size), means.T).T
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _firing(
    captions: np.ndarray, n_captions: int, n_images: int, settings: ClosedFormSettings
) -> np.ndarray:
    """(terms,) int64: for how many training images each term fires, as many in all as asked for."""
    shares = captions / n_captions

    def of(factor: float) -> np.ndarray:
        wanted = np.rint(np.minimum(factor * shares, _MOST_SHARE) * n_images)
        least, most = min(_FEWEST_IMAGES, n_images - 1), n_images - 1
        return np.clip(wanted, max(least, 1), max(most, 1)).astype(np.int64)

    low, high = 1e-3, 1e6
    for _ in range(80):
        middle = (low * high) ** 0.5
        if of(middle).sum() < settings.target_active_terms * n_images:
            low = middle
        else:
            high = middle
    return of(low)


def _thresholds(
    images: np.ndarray, rows: np.ndarray, fires: np.ndarray
) -> Generator[None, None, np.ndarray]:
    """(terms,) between the last image that a term fires for and the first that it does not."""
    thresholds = np.empty(len(rows))
    for start in range(0, len(rows), heads.TERMS):
        block = slice(start, min(start + heads.TERMS, len(rows)))
        scores = np.sort(images @ rows[block].T.astype(np.float32), axis=0)[::-1]
        columns, last = np.arange(scores.shape[1]), np.minimum(fires[block], len(images) - 1)
        thresholds[block] = (scores[last - 1, columns] + scores[last, columns]) / 2
        yield
    return thresholds
