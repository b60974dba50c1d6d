"""What is known of a query, its answer and its rival, apart from the terms that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lsr.failures.cases import Cases
from lsr.failures.shares import Shares
from lsr.failures.wording import NOTHING, Wording, read, wording
from lsr.search.audit import stem
from lsr.sweep.laboratory import Laboratory

_BLOCK = 512
_Pieces = Mapping[int, tuple[tuple[str, tuple[int, ...]], ...]]


@dataclass(frozen=True, eq=False)
class Facts:
    """Of each query; what is only looked at where the answer is behind is False elsewhere.

    pieces: of a row, the words that got lost because they are no single term, each with its terms.
    cut: (q,) float64 from 0 to 1, the part of the gap that pruning or control made.
    of_documents: by cause, (q,) bool. told: of a row, what the causes rest on.
    asked: (q,) the term of most weight among those that the query says and the captions of the
        rival do not, -1 where there is none.
    """

    pieces: _Pieces
    cut: np.ndarray
    of_documents: Mapping[str, np.ndarray]
    told: Mapping[int, Mapping[str, str]]
    terms: Sequence[str]
    asked: np.ndarray

    def is_piece(self, gains: Shares) -> np.ndarray:
        """(x,) bool: is the term of a gain a piece of a word of the query?"""
        split = {
            (row, term)
            for row, words in self.pieces.items()
            for _, of_word in words
            for term in of_word
        }
        pairs = zip(gains.rows.tolist(), gains.terms.tolist(), strict=True)
        return np.fromiter((pair in split for pair in pairs), bool, len(gains.rows))

    def evidence(self, row: int) -> dict[str, str]:
        """By cause, what a row's causes rest on, besides terms."""
        found = dict(self.told.get(row, {}))
        if words := self.pieces.get(row):
            found["word in pieces"] = ", ".join(
                f"{word} = {' '.join(self.terms[term] for term in of_word) or 'nothing'}"
                for word, of_word in words
            )
        if self.cut[row] > 0:
            found["pruning or control"] = f"{self.cut[row]:.0%} of the gap is gone without it"
        return found


def find_facts(cases: Cases, lab: Laboratory) -> Facts:
    """What is known of every failure among cases of a laboratory."""
    behind = np.flatnonzero((cases.ranks != 1) & (cases.rivals >= 0))
    told: dict[int, dict[str, str]] = {int(row): {} for row in behind}
    texts = _texts(cases, lab, behind)
    contradicted, fits = _fits(cases, texts, told)
    agrees = _teacher_agrees(cases, behind, told)
    return Facts(
        _pieces(cases, lab, texts, agrees),
        cut_shares(cases),
        {
            "number or order": contradicted,
            "ambiguous text": fits,
            "near-duplicate": _near(cases, behind, told),
            "teacher": agrees,
        },
        told,
        lab.model.vocabulary.terms,
        _asked(cases, texts, lab.model.vocabulary.terms),
    )


def cut_shares(cases: Cases) -> np.ndarray:
    """(q,) float64: the part of each gap that would not be there with all terms."""
    cut = np.zeros(len(cases))
    if cases.free is None:
        return cut
    rows = np.flatnonzero((cases.rivals >= 0) & (cases.margins < 0))
    queries = cases.free.queries.matrix[rows].astype(np.float64)
    documents = cases.free.documents.matrix.astype(np.float64)
    difference = documents[cases.rivals[rows]] - documents[cases.answers[rows]]
    free = np.asarray(queries.multiply(difference).sum(axis=1)).ravel()
    gap = -cases.margins[rows]
    cut[rows] = np.clip((gap - free) / gap, 0, 1)
    return cut


def _texts(cases: Cases, lab: Laboratory, behind: np.ndarray) -> dict[int, tuple[Wording, Wording]]:
    """Of each row, what the text says that meets the wrong image, and what that image's own say."""
    collection, task = lab.collection, cases.task
    row_of = {one: row for row, one in enumerate(collection.image_ids)}
    captions = {}
    if task.documents_are == "captions":
        captions = dict(zip(lab.projected.captions.ids, lab.projected.pairs.texts, strict=True))
    of_image: dict[str, Wording] = {}
    found = {}
    for row in behind:
        rival = task.documents.ids[cases.rivals[row]]
        image, text = rival, cases.texts[row]
        if task.documents_are == "captions":
            image, text = cases.ids[row], captions[rival]
        if image not in of_image:
            of_image[image] = wording(collection.captions_of(row_of[image]))
        found[int(row)] = read(text), of_image[image]
    return found


