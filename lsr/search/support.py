"""Who says a term of an image: its own captions, those of other images, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lsr.collection.collection import Collection
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.projection_cache import literal_once
from lsr.model.vocabulary import Vocabulary
from lsr.search.audit import stem

SaidBy = Literal["own", "form", "other", "none"]
_IN_ALT_TEXT = 6


def spoken_terms(collection: Collection, vocabulary: Vocabulary) -> np.ndarray:
    """(V,) bool: the terms that any caption of the images that can be searched says."""
    rows = np.isin(collection.caption_image_rows, collection.searchable_rows).nonzero()[0]
    texts = collection.caption_texts.at(rows)
    literal = literal_once(vocabulary, texts)
    return np.asarray(literal.sum(axis=0)).ravel() > 0


def said_by(
    terms: Sequence[str], captions: Sequence[str], vocabulary: Vocabulary, spoken: np.ndarray
) -> list[SaidBy]:
    """Who says each term of an image.

    Args:
        captions: of the image. spoken: what `spoken_terms` gives.

    Returns:
        For each term `own` where a caption of the image says it, `form` where one says another form
        of it, such as *dog* for *dogs*, `other` where only captions of other images do, or `none`.
    """
    own = {vocabulary.terms[number] for text in captions for number in vocabulary.literal_ids(text)}
    forms = {stem(term) for term in own}
    found: list[SaidBy] = []
    for term in terms:
        if term in own:
            found.append("own")
        elif stem(term) in forms:
            found.append("form")
        else:
            found.append("other" if spoken[vocabulary.id_of(term)] else "none")
    return found


def alt_text(terms: Sequence[str]) -> str:
    """Words that stand for a picture: its strongest terms, each word in one form.

    Pieces of words and function words say nothing by themselves and are left out.

    Args:
        terms: weight descending.
    """
    words: dict[str, str] = {}
    for term in terms:
        if term.isalpha() and term not in FUNCTION_WORDS:
            words.setdefault(stem(term), term)
    return ", ".join(list(words.values())[:_IN_ALT_TEXT])
