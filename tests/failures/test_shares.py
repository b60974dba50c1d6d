"""The kinds of terms that put rivals ahead: built cases of one kind each, and whole sums."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.evaluation.task import Side, Task
from lsr.failures.cases import Cases, find_cases, gaps
from lsr.failures.shares import NAMES, Shares, find_shares, said_by_documents
from lsr.sweep.laboratory import open_laboratory

TERMS = 12
WORDS = "a the of in on cat dog dogs tree boat red blue".split()
# Terms 0 and 1 are in every document, and so generic.
RIVAL, ANSWER, OTHERS = 0, 1, 10


def side(rows: list[dict[int, float]], said: list[set[int]]) -> Side:
    dense = np.zeros((len(rows), TERMS), np.float32)
    for row, weights in enumerate(rows):
        for term, weight in weights.items():
            dense[row, term] = weight
    matrix = sp.csr_matrix(dense)
    matrix.sort_indices()
    flags = [
        term in said[row]
        for row in range(len(rows))
        for term in matrix.indices[slice(*matrix.indptr[row : row + 2])]
    ]
    ids = tuple(f"{row}" for row in range(len(rows)))
    dense = np.eye(len(rows), TERMS, dtype=np.float32)
    if len(rows) > 1:  # the answer is the document that is least like the rival
        dense[ANSWER] = -dense[RIVAL]
    return Side(ids, matrix, np.array(flags, bool), dense)


def one_case(
    query: dict[int, float],
    literal: set[int],
    rival: dict[int, float],
    rival_says: set[int],
    answer: dict[int, float],
    answer_says: set[int],
    near: tuple[set[int], float] = (set(), 0.0),
) -> Shares:
    """The shares of one query, whose answer and rival stand among ten others.

    near: what one of the others says, and how near to the rival it is.
    """
    common = {0: 0.1, 1: 0.1}
    images = side(
        [common | rival, common | answer, *([common] * OTHERS)],
        [rival_says, answer_says, *([set()] * OTHERS)],
    )
    images.dense[2] = near[1] * images.dense[RIVAL] + (1 - near[1] ** 2) ** 0.5 * images.dense[2]
    captions = side([query], [literal])
    task = Task("text-to-image", captions, images, np.array([ANSWER], np.int32))
    n = np.zeros(1, np.int64)
    cases = Cases(
        task, ("q",), np.array([ANSWER]), np.array([RIVAL]), n, n, n, n, n + 1, None, n, n, n
    )
    said = sp.csr_matrix((2 + OTHERS, TERMS), dtype=bool).tolil()
    for row, terms in enumerate([rival_says, answer_says, *[{0, 1}] * OTHERS]):
        for term in terms | near[0] if row == 2 else terms:
            said[row, term] = True
    return find_shares(cases, WORDS, said.tocsr())


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        ("silent", ({5: 1.0}, {5}, {5: 2.0}, {5}, {}, {5})),
        ("unsupported", ({5: 1.0}, set(), {5: 2.0}, set(), {5: 1.0}, {5})),
        ("astray", ({5: 1.0}, set(), {5: 2.0}, {5}, {5: 1.0}, set())),
        ("generic", ({0: 1.0}, {0}, {0: 2.0}, {0}, {0: 1.0}, {0})),
        ("outweighed", ({5: 1.0}, {5}, {5: 2.0}, {5}, {5: 1.0}, {5})),
    ],
)
def test_a_case_of_one_kind_is_of_that_kind(kind, case):
    found = one_case(*case)
    assert NAMES[found.main[0]] == kind
    expected = 2.0 if kind == "silent" else 1.0
    assert found.by_kind[0].tolist() == [expected if one == kind else 0 for one in NAMES]


def test_what_is_said_of_a_document_near_the_rival_is_not_unsupported():
    case = ({5: 1.0}, set(), {5: 2.0}, set(), {5: 1.0}, {5})
    near, far = (one_case(*case, near=({5}, cosine)) for cosine in (0.9, -0.9))
    assert NAMES[near.main[0]] == "outweighed"
    assert NAMES[far.main[0]] == "unsupported"


def test_function_words_are_not_unsupported():
    of = WORDS.index("of")
    found = one_case({of: 1.0}, set(), {of: 2.0}, set(), {of: 1.0}, set())
    assert NAMES[found.main[0]] == "outweighed"


def test_another_form_of_a_word_says_it():
    dog, dogs = WORDS.index("dog"), WORDS.index("dogs")
    found = one_case({dogs: 1.0}, set(), {dogs: 2.0, dog: 1.0}, {dog}, {dogs: 1.0, dog: 1.0}, {dog})
    assert NAMES[found.main[0]] == "outweighed"
    found = one_case({dogs: 1.0}, set(), {dogs: 2.0}, set(), {dogs: 1.0, dog: 1.0}, {dog})
    assert NAMES[found.main[0]] == "unsupported"


def test_the_vectors_stay_as_they_were(collection, model):
    lab = open_laboratory(collection, model, "test")
    cases = find_cases(lab)
    before = [side.matrix.toarray() for side in (cases.task.queries, cases.task.documents)]
    find_shares(cases, model.vocabulary.terms, said_by_documents(lab, cases))
    after = [side.matrix.toarray() for side in (cases.task.queries, cases.task.documents)]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))


def test_terms_on_which_the_answer_is_ahead_count_for_nothing():
    found = one_case({5: 1.0, 6: 1.0}, {5, 6}, {5: 1.0}, {5}, {5: 3.0, 6: 1.0}, {5, 6})
    assert not found.gains.size
    assert found.main[0] == -1
    assert found.of(np.array([0])).tolist() == [0] * len(NAMES)


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_the_gains_of_all_kinds_are_those_of_all_terms(collection, model, direction):
    lab = open_laboratory(collection, model, "test", direction)
    cases = find_cases(lab)
    terms = model.vocabulary.terms
    found = find_shares(cases, terms, said_by_documents(lab, cases))
    for row in range(len(cases)):
        ahead = sum(one.difference for one in gaps(cases, row, terms) if one.difference > 0)
        assert found.by_kind[row].sum() == pytest.approx(ahead, rel=1e-6)
    rows = np.flatnonzero(cases.ranks != 1)
    assert found.of(rows).sum() == pytest.approx(1)
