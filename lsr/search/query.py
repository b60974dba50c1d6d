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
from lsr.search.forms import check_weight
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
    """A query's terms after expansion off, its rate, added terms, mutes, boosts and the cut.

    They are applied in that order; a term of weight 0 leaves the query.

    Args:
        terms, weights: (t,) as projected, terms ascending.
        literal: the terms that the text says; None for a picture, which keeps all.

    Raises:
        QueryError: a weight, a factor or the cut cannot be used.
        UnknownNameError: a word is not a term of the vocabulary.
    """
    weights = weights.copy()
    if literal is not None and (rate := _rate(settings)) != 1:
        check_says(vocabulary)
        weights[~np.isin(terms, literal)] *= rate
    terms, weights = _with_added(terms, weights, settings, vocabulary)
    for word in settings.mute:
        weights[terms == vocabulary.id_of(word)] = 0
    for word, factor in settings.boost.items():
        check_weight(f"The boost of `{word}`", factor)
        weights[terms == vocabulary.id_of(word)] *= factor
    terms, weights = terms[weights > 0], weights[weights > 0]
    if settings.max_query_terms is not None:
        if settings.max_query_terms < 1:
            raise QueryError(
                f"At most {settings.max_query_terms} query terms leave no query. Use 1 or more."
            )
        kept = np.sort(strongest(terms, weights, settings.max_query_terms))
        terms, weights = terms[kept], weights[kept]
    return terms, weights


def said_terms(literal: np.ndarray, settings: SearchSettings, vocabulary: Vocabulary) -> np.ndarray:
    """The terms that the text says together with those that the settings add."""
    return np.union1d(literal, [vocabulary.id_of(word) for word in settings.add]).astype(np.int64)


def _rate(settings: SearchSettings) -> float:
    check_weight("The rate of expansion", settings.rate)
    return settings.rate if settings.expansion else 0.0


def _with_added(
    terms: np.ndarray, weights: np.ndarray, settings: SearchSettings, vocabulary: Vocabulary
) -> tuple[np.ndarray, np.ndarray]:
    """The query with the terms that the settings add, which replace what stood there."""
    if not settings.add:
        return terms, weights
    query = dict(zip(terms.tolist(), weights.tolist(), strict=True))
    for word, weight in settings.add.items():
        check_weight(f"The weight of `{word}`", weight)
        query[vocabulary.id_of(word)] = weight
    together = sorted(query)
    return (
        np.array(together, terms.dtype),
        np.array([query[term] for term in together], weights.dtype),
    )