def _pieces(
    cases: Cases,
    lab: Laboratory,
    texts: Mapping[int, tuple[Wording, Wording]],
    teacher_agrees: np.ndarray,
) -> _Pieces:
    """Words that are no single term, where the rival's captions do not say them in any form and
    the dense vectors, which read the pieces together, put the answer ahead."""
    vocabulary = lab.model.vocabulary
    if cases.task.direction != "text-to-image" or not vocabulary.says:
        return {}
    found = {}
    for row in np.flatnonzero((cases.ranks != 1) & ~teacher_agrees).tolist():
        asked, there = texts.get(row, (read(cases.texts[row]), NOTHING))
        lost = asked.content - there.content
        words = tuple(
            (word, tuple(of_word))
            for word, of_word in vocabulary.read_words(cases.texts[row])
            if len(of_word) != 1 and stem(word.lower()) in lost
        )
        if words:
            found[row] = words
    return found


def _asked(
    cases: Cases, texts: Mapping[int, tuple[Wording, Wording]], terms: Sequence[str]
) -> np.ndarray:
    """See `Facts.asked`; of what an image asks, its captions say the words."""
    found = np.full(len(cases), -1)
    queries = cases.task.queries
    for row, (asked, there) in texts.items():
        wanted = asked.content - there.content
        if cases.task.documents_are == "captions":
            wanted = there.content - asked.content
        span = slice(*queries.matrix.indptr[row : row + 2])
        weights, numbers = queries.matrix.data[span], queries.matrix.indices[span]
        for place in np.argsort(-weights, kind="stable"):
            if queries.said[span][place] and stem(terms[numbers[place]]) in wanted:
                found[row] = numbers[place]
                break
    return found


def _fits(
    cases: Cases,
    texts: Mapping[int, tuple[Wording, Wording]],
    told: dict[int, dict[str, str]],
) -> tuple[np.ndarray, np.ndarray]:
    """(q,) bool twice: the rival has all words, but other numbers or order; it has them all."""
    contradicted, fits = np.zeros(len(cases), bool), np.zeros(len(cases), bool)
    for row, (asked, there) in texts.items():
        if not asked.content or there.lacks(asked):
            continue
        against = there.contradicts(asked) or there.relations_lacking(asked)
        if against:
            contradicted[row] = True
            told[row]["number or order"] = f"asked for {', '.join(against)}; both say {asked}"
        else:
            fits[row] = True
            told[row]["ambiguous text"] = f"both say {asked}"
    return contradicted, fits


def _near(cases: Cases, behind: np.ndarray, told: dict[int, dict[str, str]]) -> np.ndarray:
    """(q,) bool: are answer and rival each other's nearest documents by the dense vectors?"""
    found = np.zeros(len(cases), bool)
    pairs = np.unique(np.stack([cases.answers[behind], cases.rivals[behind]]))
    nearest = np.full(len(cases.task.documents), -1)
    for place in cases.nearest(pairs, 1).T:
        nearest[pairs] = place
    answers, rivals = cases.answers[behind], cases.rivals[behind]
    dense = cases.task.documents.dense
    mutual = (nearest[answers] == rivals) & (nearest[rivals] == answers)
    found[behind[mutual]] = True
    for row in behind[mutual]:
        one, other = dense[cases.answers[row]], dense[cases.rivals[row]]
        cosine = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
        told[int(row)]["near-duplicate"] = f"cosine {cosine:.2f}"
    return found


def _teacher_agrees(
    cases: Cases, behind: np.ndarray, told: dict[int, dict[str, str]]
) -> np.ndarray:
    """(q,) bool: do the dense vectors put the same rival ahead?"""
    found = np.zeros(len(cases), bool)
    queries, documents = cases.task.queries.dense[behind], cases.task.documents.dense
    answer = np.einsum("qd,qd->q", queries, documents[cases.answers[behind]])
    rival = np.einsum("qd,qd->q", queries, documents[cases.rivals[behind]])
    agrees = rival >= answer
    found[behind[agrees]] = True
    for row, one, other in zip(behind[agrees], answer[agrees], rival[agrees], strict=True):
        told[int(row)]["teacher"] = f"cosine {other:.3f} to the rival, {one:.3f} to the answer"
    return found
