"""What of a query the model understood: words without a term, words in pieces, and typing slips."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from lsr.model.function_words import FUNCTION_WORDS
from lsr.search.results import SearchResult
from lsr.search.searcher import Searcher

# A query that says no active term, and whose best score is below this share of what an image scores
# with itself, is noise. On the bundled collection captions reach .5 to .9, single words that the
# model knows .3, other scripts and words that no picture shows up to .15.
_NOISE = 0.2
_SAMPLED = 1_000
_SHORTEST, _NEAR, _MOST_OFFERED = 4, 0.75, 3
# Both follow from a searcher, and go with it.
_WORDS: WeakKeyDictionary[Searcher, list[str]] = WeakKeyDictionary()
_OWN_SCORES: WeakKeyDictionary[Searcher, float] = WeakKeyDictionary()


class Split(NamedTuple):
    """A word that is no term of its own, with the word pieces it is read as."""

    word: str
    pieces: tuple[str, ...]


class Suggestion(NamedTuple):
    """A word that is probably mistyped, and terms that images activate, the nearest first."""

    word: str
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Understood:
    """What became of a query's words, function words such as *the* aside.

    unknown: words that the vocabulary has nothing for. split: words read in pieces. silent: words
    that are terms, but that the model gives no weight in this query. suggestions: for words that
    look mistyped. nothing: whether the query says nothing the model knows, so that its hits are
    noise.
    """

    unknown: tuple[str, ...]
    split: tuple[Split, ...]
    silent: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    nothing: bool


def understood(searcher: Searcher, result: SearchResult) -> Understood:
    """What of a query of words was understood."""
    vocabulary = searcher.model.vocabulary
    if not vocabulary.says:  # nobody knows which words its terms are
        return Understood((), (), (), (), nothing=not result.hits)
    active = {one.term for one in result.plain_terms}
    unknown: list[str] = []
    split: list[Split] = []
    silent: list[str] = []
    suggestions: list[Suggestion] = []
    for word, numbers in vocabulary.read_words(result.query):
        pieces = tuple(vocabulary.terms[i] for i in numbers)
        if not any(letter.isalnum() for letter in word) and pieces:
            continue  # punctuation
        if not pieces:
            unknown.append(word)
        elif len(pieces) > 1 and pieces[1].startswith("##"):
            split.append(Split(word, pieces))
        elif pieces[0] not in active and pieces[0] not in FUNCTION_WORDS:
            silent.append(word)
        known = len(pieces) == 1 and searcher.memory.document_frequency[numbers[0]] > 0
        if not known and (near := near_terms(searcher, word)):
            suggestions.append(Suggestion(word, near))
    said = any(one.origin == "literal" for one in result.query_terms)
    best = result.hits[0].score if result.hits else 0.0
    noise = not said and best < _NOISE * _own_score(searcher)
    return Understood(
        tuple(dict.fromkeys(unknown)),
        tuple(dict.fromkeys(split)),
        tuple(dict.fromkeys(silent)),
        tuple(dict.fromkeys(suggestions)),
        noise,
    )


def near_terms(searcher: Searcher, word: str) -> tuple[str, ...]:
    """Whole words among the terms that images activate which are spelt much like a word."""
    word = word.lower()
    if len(word) < _SHORTEST or not word.isalpha() or word in FUNCTION_WORDS:
        return ()
    return tuple(difflib.get_close_matches(word[:40], active_words(searcher), _MOST_OFFERED, _NEAR))


def active_words(searcher: Searcher) -> list[str]:
    """The whole words that at least one image activates, the most frequent first."""
    if searcher not in _WORDS:
        frequency = searcher.memory.document_frequency
        order = np.lexsort((np.arange(len(frequency)), -frequency))
        terms = searcher.model.vocabulary.terms
        active = order[: np.count_nonzero(frequency)]
        _WORDS[searcher] = [terms[i] for i in active if terms[i].isalpha()]
    return _WORDS[searcher]


def _own_score(searcher: Searcher) -> float:
    """What an image scores with itself: the median over at most `_SAMPLED` of them."""
    if searcher not in _OWN_SCORES:
        n = len(searcher.memory)
        rows = np.linspace(0, n - 1, min(n, _SAMPLED)).astype(int)
        some = searcher.memory.matrix_of(rows)
        own = np.asarray(some.multiply(some).sum(axis=1))
        _OWN_SCORES[searcher] = float(np.median(own)) if len(rows) else 0.0
    return _OWN_SCORES[searcher]
