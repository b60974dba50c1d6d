"""Why not: the fewest edits of terms that lift a missed answer among the first k."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lsr.exceptions import QueryError
from lsr.failures.cases import MOST_K, Cases
from lsr.failures.edits import SIDES, Offer, TermEdit, Texts, Where, offered, texts_of, vector_of
from lsr.kernels import edits as kernel

EXACT = 3
"""Up to so many edits of a query the set is the smallest there is."""
MOST_EDITS = 10
# Sets that are looked at before an exact answer is given up: some seconds.
_MOST_STEPS = 20_000_000


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


def why_not(
    cases: Cases,
    row: int,
    terms: Sequence[str],
    k: int = 1,
    side: Where = "query",
    said: Iterable[int] = (),
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
    edits than needed: `exact` is False then. Of sets of equal size, the one with fewest edits that
    no text speaks for is given (`TermEdit.said`), then the one that adds fewest terms, then the one
    that changes the weights least in sum.

    Args:
        terms: of the vocabulary, by number.
        said: terms by number that captions of the answer say, besides those that it activates.

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
    texts = texts_of(cases, row, terms, side, said) if cases.task.says else None
    if side == "answer":
        offer, places = _lifted_by_answer(cases, row, texts, margins, own, k)
        exact = True
    else:
        offer, places, exact = _lifted_by_query(cases, row, texts, margins, own, k)
    chosen = offer.pick(places)
    spoken_for = texts.speak_for(chosen) if texts else [None] * len(places)
    edits = tuple(
        TermEdit(side, kind, terms[term], float(amount), float(before), float(after), spoken)
        for (term, kind, amount, before, after), spoken in zip(
            zip(*chosen, strict=True), spoken_for, strict=True
        )
    )
    after = margins + _effects(cases, row, chosen, side).sum(axis=0)
    return WhyNot(side, k, edits, exact, _rank(after, own + _gains(cases, row, chosen, side).sum()))


def _margins(cases: Cases, row: int) -> tuple[np.ndarray, float]:
    """(answer's score less that of each wrong document (r,), the answer's score), float64."""
    scores = cases.task.documents.matrix.astype(np.float64) @ vector_of(cases, row, "query")
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


def _gains(cases: Cases, row: int, offer: Offer, side: Where) -> np.ndarray:
    """(a,) what each edit adds to the answer's score."""
    other = vector_of(cases, row, "answer" if side == "query" else "query")
    gains: np.ndarray = offer.changes * other[offer.terms]
    return gains


def _effects(cases: Cases, row: int, offer: Offer, side: Where) -> np.ndarray:
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
    cases: Cases, row: int, texts: Texts | None, margins: np.ndarray, own: float, k: int
) -> tuple[Offer, np.ndarray]:
    """The edits offered for the answer, and the places of the fewest that do."""
    offer = offered(vector_of(cases, row, "answer"), vector_of(cases, row, "query"), mutes=False)
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
    places = _most_said(texts, offer, places, gains, max(needed, -own))
    # Every amount is lowered as far as it still does, from the last one on.
    for at in range(len(places) - 1, -1, -1):
        rest = gains[places].sum() - gains[places[at]]
        smaller = np.flatnonzero(offer.terms == offer.terms[places[at]])
        does = smaller[(rest + gains[smaller] > needed) & (own + rest + gains[smaller] > 0)]
        places[at] = does[gains[does].argmin()]
    return offer, places


def _most_said(
    texts: Texts | None, offer: Offer, places: np.ndarray, gains: np.ndarray, needed: float
) -> np.ndarray:
    """The fewest of some edits that gain enough, and of as few the most that a text speaks for.

    Args:
        places: one a term, the largest gain first; all of them gain enough.
    """
    fewest = int(np.flatnonzero(np.cumsum(gains[places]) > needed)[0]) + 1
    said = np.array(texts.speak_for(offer.pick(places)) if texts else [True] * len(places))
    for unsaid in range(fewest):
        chosen = np.concatenate([places[said][: fewest - unsaid], places[~said][:unsaid]])
        if len(chosen) == fewest and gains[chosen].sum() > needed:
            return chosen
    return places[:fewest]


def _lifted_by_query(
    cases: Cases, row: int, texts: Texts | None, margins: np.ndarray, own: float, k: int
) -> tuple[Offer, np.ndarray, bool]:
    """The edits offered for the query, the places of those that do, and whether none fewer do."""
    offer = offered(vector_of(cases, row, "query"), vector_of(cases, row, "answer"), mutes=True)
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
    # So far apart that what comes first decides first, whatever the sums of three.
    step = 1 + EXACT * costs.max()
    costs += np.where(added, step, 0)
    if texts:
        costs += np.where(texts.speak_for(offer), 0, 2 * EXACT * step)
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
