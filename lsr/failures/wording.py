"""What a text says, read without a model: its content words, how many of each, and relations.

English alone, by a short list of words; what the lists do not know counts as a content word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from lsr.model.function_words import FUNCTION_WORDS, NUMBER_WORDS
from lsr.search.audit import stem

_WORD = re.compile(r"[^\W_]+")
_COUNTS = {
    word: count
    for count, words in enumerate(
        ("a an one single", "two pair couple", "three trio", "four", "five", "six", "seven"), 1
    )
    for word in words.split()
}
# One name for each direction; what is said the other way round is turned.
_WAYS = {"left": "left", "behind": "behind", "above": "above", "over": "above"}
_TURNED = {
    "right": "left",
    "front": "behind",
    "below": "above",
    "under": "above",
    "beneath": "above",
    "underneath": "above",
}


@dataclass(frozen=True)
class Wording:
    """What one text says, or several together.

    content: stems of words that say what is shown, function words and numbers left out.
    counted: (stem, how many), where a number or an article stands before. related: (stem, way,
        stem), such as ("cup", "left", "book"), where a word of place stands between.
    spelt: (stem, word) of the content words as the text has them, in its order.
    """

    content: frozenset[str]
    counted: frozenset[tuple[str, int]]
    related: frozenset[tuple[str, str, str]]
    spelt: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys(word for _, word in self.spelt))

    def relations_lacking(self, other: Wording) -> tuple[str, ...]:
        """Relations of another wording that this one does not say, in the other's words."""
        words = dict(other.spelt)
        return tuple(
            f"{words[one]} {way} {words[two]}"
            for one, way, two in sorted(other.related - self.related)
        )

    def lacks(self, other: Wording) -> frozenset[str]:
        """Content words of another wording that this one does not say."""
        return other.content - self.content

    def contradicts(self, other: Wording) -> tuple[str, ...]:
        """Numbers of the other that are other ones here, and its relations that turn here."""
        words = dict(other.spelt)
        here: dict[str, set[int]] = {}
        for word, count in self.counted:
            here.setdefault(word, set()).add(count)
        numbers = [
            f"{count} {words[word]}"
            for word, count in sorted(other.counted)
            if word in here and count not in here[word]
        ]
        turned = [
            f"{words[one]} {way} {words[two]}"
            for one, way, two in sorted(other.related)
            if (two, way, one) in self.related and (one, way, two) not in self.related
        ]
        return (*numbers, *turned)


_stem = lru_cache(maxsize=50_000)(stem)
NOTHING = Wording(frozenset(), frozenset(), frozenset())


def wording(texts: Iterable[str]) -> Wording:
    """What several texts about one picture say together."""
    found = [read(text) for text in texts]
    return Wording(
        frozenset().union(*(one.content for one in found)),
        frozenset().union(*(one.counted for one in found)),
        frozenset().union(*(one.related for one in found)),
    )


@lru_cache(maxsize=200_000)
def read(text: str) -> Wording:
    """What a text says."""
    spelt: list[tuple[str, str]] = []
    counted: set[tuple[str, int]] = set()
    related: set[tuple[str, str, str]] = set()
    count, before, way, turned = 0, "", "", False
    for word in _WORD.findall(text.lower()):
        if number := _COUNTS.get(word) or (int(word[:9]) if word.isdigit() else 0):
            count = number
        elif word in _WAYS or word in _TURNED:
            way, turned = _WAYS.get(word) or _TURNED[word], word in _TURNED
            before, count = spelt[-1][0] if spelt else "", 0
        elif word in NUMBER_WORDS or (word in FUNCTION_WORDS and word != "of"):
            count = 0
        elif word not in FUNCTION_WORDS:
            one = _stem(word)
            spelt.append((one, word))
            if count:
                counted.add((one, count))
            if way and before:
                related.add((one, way, before) if turned else (before, way, one))
            way = ""
    content = frozenset(one for one, _ in spelt)
    return Wording(content, frozenset(counted), frozenset(related), tuple(spelt))


def count_things(text: str) -> int:
    """How many things an English text counts: numbers and articles before a content word."""
    things, begun = 0, False
    for word in _WORD.findall(text.lower()):
        if word in _COUNTS or word.isdigit():
            begun = True
        elif word in NUMBER_WORDS or word == "of":
            continue
        elif word in FUNCTION_WORDS:
            begun = False
        else:
            things, begun = things + begun, False
    return things
