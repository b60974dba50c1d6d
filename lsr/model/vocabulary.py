"""The vocabulary that sparse vectors live in, and which of its terms a text says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from tokenizers import Tokenizer

from lsr.exceptions import ModelError, UnknownNameError, shorten
from lsr.storage.files import fingerprint, missing

# [CLS], [SEP], [PAD], [UNK], [MASK], [unused0] …: marks of the tokenizer, not words.
_SPECIAL = re.compile(r"\[(?:CLS|SEP|PAD|UNK|MASK|unused\d+)\]")


class Vocabulary:
    """The terms of a WordPiece tokenizer, numbered from 0.

    `lsr.model.term_list` has vocabularies without a tokenizer.

    Args:
        tokenizer: a tokenizer whose ids run from 0 to V − 1 without gaps.
    """

    says = True
    """Whether it is known which terms a text says."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
        self.terms: list[str] = sorted(self._ids, key=self._ids.__getitem__)

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """The vocabulary of a `tokenizer.json`.

        Raises:
            ModelError: the file is missing or is not a tokenizer.
        """
        try:
            return _of_file(path.read_bytes())
        except (FileNotFoundError, IsADirectoryError):
            raise ModelError(missing(path)) from None
        except Exception as problem:  # noqa: BLE001 - tokenizers raises no other
            raise ModelError(f"`{path}` is not a tokenizer ({problem}). Restore it.") from None

    def __len__(self) -> int:
        return len(self.terms)

    def save(self, path: Path) -> None:
        self._tokenizer.save(str(path))

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint("\n".join(self.terms))

    @cached_property
    def tokenizer_fingerprint(self) -> str:
        """Also tells apart vocabularies of the same terms that split texts in another way."""
        return fingerprint(self._tokenizer.to_str())

    @cached_property
    def special(self) -> np.ndarray:
        """(V,) bool: terms that are marks of the tokenizer and never literal."""
        marks = {
            one.content
            for one in self._tokenizer.get_added_tokens_decoder().values()
            if one.special
        }
        return np.array([bool(_SPECIAL.fullmatch(term)) or term in marks for term in self.terms])

    def id_of(self, word: str) -> int:
        """The number of a term.

        Raises:
            UnknownNameError: the word is not one whole term; the message says how it splits.
        """
        term = word.strip()
        for candidate in (term, term.lower()):
            if candidate in self._ids:
                return self._ids[candidate]
        pieces = [self.terms[i] for i in self.token_ids([term[:200]])[0]]
        near = difflib.get_close_matches(term.lower()[:40], self.terms, n=3)
        hint = f" It splits into {', '.join(f'`{p}`' for p in pieces[:8])}." if pieces else ""
        offer = f" Near terms: {', '.join(f'`{t}`' for t in near)}." if near and not pieces else ""
        raise UnknownNameError(
            f"`{shorten(word)}` is not a term of the vocabulary of {len(self):,} terms."
            f"{hint}{offer} Try a common single word."
        )

    def token_ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """For every text its token ids in order, special tokens left out, int64."""
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        special = self.special
        return [ids[~special[ids]] for ids in (np.array(e.ids, np.int64) for e in encoded)]

    def read_words(self, text: str) -> list[tuple[str, list[int]]]:
        """The words of a text as they stand there, each with the terms it is read as, in order.

        A word that the vocabulary has nothing for has none; punctuation counts as words.
        """
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        words: dict[int, tuple[int, int, list[int]]] = {}
        marks = zip(encoded.word_ids, encoded.ids, encoded.offsets, strict=True)
        for number, term, (start, stop) in marks:
            if number is None:
                continue
            first, _, terms = words.get(number, (start, stop, []))
            words[number] = first, stop, terms if self.special[term] else [*terms, term]
        return [(text[start:stop], terms) for start, stop, terms in words.values()]

    def literal_ids(self, text: str) -> np.ndarray:
        """The different terms that a text says, ascending int64, special tokens left out."""
        return np.unique(self.token_ids([text])[0])

    def literal_matrix(self, texts: Sequence[str]) -> sp.csr_matrix:
        """(texts, V) bool: which terms each text says, special tokens left out."""
        rows = [np.unique(ids) for ids in self.token_ids(texts)]
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        said = np.ones(len(columns), bool)
        return sp.csr_matrix((said, columns, ends), shape=(len(texts), len(self)))


@lru_cache(maxsize=4)
def _of_file(content: bytes) -> Vocabulary:
    """One object for equal files: most models share a vocabulary, and reading one takes 0.1 s."""
    return Vocabulary(Tokenizer.from_buffer(content))
