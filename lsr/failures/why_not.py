"""Why not: the fewest edits of terms that lift a missed answer among the first k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from lsr.exceptions import QueryError
from lsr.failures.cases import MOST_K, Cases
from lsr.kernels import edits as kernel

Kind = Literal["mute", "boost", "add"]
Where = Literal["query", "answer"]
SIDES: tuple[Where, ...] = get_args(Where)
BOOSTS = (1.5, 2.0, 3.0)
"""Factors of a boost; the Search page turns a term no further than 3."""
SHARES = (0.25, 0.5, 1.0)
"""Weights of an added term, as parts of the vector's largest."""
EXACT = 3
"""Up to so many edits of a query the set is the smallest there is."""
MOST_EDITS = 10
# Sets that are looked at before an exact answer is given up: some seconds.
_MOST_STEPS = 20_000_000


class TermEdit(NamedTuple):
    """One change of a term's weight; 0 before where it is added, 0 after where it is muted.

    amount: the factor of a boost, the weight of an added term, 0 of a mute.
    """

    side: Where
    kind: Kind
    term: str
    amount: float
    before: float
    after: float

    def __str__(self) -> str:
        if self.kind == "mute":
            return f"mute {self.term}"
        amount = f"× {self.amount:g}" if self.kind == "boost" else f"with {self.amount:.2f}"
        return f"{self.kind} {self.term} {amount}"


@dataclass(frozen=True)
class WhyNot:
    """What lifts an answer among the first k.

    edits: empty where the answer is there already, or where no set of up to 10 edits was found.
    exact: no smaller set of the edits offered does it, or, without edits, none of up to 3 does.
    rank: of the answer after the edits; 0 where it is no hit.
    """

    side: Where
    k: int
    edits: tuple[TermEdit, ...]
    exact: bool
    rank: int

    @property
    def lifted(self) -> bool:
        """Whether the answer is among the first k after the edits."""
        return 0 < self.rank <= self.k


class _Offer(NamedTuple):
    """Edits of one vector, the smallest change first: (a,) each."""

    terms: np.ndarray
    kinds: list[Kind]
    amounts: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @property
    def changes(self) -> np.ndarray:
        return self.after - self.before

    def pick(self, places: np.ndarray) -> _Offer:
        kinds = [self.kinds[place] for place in places]
        return _Offer(self.terms[places], kinds, *(one[places] for one in self[2:]))


def why_not(
    cases: Cases, row: int, terms: Sequence[str], k: int = 1, side: Where = "query"
) -> WhyNot:
    """The fewest edits of a query's terms, or of its answer's, that lift the answer to the first k.

    It is the best right document of today that is lifted. Offered are, for the query, to mute a
    term, to boost it 1.5, 2 or 3 times, and to add a term of the answer with 1/4, 1/2 or all of the
    query's largest weight; for the answer, the same boosts, and to add a term of the query. Other
    amounts may do with fewer.

    A score is linear in the weights of either side, so an edit moves the margin over every rival by
    a constant, and edits of different terms add up. Edits of the answer move all margins alike:
    taking the largest first gives the fewest, however many. Edits of the query move each margin
    otherwise: sets of one, two and three are searched whole, and left as soon as k rivals stay
    ahead whatever may follow (`lsr.kernels.edits`). Beyond three, and where that search would take
    too long, the edit that leaves fewest rivals ahead is taken again and again, which may take more
    edits than needed: `exact` is False then. Of sets of equal size, the one that adds fewest terms
    is given, then the one that changes the weights least in sum.

    Args:
        terms: of the vocabulary, by number.

    Raises:
        QueryError: k or the side is none.
    """
    if not 1 <= k <= MOST_K:
        raise QueryError(f"k is {k:,}. Use 1 to {MOST_K:,}.")
    if side not in SIDES:
        raise QueryError(f"`{side[:40]}` is no side. Use {' or '.join(SIDES)}.")
    margins, own = _margins(cases, row)
    rank = _rank(margins, own)
    if 0 < rank <= k:
        return WhyNot(side, k, (), True, rank)
    if side == "answer":
        offer, places = _lifted_by_answer(cases, row, margins, own, k)
        exact = True
    else:
        offer, places, exact = _lifted_by_query(cases, row, margins, own, k)
    chosen = offer.pick(places)
    edits = tuple(
        TermEdit(side, kind, terms[term], float(amount), float(before), float(after))
        for term, kind, amount, before, after in zip(*chosen, strict=True)
    )
    after = margins + _effects(cases, row, chosen, side).sum(axis=0)
    return WhyNot(side, k, edits, exact, _rank(after, own + _gains(cases, row, chosen, side).sum()))


