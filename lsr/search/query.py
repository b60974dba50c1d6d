"""What a text is before it searches: checked, and its terms shaped as the settings say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsr.collection.items import new_texts
from lsr.encoders.protocol import Encoder
from lsr.evaluation.task import Side
from lsr.exceptions import QueryError
from lsr.model.protocol import Model
from lsr.model.sparse import strongest
from lsr.model.vocabulary import Vocabulary
from lsr.search.results import SearchSettings

MAX_QUERY_CHARACTERS = 2_000


def check_text(text: str) -> None:
    """Refuse a query that has no words or too many, or is no text.

    Raises:
        QueryError: empty, longer than MAX_QUERY_CHARACTERS, or with half of a character.
    """
    if not text.strip():
        raise QueryError("The query is empty. Type a few words, such as `two lions in the desert`.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise QueryError("The query holds half of a character, which is no text. Type it again.")
    if len(text) > MAX_QUERY_CHARACTERS:
        raise QueryError(
            f"The query has {len(text):,} characters; up to {MAX_QUERY_CHARACTERS:,} are searched. "
            "Shorten it."
        )


def query_vector(text: str, encoder: Callable[[], Encoder], model: Model) -> Side:
    """The sparse vector of a text, fully expanded, with which of its terms it says.

    Args:
        encoder: of the collection; asked for where the model reads its vectors.

    Raises:
        QueryError: the text is empty or too long, or the model reads no new texts.
    """
    check_text(text)
    items = new_texts([text], encoder)
    matrix = model.sparse(items)
    dense = items.dense if model.reads else np.zeros((1, 0), np.float32)
    said = np.isin(matrix.indices, model.vocabulary.literal_ids(text))
    return Side((text,), matrix, said, dense)


def check_says(vocabulary: Vocabulary) -> None:
    """Refuse what rests on the terms that a text says, where nobody knows them.

    Raises:
        QueryError: the vocabulary's terms are no words.
    """
    if not vocabulary.says:
        raise QueryError(
            "The terms of this model are no words, so it is unknown which of them a text says: "
            "expansion cannot be told from literal terms. Leave expansion on, or choose another "
            "model."
        )


def shaped(
    terms: np.ndarray,
    weights: np.ndarray,
    literal: np.ndarray | None,
    settings: SearchSettings,
    vocabulary: Vocabulary,
) -> tuple[np.ndarray, np.ndarray]:
    """A query's terms after expansion off, mutes, boosts and the cut, in that order.

    Args:
        terms, weights: (t,) as projected.
        literal: the terms that the text says; None for a picture, which keeps all.

    Raises:
        QueryError: a boost or the cut cannot be used.
        UnknownNameError: a word is not a term of the vocabulary.
    """
    keep = np.ones(len(terms), bool)
    if not settings.expansion and literal is not None:
        check_says(vocabulary)
        keep &= np.isin(terms, literal)
    for word in settings.mute:
        keep &= terms != vocabulary.id_of(word)
    weights = weights.copy()
    for word, factor in settings.boost.items():
        if not (np.isfinite(factor) and factor >= 0):
            raise QueryError(f"The boost of `{word}` is {factor}. Use a number from 0 up.")
        weights[terms == vocabulary.id_of(word)] *= factor
    terms, weights = terms[keep], weights[keep]
    if settings.max_query_terms is not None:
        if settings.max_query_terms < 1:
            raise QueryError(
                f"At most {settings.max_query_terms} query terms leave no query. Use 1 or more."
            )
        kept = np.sort(strongest(terms, weights, settings.max_query_terms))
        terms, weights = terms[kept], weights[kept]
    return terms, weights
