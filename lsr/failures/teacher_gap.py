"""The teacher gap: what of the teacher's view is lost between its vectors and the terms.

A head gives each term a number x before its threshold, and only what is above 0 becomes a weight,
log(1 + x). With a sign, u = ±log(1 + |x|), the same holds below. So what the threshold takes from a
score is an exact sum, one on either side:

- A query's term that a document has below the threshold counts 0 and not `weight × u`, which is
  negative: that the document speaks against the term is lost.
- A term that the query has below the threshold counts 0 and not `(u - mean) × u of the document`,
  where the mean is that of all queries: most of what lies below is common to all queries, and tells
  no document from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from lsr.evaluation.task import Side
from lsr.failures.cases import Cases
from lsr.model.function_words import FUNCTION_WORDS
from lsr.model.protocol import Model
from lsr.sweep.laboratory import Laboratory

Where = Literal["nowhere", "pruning", "document side", "query side", "head", "unknown"]
_SAYS: dict[Where, str] = {
    "nowhere": "The terms rank the answer ahead of the rival.",
    "pruning": "With all terms the answer is ahead; pruning puts the rival ahead.",
    "document side": "The answer is ahead once terms of the query count where a document has them "
    "below its threshold: that the rival speaks against them is lost.",
    "query side": "The answer is ahead once the terms count that the query has below its "
    "threshold: what the query does not speak of is lost.",
    "head": "The rival stays ahead even if nothing is cut: the head itself, or the terms switched "
    "off, lose what the teacher tells apart.",
    "unknown": "This model does not tell what lies below its threshold; pruning is not what puts "
    "the rival ahead.",
}
_SAMPLE, _BLOCK = 512, 128


class Part(NamedTuple):
    """What a part of the inner product gives the answer and the rival."""

    answer: float
    rival: float

    @property
    def margin(self) -> float:
        """By how much the part puts the answer ahead; below 0 where it puts the rival ahead."""
        return self.answer - self.rival


class Lost(NamedTuple):
    """A term below the threshold with what it would have given the answer and the rival."""

    term: str
    side: Literal["document", "query"]
    answer: float
    rival: float


@dataclass(frozen=True)
class TeacherGap:
    """From the teacher to the terms, for a query with its answer and the best rival.

    dense: cosines. score: of the terms as they are searched with. pruned: what prunings took from
    the score. document_side, query_side: what the thresholds took, as the module says; None where
    the model tells nothing of what lies below. lost: terms below that would have helped the answer
    against the rival most, of the documents' side alone where that suffices. off: how many terms of
    the vocabulary are switched off for good, None where that is not known; what they would give
    cannot be known, as their weights are gone. off_said: the words among them that the
    query says, without function words.
    """

    dense: Part
    score: Part
    pruned: Part
    document_side: Part | None
    query_side: Part | None
    lost: tuple[Lost, ...]
    off: int | None
    off_said: tuple[str, ...]

    @property
    def where(self) -> Where:
        """What the answer has to be given back to be ahead of the rival, one after the other."""
        margin = self.score.margin
        if margin > 0:
            return "nowhere"
        margin += self.pruned.margin
        if margin > 0:
            return "pruning"
        if self.document_side is None or self.query_side is None:
            return "unknown"
        margin += self.document_side.margin
        if margin > 0:
            return "document side"
        return "query side" if margin + self.query_side.margin > 0 else "head"

    def in_words(self) -> str:
        """What `where` means, in a sentence."""
        return _SAYS[self.where]


def usual_query(lab: Laboratory) -> np.ndarray | None:
    """(V,) float64 mean of u over up to 512 queries, evenly spaced; None without thresholds."""
    dense = lab.plain.queries.dense
    step = -(-len(dense) // _SAMPLE)
    total, n = np.zeros(len(lab.model.vocabulary)), 0
    for start in range(0, len(dense), step * _BLOCK):
        block = lab.model.before_threshold(dense[start : start + step * _BLOCK : step])
        if block is None:
            return None
        total += _signed(block).sum(axis=0)
        n += len(block)
    return total / n


def teacher_gap(
    lab: Laboratory, cases: Cases, row: int, usual: np.ndarray | None, most: int = 10
) -> TeacherGap | None:
    """What is lost between the teacher and the terms; None where there is no rival.

    Args:
        lab: of the cases, with the prunings under which they were found.
        usual: (V,) of `usual_query`. most: terms of `lost`.
    """
    if cases.rivals[row] < 0:
        return None
    places = [int(cases.answers[row]), int(cases.rivals[row])]
    plain, task, model = lab.plain, cases.task, lab.model
    terms = model.vocabulary.terms
    query, documents = plain.queries.dense[row], plain.documents.dense[places]
    dense = Part(*_cosines(query, documents))
    score = Part(*_products(task.queries, task.documents, row, places).sum(axis=1))
    unpruned = Part(*_products(plain.queries, plain.documents, row, places).sum(axis=1))
    pruned = Part(unpruned.answer - score.answer, unpruned.rival - score.rival)
    before = model.before_threshold(np.vstack([query[None], documents]))
    if before is None or usual is None:
        return TeacherGap(dense, score, pruned, None, None, (), None, ())
    signed, off = _signed(before), np.isnan(before[0])
    asked = signed[0] > 0
    against = np.where(asked, signed[0] * np.minimum(signed[1:], 0), 0)
    unasked = np.where(asked, 0, (signed[0] - usual) * signed[1:])
    unasked[:, off] = 0
    document_side = Part(*against.sum(axis=1))
    enough = unpruned.margin + document_side.margin > 0
    return TeacherGap(
        dense,
        score,
        pruned,
        document_side,
        Part(*unasked.sum(axis=1)),
        _lost(against if enough else against + unasked, asked, terms, most),
        int(off.sum()),
        tuple(terms[number] for number in _said(model, cases, row) if off[number]),
    )


def _signed(before: np.ndarray) -> np.ndarray:
    """u of what lies before the threshold, float64; 0 at terms switched off."""
    wide = np.nan_to_num(before.astype(np.float64), nan=0.0)
    signed: np.ndarray = np.sign(wide) * np.log1p(np.abs(wide))
    return signed


def _lost(
    given: np.ndarray, asked: np.ndarray, terms: Sequence[str], most: int
) -> tuple[Lost, ...]:
    """The terms that would help the answer against the rival most, given (2, V)."""
    help_ = given[0] - given[1]
    first = np.lexsort((np.arange(len(help_)), -help_))[:most]
    return tuple(
        Lost(
            terms[number],
            "document" if asked[number] else "query",
            float(given[0, number]),
            float(given[1, number]),
        )
        for number in first
        if help_[number] > 0
    )


def _cosines(query: np.ndarray, documents: np.ndarray) -> list[float]:
    vectors = np.vstack([query[None], documents]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return [float(one) for one in vectors[1:] @ vectors[0]]


def _products(queries: Side, documents: Side, row: int, places: Sequence[int]) -> np.ndarray:
    """(2, V) float64 products of a query's terms with two documents."""
    query = queries.matrix[row].toarray().astype(np.float64)
    found: np.ndarray = documents.matrix[places].toarray().astype(np.float64) * query
    return found


def _said(model: Model, cases: Cases, row: int) -> list[int]:
    """The terms that a query says, where it is a text; no signs and no function words."""
    if cases.task.queries_are != "captions" or not model.vocabulary.says:
        return []
    said = dict.fromkeys(int(one) for one in model.vocabulary.literal_ids(cases.texts[row]))
    terms = model.vocabulary.terms
    return [
        one
        for one in said
        if any(map(str.isalpha, terms[one])) and terms[one] not in FUNCTION_WORDS
    ]
