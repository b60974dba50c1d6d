"""What the captions of pairs say: split into terms once, however many ask."""

from __future__ import annotations

from functools import lru_cache

import scipy.sparse as sp

from lsr.evaluation.pairs import Pairs
from lsr.model.vocabulary import Vocabulary


def said_terms(pairs: Pairs, vocabulary: Vocabulary) -> sp.csr_matrix:
    """(captions, V) bool: the terms that each caption says; shared, so not to be changed."""
    return _said(tuple(pairs.texts), vocabulary)


@lru_cache(maxsize=2)
def _said(texts: tuple[str, ...], vocabulary: Vocabulary) -> sp.csr_matrix:
    return vocabulary.literal_matrix(texts)
