"""Which column a term of a file is: by a vocabulary file, by its own number, or as it comes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from lsr.exceptions import CollectionError, InputError, ModelError, shorten
from lsr.model.stored import MOST_TERMS
from lsr.model.term_list import TermList, numbered
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import MOST_JSON_BYTES
from lsr.storage.records import fits
from lsr.storage.texts import EncodingError, decode_text
from lsr.storage.untrusted import DamagedError, parse_json

_SPECIAL = re.compile(r"\[.*\]|<.*>")


class TermNumbers:
    """Numbers of terms in the columns of what is imported.

    Terms that are all digits are numbers, unless the vocabulary has them as terms; which of both is
    settled by the first terms that come. Without a vocabulary, words are numbered as they come.
    """

    def __init__(self, vocabulary: Vocabulary | None = None) -> None:
        self.given = vocabulary
        self._numbers: dict[str, int] = {}
        if vocabulary is not None:
            self._numbers = {term: number for number, term in enumerate(vocabulary.terms)}
        self._are: Literal["words", "numbers"] | None = None

    @property
    def n_terms(self) -> int | None:
        """Of the vocabulary that was given."""
        return None if self.given is None else len(self.given)

    def of(self, terms: Sequence[str], file: str) -> np.ndarray:
        """(n,) int64.

        Raises:
            CollectionError: a term is not in the vocabulary, or no number where all others are.
        """
        if terms and self._are is None:
            digits = all(term.isdecimal() and term.isascii() for term in terms)
            known = self.given is not None and all(term in self._numbers for term in terms)
            self._are = "numbers" if digits and not known else "words"
        if self._are == "numbers":
            return self._as_numbers(terms, file)
        if self.given is None:
            for term in terms:
                self._numbers.setdefault(term, len(self._numbers))
            if len(self._numbers) > MOST_TERMS:
                raise CollectionError(f"`{file}` has more than {MOST_TERMS:,} different terms.")
        try:
            return np.fromiter((self._numbers[term] for term in terms), np.int64, len(terms))
        except KeyError as absent:
            assert self.given is not None  # noqa: S101  else every term has got a number
            raise CollectionError(
                f"`{file}` has the term `{shorten(str(absent.args[0]))}`, which is none of the "
                f"{len(self.given):,} of the vocabulary. Give the vocabulary that the vectors were "
                "made with."
            ) from None

    def _as_numbers(self, terms: Sequence[str], file: str) -> np.ndarray:
        try:
            return np.fromiter(map(int, terms), np.int64, len(terms))
        except (ValueError, OverflowError):
            strange = next(t for t in terms if not t.isdecimal() or len(t) > 18)
            raise CollectionError(
                f"`{file}` has the term `{shorten(strange)}` among terms that are numbers. Use "
                "either words or numbers."
            ) from None

    def vocabulary(self, least: int) -> Vocabulary:
        """The vocabulary of what was read. least: of its size, where terms are numbers."""
        if self.given is not None:
            return self.given
        if self._are == "words":
            return word_list(self._numbers)
        return numbered(least)


def word_list(terms: Iterable[str]) -> TermList:
    """Terms as a vocabulary: word pieces and marks of a tokenizer are said by no text."""
    listed = list(terms)
    return TermList(listed, [_word(term) for term in listed])


def _word(term: str) -> str:
    if term.startswith("##") or _SPECIAL.fullmatch(term):
        return ""
    return term.lstrip("Ġ▁")


def read_vocabulary_file(place: str) -> Vocabulary:
    """The vocabulary in a `tokenizer.json` (or the folder of one), a JSON list or table of term to
    number, or a text file of one term a line, in the order of their numbers.

    Raises:
        InputError: there is no such file. ModelError: it holds something else.
    """
    path = Path(place).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise DamagedError(f"it has {path.stat().st_size / 2**20:,.0f} MB")
        text = decode_text(path.read_bytes())
        if path.suffix == ".json":
            content = parse_json(text)
            if isinstance(content, dict) and "model" in content:
                return Vocabulary.load(path)
            return _listed(_terms_of(content))
        return _listed(text.removesuffix("\n").split("\n"))
    except FileNotFoundError:
        raise InputError(f"There is no file `{shorten(place)}`. Check the path.") from None
    except (EncodingError, DamagedError, OSError) as problem:
        raise ModelError(
            f"`{path.name}` is no vocabulary ({problem}). Give a tokenizer.json, a JSON list, or "
            "one term a line."
        ) from None


def _terms_of(content: object) -> list[str]:
    if fits(content, list[str]):
        return list(content)  # type: ignore[call-overload]
    if fits(content, dict[str, int]):
        numbers: dict[str, int] = content  # type: ignore[assignment]
        if sorted(numbers.values()) == list(range(len(numbers))):
            return sorted(numbers, key=numbers.__getitem__)
        raise DamagedError("its numbers do not run from 0 without gaps")
    raise DamagedError("it is neither a list of terms nor a table of term and number")


def _listed(terms: list[str]) -> Vocabulary:
    terms = [term.rstrip("\r") for term in terms]
    if not 0 < len(terms) <= MOST_TERMS:
        raise DamagedError(f"it has {len(terms):,} terms")
    numbers = {term: number for number, term in enumerate(terms)}
    if len(numbers) < len(terms):
        twice = next(t for place, t in enumerate(terms) if numbers[t] != place)
        raise DamagedError(f"it has the term `{shorten(twice)}` twice")
    if "[UNK]" in numbers and any(term.startswith("##") for term in terms):
        return _word_pieces(numbers)
    return word_list(terms)


def _word_pieces(numbers: dict[str, int]) -> Vocabulary:
    """The `vocab.txt` of a BERT model, with the splitting that goes with it."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer

    tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 (no password)
    plain = (term for term in numbers if not _SPECIAL.fullmatch(term))
    tokenizer.normalizer = BertNormalizer(lowercase=all(term == term.lower() for term in plain))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return Vocabulary(tokenizer)
