"""A named first guess at why an answer stands behind a rival, with its share of the gap.

A gap between two scores is a sum over terms. Each term on which the rival is ahead belongs to one
cause by what is known of the term; what no such rule explains, the terms that the rival has with
reason, belongs to the first cause by what is known of the two documents. So shares add up to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lsr.failures.cases import Cases
from lsr.failures.documents import Facts, find_facts
from lsr.failures.shares import HUB_SHARE, NAMES, NEAREST, Shares, find_shares, said_by_documents
from lsr.sweep.laboratory import Laboratory

LEAST_SHARE = 0.2
# Terms shown of a cause: so many at most, and none of less than this part of the largest.
_EVIDENCE, _TELLING = 5, 0.1
# By name: the rule, as the page and the command say it.
CAUSES = {
    "no shared term": "the answer has no term in common with the query",
    "pruning or control": "with all its terms the answer would be less far behind, or ahead",
    "word in pieces": "the vocabulary has no term for a word of the query, the rival’s captions do "
    "not say it, and the dense vectors put the answer ahead",
    "under-activation": "the answer does not activate terms that the query, or one of its own "
    "captions, says",
    "unsupported rival": "the rival activates content words that neither its captions say in any "
    f"form nor those of the {NEAREST} documents nearest to it by the dense vectors",
    "unsupported query": "the model adds content words to the query that no caption of the answer "
    "says in any form",
    "generic terms": f"the rival gains by terms that at least {HUB_SHARE:.0%} of all documents "
    "have, and of which captions say them",
    "number or order": "the rival’s captions say every content word of the query, but with another "
    "number or another relation",
    "ambiguous text": "the rival’s captions say every content word of the query and contradict "
    "none of its numbers and relations, so the text fits the rival as well",
    "near-duplicate": "answer and rival are each other’s nearest by the dense vectors",
    "teacher": "the dense vectors put the same rival ahead of the answer",
    "unexplained": "no rule explains it: terms that both have with reason, the rival with more "
    "weight",
}
CAUSE_NAMES = tuple(CAUSES)
UNEXPLAINED = len(CAUSES) - 1
_PLACE = {name: place for place, name in enumerate(CAUSE_NAMES)}
_OF_KIND = {
    "silent": "under-activation",
    "unsupported": "unsupported rival",
    "astray": "unsupported query",
    "generic": "generic terms",
    "outweighed": "unexplained",
}
# Facts about the two documents, in the order in which they take what terms do not explain.
_OF_DOCUMENTS = ("number or order", "ambiguous text", "near-duplicate", "teacher")


class Cause(NamedTuple):
    """A cause of one failure: its share of what the rival gains, and what it rests on."""

    name: str
    share: float
    evidence: str


@dataclass(frozen=True, eq=False)
class Causes:
    """The causes of every failure; an answer in front has none.

    shares: (q, causes) float64 in the order of CAUSES, parts of all that the rival gains; a row of
        a failure adds up to 1, others are 0.
    holds: (q, causes) bool, is it named? Sums over terms with at least a fifth, facts of texts and
        documents whenever their rule holds, and always the largest.
    of_gain: (x,) the cause of each of the gains of `gains`.
    """

    shares: np.ndarray
    holds: np.ndarray
    gains: Shares
    of_gain: np.ndarray
    facts: Facts

    @cached_property
    def main(self) -> np.ndarray:
        """(q,) int8, the cause of the largest share; -1 where there is no failure."""
        largest = self.shares.argmax(axis=1).astype(np.int8)
        return np.where(self.shares.any(axis=1), largest, np.int8(-1))

    def counts(self, rows: np.ndarray) -> np.ndarray:
        """(causes,) int64: in how many of some queries each is named."""
        counted: np.ndarray = self.holds[rows].sum(axis=0)
        return counted

    def of(self, rows: np.ndarray) -> np.ndarray:
        """(causes,) mean shares over the failures among some queries; they add up to 1."""
        failed = rows[self.shares[rows].any(axis=1)]
        return self.shares[failed].mean(axis=0) if len(failed) else np.zeros(len(CAUSES))


def find_causes(cases: Cases, lab: Laboratory) -> Causes:
    """The causes of every failure among cases of a laboratory."""
    said = said_by_documents(lab, cases)
    gains = find_shares(cases, lab.model.vocabulary.terms, said)
    return causes_of(cases, gains, find_facts(cases, lab))


def causes_of(cases: Cases, gains: Shares, facts: Facts) -> Causes:
    """The causes, from what terms and documents are known to be."""
    failed = cases.ranks != 1
    of_gain = np.array([_PLACE[_OF_KIND[name]] for name in NAMES])[gains.kinds]
    of_gain[gains.literal & facts.is_piece(gains)] = _PLACE["word in pieces"]
    cells = gains.rows * len(CAUSES) + of_gain
    summed = np.bincount(cells, gains.gains, len(cases) * len(CAUSES)).reshape(-1, len(CAUSES))
    whole = summed.sum(axis=1, keepdims=True)
    shares = np.divide(summed, whole, out=np.zeros(summed.shape), where=whole > 0)

    cut = facts.cut[:, None]
    shares = shares * (1 - cut)
    shares[:, _PLACE["pruning or control"]] = facts.cut
    # A tie is a failure, though nothing may be ahead; nothing shared explains all.
    shares[~shares.any(axis=1), UNEXPLAINED] = 1
    shares[cases.shared == 0] = np.eye(len(CAUSES))[_PLACE["no shared term"]]
    holds = shares >= LEAST_SHARE
    holds[list(facts.pieces), _PLACE["word in pieces"]] = True
    open_still = shares[:, UNEXPLAINED].copy()
    for name in _OF_DOCUMENTS:
        place, fact = _PLACE[name], facts.of_documents[name]
        shares[:, place] = np.where(fact, open_still, 0)
        open_still = np.where(fact, 0, open_still)
        holds[:, place] = fact
    shares[:, UNEXPLAINED] = open_still
    holds[:, UNEXPLAINED] = open_still >= LEAST_SHARE
    # Where many small things come together, the largest of them is the guess.
    rows = np.arange(len(cases))
    holds[rows, shares.argmax(axis=1)] = True
    shares[~failed], holds[~failed] = 0, False
    return Causes(shares, holds, gains, of_gain, facts)


def cause_of(found: Causes, row: int) -> str:
    """The first guess of a query; empty where the answer is in front."""
    place = int(found.main[row])
    return CAUSE_NAMES[place] if place >= 0 else ""


def explain(found: Causes, cases: Cases, row: int, terms: list[str]) -> list[Cause]:
    """The causes that are named for a query, the largest share first."""
    order = sorted(np.flatnonzero(found.holds[row]), key=lambda place: -found.shares[row, place])
    return [
        Cause(
            CAUSE_NAMES[place],
            float(found.shares[row, place]),
            "; ".join(_evidence(found, cases, row, int(place), terms)),
        )
        for place in order
    ]


def _evidence(found: Causes, cases: Cases, row: int, place: int, terms: list[str]) -> Iterator[str]:
    name = CAUSE_NAMES[place]
    told = found.facts.evidence(row)
    if name in told:
        yield told[name]
    start, stop = np.searchsorted(found.gains.rows, [row, row + 1])
    span = slice(start, stop)
    shown = np.flatnonzero(found.of_gain[span] == place)[:_EVIDENCE] + start
    if len(shown):
        shown = shown[found.gains.gains[shown] >= _TELLING * found.gains.gains[shown[0]]]
        yield ", ".join(
            f"{terms[found.gains.terms[one]]} {found.gains.gains[one]:.2f}" for one in shown
        )
    if name == "no shared term":
        yield f"{cases.active[row]} terms of the query, none of them in the answer"
