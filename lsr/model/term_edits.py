"""Edits of a vocabulary: terms merged into others, renamed, or deleted, one after the other.

Columns keep their numbers, so vectors of one vocabulary stay comparable: a merged or a deleted
term is a column that nothing activates any more, and no text says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import quote, unquote

import numpy as np
import scipy.sparse as sp

from lsr.exceptions import QueryError, shorten
from lsr.model.vocabulary import Vocabulary
from lsr.storage.records import fits

Change = Literal["merge", "rename", "delete"]
MOST_EDITS = 1000
_MOST_LETTERS = 100


@dataclass(frozen=True)
class TermEdit:
    """One edit. to: the term that takes it in, or its new name; empty where it is deleted."""

    change: Change
    term: str
    to: str = ""

    def __str__(self) -> str:
        parts = (self.change, self.term, *([self.to] if self.to else []))
        return ":".join(quote(part, safe="") for part in parts)

    def in_words(self) -> str:
        """What it does, without a full stop."""
        match self.change:
            case "merge":
                return f"merge {self.term} into {self.to}"
            case "rename":
                return f"rename {self.term} to {self.to}"
        return f"delete {self.term}"


def edits_text(edits: Sequence[TermEdit]) -> str:
    """Edits as an address keeps them, in a form that `parse_edits` reads."""
    return ",".join(map(str, edits))


def parse_edits(text: str) -> tuple[TermEdit, ...]:
    """The edits that `merge:dogs:dog,rename:dog:hound,delete:the` names.

    Raises:
        QueryError: another form, or more than MOST_EDITS.
    """
    edits = []
    for piece in text.split(","):
        if piece:
            parts = map(unquote, piece.split(":", 2))
            edits.append(dict(zip(("edit", "term", "to"), parts, strict=False)))
    return checked_edits(edits)


def checked_edits(told: Any) -> tuple[TermEdit, ...]:
    """Edits as JSON holds them, `[{"edit", "term", "to"}]`.

    Raises:
        QueryError: they are none, or more than MOST_EDITS.
    """
    if not isinstance(told, list) or len(told) > MOST_EDITS:
        raise QueryError(f"Edits of terms are a list of up to {MOST_EDITS:,}.")
    edits = []
    for one in told:
        whole = fits(one, dict[str, str]) and one.keys() <= {"edit", "term", "to"}
        found = TermEdit(one.get("edit"), one.get("term", ""), one.get("to", "")) if whole else None
        if found is None or not _makes_sense(found):
            raise QueryError(
                f"`{shorten(str(one))}` is no edit of a term. Write merge:dogs:dog, "
                "rename:puppy:little-dog or delete:the."
            )
        edits.append(found)
    return tuple(edits)


def _makes_sense(edit: TermEdit) -> bool:
    known = edit.change in get_args(Change)
    return known and bool(edit.term) and (edit.change == "delete") == (not edit.to)


@dataclass(frozen=True, eq=False)
class Columns:
    """What edits make of the columns of a vocabulary.

    goes_to: (V,) int64, the column that takes each one in, itself where it stays, −1 where it is
    deleted. names: V names; a column that is gone has one in brackets.
    """

    goes_to: np.ndarray
    names: list[str]

    @property
    def gone(self) -> np.ndarray:
        """(V,) bool: merged into another, or deleted."""
        return np.asarray(self.goes_to != np.arange(len(self.goes_to)))

    def of_vectors(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """Sparse vectors (n, V) after the edits: of merged terms the largest weight counts."""
        columns = self.goes_to[matrix.indices]
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        order = np.lexsort((matrix.data, columns, rows))
        order = order[columns[order] >= 0]
        rows, columns = rows[order], columns[order]
        # The last of equal places has the largest weight.
        last = np.ones(len(order), bool)
        last[:-1] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        ends = np.concatenate([[0], np.cumsum(np.bincount(rows[last], minlength=matrix.shape[0]))])
        found = sp.csr_matrix((matrix.data[order][last], columns[last], ends), matrix.shape)
        found.has_sorted_indices = True
        return found

    def of_numbers(self, terms: np.ndarray) -> np.ndarray:
        """The numbers of terms that a text says, in order, without those that are deleted."""
        found = self.goes_to[terms]
        return np.asarray(found[found >= 0])


def columns_after(edits: Sequence[TermEdit], vocabulary: Vocabulary) -> Columns:
    """What edits make of a vocabulary's columns.

    Raises:
        QueryError: a term is not there (any more), a name is taken, or an edit changes nothing.
    """
    goes_to = np.arange(len(vocabulary))
    names = list(vocabulary.terms)
    numbers = {name: number for number, name in enumerate(names) if not vocabulary.special[number]}
    for edit in edits:
        number = _number(numbers, edit.term)
        del numbers[edit.term]
        if edit.change == "rename":
            if not edit.to.strip() or len(edit.to) > _MOST_LETTERS or edit.to != edit.to.strip():
                raise QueryError(
                    f"`{shorten(edit.to)}` is no name of a term. Use up to 100 letters."
                )
            if edit.to in numbers or edit.to == edit.term:
                raise QueryError(
                    f"There is a term `{shorten(edit.to)}` already. Merge `{shorten(edit.term)}` "
                    "into it, or choose another name."
                )
            names[number], numbers[edit.to] = edit.to, number
            continue
        into = -1 if edit.change == "delete" else _number(numbers, edit.to)
        goes_to[goes_to == number] = into
        names[number] = f"[{'deleted' if into < 0 else 'merged'} {number}]"
    return Columns(goes_to, names)


def _number(numbers: dict[str, int], term: str) -> int:
    try:
        return numbers[term]
    except KeyError:
        raise QueryError(
            f"`{shorten(term)}` is no term of this vocabulary, or an edit before took it away. "
            "Choose a term that is there."
        ) from None