def _margins(cases: Cases, row: int) -> tuple[np.ndarray, float]:
    """(answer's score less that of each wrong document (r,), the answer's score), float64."""
    scores = cases.task.documents.matrix.astype(np.float64) @ _vector(cases, row, "query")
    own = float(scores[cases.answers[row]])
    return own - scores[_wrong(cases, row)], own


def _wrong(cases: Cases, row: int) -> np.ndarray:
    """(n,) bool: the documents that do not answer a query."""
    starts, rows = cases.task.relevant
    wrong = np.ones(len(cases.task.documents), bool)
    wrong[rows[starts[row] : starts[row + 1]]] = False
    return wrong


def _rank(margins: np.ndarray, own: float) -> int:
    return 1 + int((margins <= 0).sum()) if own > 0 else 0


def _vector(cases: Cases, row: int, side: Where) -> np.ndarray:
    """(V,) float64 weights of the query or of its answer."""
    task = cases.task
    matrix = task.queries.matrix[row] if side == "query" else None
    if matrix is None:
        matrix = task.documents.matrix[cases.answers[row]]
    vector: np.ndarray = matrix.toarray()[0].astype(np.float64)
    return vector


def _offered(own: np.ndarray, other: np.ndarray, *, mutes: bool) -> _Offer:
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
    offer = _Offer(found, kinds, amounts, own[found], after)
    return offer.pick(np.lexsort((offer.amounts, offer.terms, np.abs(offer.changes))))


def _stored(weights: np.ndarray | float) -> np.ndarray:
    """Weights as float32 holds them, in float64."""
    return np.asarray(weights, np.float32).astype(np.float64)


def _gains(cases: Cases, row: int, offer: _Offer, side: Where) -> np.ndarray:
    """(a,) what each edit adds to the answer's score."""
    other = _vector(cases, row, "answer" if side == "query" else "query")
    gains: np.ndarray = offer.changes * other[offer.terms]
    return gains


def _effects(cases: Cases, row: int, offer: _Offer, side: Where) -> np.ndarray:
    """(a, r) what each edit adds to the margin over each wrong document."""
    gains = _gains(cases, row, offer, side)
    wrong = _wrong(cases, row)
    effects = np.repeat(gains[:, None], int(wrong.sum()), axis=1)
    if side == "query":
        for place, term in enumerate(offer.terms):
            effects[place] -= offer.changes[place] * _column(cases, int(term))[wrong]
    return effects


def _column(cases: Cases, term: int) -> np.ndarray:
    """(n,) float64: a term's weight in every document."""
    postings = cases.task.documents.postings
    here = slice(*postings.starts[term : term + 2])
    column = np.zeros(len(cases.task.documents))
    column[postings.rows[here]] = postings.weights[here]
    return column


