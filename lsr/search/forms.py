"""Queries that are no text alone: terms with weights, and words with a picture.

The first page of the app reads this, so nothing here may need the index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.model.vocabulary import Vocabulary

_WEIGHED = re.compile(r"([^\s,]+?)(?::(\d+(?:\.\d*)?|\.\d+))?")


def parse_terms(text: str) -> dict[str, float] | None:
    """The terms of a query that is no text but terms with weights, such as `lion:1.5, desert`.

    Terms stand between commas, and at least one has a weight; the others weigh 1. Anything else is
    a text: None.
    """
    parts = [_WEIGHED.fullmatch(part.strip()) for part in text.split(",")]
    found = [(part[1], part[2]) for part in parts if part]
    if len(found) < len(parts) or not any(weight for _, weight in found):
        return None
    return {term: float(weight or 1) for term, weight in found}


def terms_vector(weights: Mapping[str, float], vocabulary: Vocabulary) -> sp.csr_matrix:
    """(1, V) float32 csr of terms with their weights.

    Raises:
        QueryError: none weighs anything, or a weight is none.
        UnknownNameError: a word is not a term of the vocabulary.
    """
    numbers: dict[int, float] = {}
    for word, weight in weights.items():
        check_weight(f"The weight of `{word}`", weight)
        numbers[vocabulary.id_of(word)] = weight
    kept = sorted(number for number, weight in numbers.items() if weight > 0)
    if not kept:
        raise QueryError("None of the terms weighs anything. Write them as `lion:1.5, desert`.")
    data = np.array([numbers[number] for number in kept], np.float32)
    shape = (1, len(vocabulary))
    return sp.csr_matrix((data, np.array(kept, np.int32), np.array([0, len(kept)])), shape)


def check_share(share: float) -> None:
    """
    Raises:
        QueryError: a picture cannot have that share of a query.
    """
    if not 0 <= share <= 1:
        raise QueryError(f"A picture cannot have the share {share:g} of a query. Use 0 to 1.")


def mixed(words: sp.csr_matrix, picture: sp.csr_matrix, share: float) -> sp.csr_matrix:
    """The query of words (1, V) together with that of a picture (1, V), as one vector (1, V).

    Each is brought to length 1 first, since the model gives pictures other weights than texts; the
    mean has the mean of their lengths, so a share of 0 is the words alone and 1 the picture alone.

    Args:
        share: of the picture, 0 to 1.

    Raises:
        QueryError: another share.
    """
    check_share(share)
    lengths = [float(np.sqrt((one.data.astype(np.float64) ** 2).sum())) for one in (words, picture)]
    size = (1 - share) * lengths[0] + share * lengths[1]
    parts = [
        one * (part * size / length) if length else one
        for one, part, length in zip((words, picture), (1 - share, share), lengths, strict=True)
    ]
    mean = sp.csr_matrix(parts[0] + parts[1], dtype=np.float32)
    mean.eliminate_zeros()
    mean.sort_indices()
    return mean


def check_weight(what: str, number: float) -> None:
    """Refuse what is no weight.

    Raises:
        QueryError: negative or not a number; the message begins with `what`.
    """
    if not (np.isfinite(number) and number >= 0):
        raise QueryError(f"{what} is {number}. Use a number from 0 up.")
