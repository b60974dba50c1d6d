"""What a person does to a query's terms: it stands in the address, and the search follows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lsr.exceptions import QueryError, shorten
from lsr.model.vocabulary import Vocabulary
from pages.parts import address

MOST_FACTOR = 3.0
_NAMES = ("p", "boost", "mute", "include", "exclude", "add")


@dataclass(frozen=True)
class Edit:
    """Turned weights, muted terms, terms that hits must or must not activate, and added ones."""

    p: float = 1.0
    boost: Mapping[str, float] = field(default_factory=dict)
    mute: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    add: Mapping[str, float] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms that it names."""
        return (*self.boost, *self.mute, *self.include, *self.exclude, *self.add)

    def of(self, vocabulary: Vocabulary) -> Edit:
        """The same with terms as the vocabulary spells them.

        Raises:
            UnknownNameError: a word is not a term of the vocabulary.
        """

        def spelt(word: str) -> str:
            return vocabulary.terms[vocabulary.id_of(word)]

        def weighed(weights: Mapping[str, float]) -> dict[str, float]:
            return {spelt(word): weight for word, weight in weights.items()}

        lists = (self.mute, self.include, self.exclude)
        mute, include, exclude = (tuple(map(spelt, words)) for words in lists)
        return Edit(self.p, weighed(self.boost), mute, include, exclude, weighed(self.add))

    def as_address(self) -> dict[str, str]:
        """Boosts, mutes and added terms as parameters of the address."""
        told = {
            "boost": _weights_text(self.boost),
            "mute": _words_text(self.mute),
            "add": _weights_text(self.add),
        }
        return {name: text for name, text in told.items() if text is not None}

    def for_browser(self) -> dict[str, Any]:
        """What the board needs of it, in the order in which it sends it back."""
        return {
            "p": self.p,
            "boost": dict(self.boost),
            "mute": list(self.mute),
            "include": list(self.include),
            "exclude": list(self.exclude),
        }


def read_edit() -> Edit:
    """The edit that the address tells.

    Raises:
        QueryError: it cannot be understood.
    """
    words = {name: _words(name) for name in _NAMES[2:5]}
    return Edit(
        address.read_number("p", 0.0, 1.0, 1.0),
        _weights("boost", MOST_FACTOR),
        words["mute"],
        words["include"],
        words["exclude"],
        _weights("add", 1e6),
    )


def _weights(name: str, most: float) -> dict[str, float]:
    """`dog=1.5 beach=0.3` of the address; a term holds no blank."""
    found = {}
    for pair in _words(name):
        term, _, number = pair.rpartition("=")
        if not term:
            raise QueryError(
                f"`{name}` in the address holds `{shorten(pair)}`. Write terms as `dog=1.5`, with "
                "blanks between them."
            )
        found[term] = address.parse_number(name, number, 0.0, most, 1.0)
    return found


def write_edit(told: Mapping[str, Any]) -> None:
    """Put what the board tells into the address; `reset` takes everything out."""
    p = float(told.get("p", 1.0))
    address.write("p", None if p == 1 else address.number_text(p))
    address.write("boost", _weights_text(told.get("boost", {})))
    for name in ("mute", "include", "exclude"):
        address.write(name, _words_text(told.get(name, [])))
    if told.get("reset"):
        address.write("add", None)
    address.write("sheet", None)


def add_term(term: str, weight: float) -> None:
    """Give the query one more term."""
    address.write("add", _weights_text({**_weights("add", 1e6), term: weight}))
    address.write("sheet", None)


def drop_term(term: str) -> None:
    """Take an added term out, with all that was done to it."""
    for name, most in (("add", 1e6), ("boost", MOST_FACTOR)):
        kept = {one: number for one, number in _weights(name, most).items() if one != term}
        address.write(name, _weights_text(kept))
    for name in ("mute", "include", "exclude"):
        address.write(name, _words_text([one for one in _words(name) if one != term]))


def _words(name: str) -> tuple[str, ...]:
    """Terms with blanks between; a blank of a term itself is written as one that does not break."""
    words = (address.read_text(name) or "").split(" ")
    return tuple(word.replace("\u00a0", " ") for word in words if word)


def _words_text(words: Iterable[str]) -> str | None:
    return " ".join(word.replace(" ", "\u00a0") for word in words) or None


def _weights_text(weights: Mapping[str, float]) -> str | None:
    return _words_text(f"{term}={number:g}" for term, number in weights.items())