def _lifted_by_answer(
    cases: Cases, row: int, margins: np.ndarray, own: float, k: int
) -> tuple[_Offer, np.ndarray]:
    """The edits offered for the answer, and the places of the fewest that do."""
    offer = _offered(_vector(cases, row, "answer"), _vector(cases, row, "query"), mutes=False)
    gains = _gains(cases, row, offer, "answer")
    # All margins move alike, so the k-th best rival decides.
    needed = -np.sort(margins)[k - 1] if len(margins) >= k else -own
    largest = np.lexsort((offer.terms, -gains))
    _, first = np.unique(offer.terms[largest], return_index=True)
    places = largest[np.sort(first)]  # one a term, the largest gain first
    total = np.cumsum(gains[places])
    enough = np.flatnonzero((total > needed) & (own + total > 0))
    if not len(enough):
        return offer, places[:0]
    places = places[: enough[0] + 1]
    # Every amount is lowered as far as it still does, from the last one on.
    for at in range(len(places) - 1, -1, -1):
        rest = gains[places].sum() - gains[places[at]]
        smaller = np.flatnonzero(offer.terms == offer.terms[places[at]])
        does = smaller[(rest + gains[smaller] > needed) & (own + rest + gains[smaller] > 0)]
        places[at] = does[gains[does].argmin()]
    return offer, places


def _lifted_by_query(
    cases: Cases, row: int, margins: np.ndarray, own: float, k: int
) -> tuple[_Offer, np.ndarray, bool]:
    """The edits offered for the query, the places of those that do, and whether none fewer do."""
    offer = _offered(_vector(cases, row, "query"), _vector(cases, row, "answer"), mutes=True)
    gains = _gains(cases, row, offer, "query")
    effects = _effects(cases, row, offer, "query")
    # An edit that brings the answer nearer to no rival and adds nothing to it is of no use.
    useful = np.flatnonzero((effects > 0).any(axis=1) | (gains > 0))
    offer, gains, effects = offer.pick(useful), gains[useful], effects[useful]
    none = np.zeros(0, np.int64)
    if not len(useful):
        return offer, none, True
    # A rival that the worst edits do not bring ahead needs no look; those far ahead come first.
    near = margins + MOST_EDITS * np.minimum(effects.min(axis=0), 0) <= 0
    order = np.flatnonzero(near)[np.argsort(margins[near], kind="stable")]
    margins, effects = margins[order], effects[:, order]
    costs = np.abs(offer.changes)
    added = np.array([kind == "add" for kind in offer.kinds])
    costs += np.where(added, 1 + EXACT * costs.max(), 0)
    cheap = np.argsort(costs, kind="stable")
    offer, gains, costs = offer.pick(cheap), gains[cheap], costs[cheap]
    effects = np.ascontiguousarray(effects[cheap])
    exact = True
    for size in range(1, min(EXACT, len(np.unique(offer.terms))) + 1):
        found = np.zeros(size, np.int64)
        told = kernel.smallest_set(
            margins,
            effects,
            own,
            gains,
            offer.terms.astype(np.int64),
            costs,
            k,
            size,
            _MOST_STEPS,
            found,
        )
        if told == kernel.FOUND:
            return offer, found, exact
        exact = exact and told == kernel.NONE
    places = _greedy(margins, effects, own, gains, offer.terms, k)
    return offer, places, exact and not len(places)


def _greedy(
    margins: np.ndarray,
    effects: np.ndarray,
    own: float,
    gains: np.ndarray,
    terms: np.ndarray,
    k: int,
) -> np.ndarray:
    """Places of edits that do, taken one by one; empty where ten do not suffice."""
    places: list[int] = []
    for _ in range(MOST_EDITS):
        free = np.flatnonzero(~np.isin(terms, terms[places]))
        if not len(free):
            break
        after = margins + effects[free]
        ahead = (after <= 0).sum(axis=1)
        worst = np.sort(after, axis=1)[:, min(k, after.shape[1]) - 1] if after.shape[1] else ahead
        best = free[np.lexsort((-worst, ahead))[0]]
        places.append(int(best))
        margins, own = margins + effects[best], own + gains[best]
        if int((margins <= 0).sum()) < k and own > 0:
            return np.array(places, np.int64)
    return np.zeros(0, np.int64)
