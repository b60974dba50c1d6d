"""Words that a term stands in for: captions that do not say the term and yet activate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from lsr.collection.collection import Collection
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.projection_cache import literal_once, sparse_once
from lsr.model.protocol import Items, Model

MOST_CAPTIONS = 20_000
_LEAST = 3  # captions that a word has to fire in
_Z = 1.96  # of a 95 % interval


class StandIn(NamedTuple):
    """A word with the captions that say it and not the term: those that activate it, and all."""

    word: str
    fired: int
    captions: int


@dataclass(frozen=True, eq=False)
class KnownCaptions:
    """Captions of a collection under a model.

    sparse: (m, V) csr. said: (m, V) csr bool, what each says. among: captions they were taken from.
    """

    sparse: sp.csr_matrix
    said: sp.csr_matrix
    among: int

    def __len__(self) -> int:
        return int(self.sparse.shape[0])


def known_captions(collection: Collection, model: Model) -> KnownCaptions | None:
    """Captions of images that can be searched, at most MOST_CAPTIONS, spread evenly.

    None where their vectors are not stored, or the model does not read them: encoding thousands of
    captions is no part of looking at a term.
    """
    if model.reads is None or not model.vocabulary.says:
        return None
    stored = collection.captions_with_vectors
    shown = np.isin(collection.caption_image_rows[stored], collection.searchable_rows)
    places = np.flatnonzero(shown)
    if not len(places):
        return None
    among = len(places)
    if among > MOST_CAPTIONS:
        places = places[np.linspace(0, among - 1, MOST_CAPTIONS).round().astype(int)]
    rows = stored[places]
    texts = collection.caption_texts.at(rows)
    ids = tuple(collection.caption_ids.at(rows))
    items = Items("captions", ids, lambda: collection.caption_vectors[places], texts)
    said = literal_once(model.vocabulary, texts)
    return KnownCaptions(sparse_once(model, items), said, among)


@dataclass(frozen=True)
class StandsFor:
    """What a term stands in for.

    fired: captions that activate it without saying it, of `captions` that do not say it. words: the
    words that these captions say, the surest first.
    """

    fired: int
    captions: int
    words: list[StandIn]


def stands_for(known: KnownCaptions, term: int, names: Sequence[str], top: int = 12) -> StandsFor:
    """The words whose captions activate a term that they do not say.

    Words are ordered by the low end of the 95 % interval (Wilson 1927) of the share of their
    captions that activate the term, and kept where it lies above the share of all captions without
    the term. Words of one or two such captions are left out, as are function words and pieces.

    Args:
        term: its number. names: of all terms.
    """
    silent = np.asarray(known.said[:, [term]].todense()).ravel() == 0
    fires = np.asarray(known.sparse[:, [term]].todense()).ravel()[silent] > 0
    without = known.said[silent]
    captions = np.bincount(without.indices, minlength=len(names))
    fired = np.bincount(without[fires].indices, minlength=len(names))
    base = fires.mean() if len(fires) else 0.0
    found = [
        StandIn(names[word], int(fired[word]), int(captions[word]))
        for word in np.flatnonzero(fired >= _LEAST).tolist()
        if names[word].isalpha() and names[word] not in FUNCTION_WORDS
    ]
    least = {one: _least_share(one.fired, one.captions) for one in found}
    sure = [one for one in found if least[one] > base]
    words = sorted(sure, key=lambda one: (-least[one], one.word))[:top]
    return StandsFor(int(fires.sum()), len(fires), words)


def _least_share(fired: int, n: int) -> float:
    """The low end of the Wilson interval of a share."""
    share, square = fired / n, _Z**2
    middle = share + square / (2 * n)
    width = _Z * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return float((middle - width) / (1 + square / n))
