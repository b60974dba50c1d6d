"""Edits of a term's weight: those offered for a query or its answer, and what speaks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from lsr.evaluation.task import Side
from lsr.failures.cases import Cases
from lsr.search.audit import stem

Kind = Literal["mute", "boost", "add"]
Where = Literal["query", "answer"]
SIDES: tuple[Where, ...] = get_args(Where)
BOOSTS = (1.5, 2.0, 3.0)
"""Factors of a boost; the Search page turns a term no further than 3."""
SHARES = (0.25, 0.5, 1.0)
"""Weights of an added term, as parts of the vector's largest."""


class TermEdit(NamedTuple):
    """One change of a term's weight; 0 before where it is added, 0 after where it is muted.

    amount: the factor of a boost, the weight of an added term, 0 of a mute. said: a text speaks for
    it, in any form of the term: the query or a caption of the answer says what is boosted or added
    to the query, a caption of the answer what is boosted or added to that, and the query does not
    say what is muted. None where it is not known which terms a text says.
    """

    side: Where
    kind: Kind
    term: str
    amount: float
    before: float
    after: float
    said: bool | None

    def __str__(self) -> str:
        if self.kind == "mute":
            return f"mute {self.term}"
        amount = f"× {self.amount:g}" if self.kind == "boost" else f"with {self.amount:.2f}"
        return f"{self.kind} {self.term} {amount}"


class Offer(NamedTuple):
    """Edits of one vector, the smallest change first: (a,) each."""

    terms: np.ndarray
    kinds: list[Kind]
    amounts: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def changes(self) -> np.ndarray:
        return self.after - self.before

    def pick(self, places: np.ndarray) -> Offer:
        kinds = [self.kinds[place] for place in places]
        return Offer(self.terms[places], kinds, *(one[places] for one in self[2:]))


class Texts(NamedTuple):
    """What texts say, by the forms of terms.

    form: of a term by number. for_more: what may be boosted or added. not_less: what may not be
    muted.
    """

    form: Callable[[int], str]
    for_more: set[str]
    not_less: set[str]

    def speak_for(self, offer: Offer) -> list[bool]:
        """Of each edit: does a text speak for it, as `TermEdit.said` says?"""
        forms = [self.form(int(term)) for term in offer.terms]
        return [
            form not in self.not_less if kind == "mute" else form in self.for_more
            for form, kind in zip(forms, offer.kinds, strict=True)
        ]


def texts_of(
    cases: Cases, row: int, terms: Sequence[str], side: Where, said: Iterable[int]
) -> Texts:
    """What the query, and the captions of its answer, say."""

    def form(term: int) -> str:
        return stem(terms[term])

    def spoken(of: Side, place: int) -> set[str]:
        span = slice(*of.matrix.indptr[place : place + 2])
        return {form(number) for number in of.matrix.indices[span][of.said[span]]}

    asked = spoken(cases.task.queries, row)
    answered = spoken(cases.task.documents, int(cases.answers[row])) | set(map(form, said))
    return Texts(form, answered | asked if side == "query" else answered, asked)


def vector_of(cases: Cases, row: int, side: Where) -> np.ndarray:
    """(V,) float64 weights of the query or of its answer."""
    task = cases.task
    matrix = task.queries.matrix[row] if side == "query" else None
    if matrix is None:
        matrix = task.documents.matrix[cases.answers[row]]
    vector: np.ndarray = matrix.toarray()[0].astype(np.float64)
    return vector


def offered(own: np.ndarray, other: np.ndarray, *, mutes: bool) -> Offer:
    """Edits of a vector (V,), given the vector that it is multiplied with."""
    most = own.max(initial=0.0) or 1.0
    has, wants = np.flatnonzero(own), np.flatnonzero((own == 0) & (other > 0))
    parts: list[tuple[np.ndarray, Kind, np.ndarray, np.ndarray]] = []
    if mutes:
        parts.append((has, "mute", np.zeros(len(has)), np.zeros(len(has))))
    both = has[other[has] > 0]
    for factor in BOOSTS:
        parts.append((both, "boost", np.full(len(both), factor), _stored(own[both] * factor)))
    for share in SHARES:
        weights = np.full(len(wants), _stored(share * most))
        parts.append((wants, "add", weights, weights))
    found = np.concatenate([one[0] for one in parts])
    kinds: list[Kind] = [kind for numbers, kind, *_ in parts for _ in numbers]
    amounts = np.concatenate([one[2] for one in parts])
    after = np.concatenate([one[3] for one in parts])
    offer = Offer(found, kinds, amounts, own[found], after)
    return offer.pick(np.lexsort((offer.amounts, offer.terms, np.abs(offer.changes))))


def _stored(weights: np.ndarray | float) -> np.ndarray:
    """Weights as float32 holds them, in float64."""
    return np.asarray(weights, np.float32).astype(np.float64)
