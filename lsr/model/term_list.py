"""Vocabularies without a tokenizer: a list of words, of named latents, or of bare numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from lsr.exceptions import ModelError
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import fingerprint

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class TermList(Vocabulary):
    """Terms by number, and the words by which a text says each.

    A text says a term where its words, in small letters, follow each other there.

    Args:
        terms: V different names.
        words: what says each term; "" for a term that no text says. By default its own name.
    """

    def __init__(self, terms: Sequence[str], words: Sequence[str] | None = None) -> None:
        self.terms = list(terms)
        self.words = list(words if words is not None else terms)
        self._ids = {term: number for number, term in enumerate(self.terms)}
        self._said: dict[tuple[str, ...], list[int]] = {}
        for number, phrase in enumerate(self.words):
            if key := _words_of(phrase):
                self._said.setdefault(key, []).append(number)
        self._lengths = sorted({len(key) for key in self._said})

    @property
    def says(self) -> bool:  # type: ignore[override]
        return bool(self._said)

    @cached_property
    def tokenizer_fingerprint(self) -> str:
        return fingerprint("\n".join(self.terms), "\n".join(self.words))

    def read_words(self, text: str) -> list[tuple[str, list[int]]]:
        """See `Vocabulary.read_words`; terms of several words are not looked for."""
        words = (match.group() for match in _WORD.finditer(text))
        return [(word, self._said.get((word.lower(),), [])) for word in words]

    @cached_property
    def special(self) -> np.ndarray:
        return np.zeros(len(self.terms), bool)

    def save(self, path: Path) -> None:  # noqa: ARG002 (as its parent's)
        """There is no tokenizer to write.

        Raises:
            ModelError: always; the message says what can be done.
        """
        raise ModelError(
            f"The {len(self):,} terms of this model are a list without a tokenizer, so nothing "
            "splits new texts into them. Choose another format, or another model."
        )

    def token_ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.array(list(self._numbers(text)), np.int64) for text in texts]

    def _numbers(self, text: str) -> Iterator[int]:
        words = _words_of(text)
        for start in range(len(words)):
            for length in self._lengths:
                yield from self._said.get(words[start : start + length], ())


def numbered(n: int) -> TermList:
    """A vocabulary of n terms that are bare numbers, which no text says."""
    return TermList([str(number) for number in range(n)], [""] * n)


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))
