"""The fewest edits that lift an answer, against brute force over all sets of edits."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.failures.cases import Cases, find_cases, ranks_in
from lsr.failures.edits import BOOSTS, SHARES, SIDES, TermEdit
from lsr.failures.trying import try_edits
from lsr.failures.why_not import why_not
from lsr.sweep.laboratory import open_laboratory

TERMS = [f"t{number}" for number in range(7)]
CASES = 150


def random_cases(seed: int, n_documents: int = 6, spoken: float = 0.0) -> Cases:
    """One query over seven terms among a few documents, the first of which answers it.

    spoken: the part of terms that texts say.
    """
    rng = np.random.default_rng(seed)

    def side(n: int, density: float) -> Side:
        dense = (rng.random((n, 7)) * (rng.random((n, 7)) < density)).astype(np.float32)
        matrix = sp.csr_matrix(dense)
        ids = tuple(f"{row}" for row in range(n))
        said = np.random.default_rng([seed, n]).random(matrix.nnz) < spoken
        return Side(ids, matrix, said, np.eye(n, 8, dtype=np.float32))

    task = Task("text-to-image", side(1, 0.6), side(n_documents, 0.5), np.zeros(1, np.int32))
    n = np.zeros(1, np.int64)
    ranks = ranks_in(task)
    return Cases(task, ("q",), n, n - 1, n, n, ranks, ranks, n + 1, None, n, n, n)


def menu(cases: Cases, side: str) -> list[tuple[int, str, float, float]]:
    """(term, kind, amount, weight afterwards) of every edit, from the words of the docstring."""
    query = cases.task.queries.matrix.toarray()[0]
    answer = cases.task.documents.matrix.toarray()[0]
    own, other = (query, answer) if side == "query" else (answer, query)
    most = own.max() or 1
    found = []
    for term in range(7):
        if own[term] and side == "query":
            found.append((term, "mute", 0.0, 0.0))
        if own[term] and other[term]:
            found += [(term, "boost", by, float(np.float32(own[term] * by))) for by in BOOSTS]
        if not own[term] and other[term]:
            found += [(term, "add", by * most, float(np.float32(by * most))) for by in SHARES]
    return found


def rank_after(cases: Cases, side: str, edits: list[tuple[int, float]]) -> int:
    query = cases.task.queries.matrix.toarray()[0].astype(float)
    documents = cases.task.documents.matrix.toarray().astype(float)
    for term, weight in edits:
        if side == "query":
            query[term] = weight
        else:
            documents[0, term] = weight
    scores = documents @ query
    return 1 + int((scores[1:] >= scores[0]).sum()) if scores[0] > 0 else 0


def fewest(cases: Cases, side: str, k: int, most: int) -> int | None:
    """The size of the smallest set that does, by trying all; None where none up to `most` does."""
    offered = menu(cases, side)
    for size in range(most + 1):
        for chosen in itertools.combinations(offered, size):
            if len({one[0] for one in chosen}) == size:
                rank = rank_after(cases, side, [(one[0], one[3]) for one in chosen])
                if 0 < rank <= k:
                    return size
    return None


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("k", [1, 2])
def test_no_smaller_set_of_edits_does(side, k):
    """Of 150 random cases for each side and k, each against all sets of up to three edits."""
    sizes = []
    for seed in range(CASES):
        cases = random_cases(seed)
        found = why_not(cases, 0, TERMS, k, side)
        expected = fewest(cases, side, k, 3)
        sizes.append(expected)
        if expected is None:
            assert len(found.edits) not in (1, 2, 3)
            assert found.lifted == bool(found.edits)
            continue
        assert found.exact
        assert len(found.edits) == expected
        assert found.lifted
        edits = [(TERMS.index(one.term), one.after) for one in found.edits]
        assert rank_after(cases, side, edits) == found.rank
    assert {0, 1, 2, 3} <= set(sizes)


def test_edits_are_those_of_the_menu_and_add_as_few_terms_as_can_be():
    adding = 0
    for seed in range(CASES):
        cases = replace(random_cases(seed), task=replace(random_cases(seed).task, says=False))
        found = why_not(cases, 0, TERMS)
        offered = {(TERMS[t], kind, round(w, 6)) for t, kind, _, w in menu(cases, "query")}
        assert {(one.term, one.kind, round(one.after, 6)) for one in found.edits} <= offered
        if len(found.edits) == 1 and found.edits[0].kind == "add":
            adding += 1
            kept = [one for one in menu(cases, "query") if one[1] != "add"]
            assert not any(rank_after(cases, "query", [(t, w)]) == 1 for t, _, _, w in kept)
    assert adding


def unsaid(cases: Cases, side: str, chosen: tuple) -> int:
    """How many edits of a set no text speaks for, from the words of the docstring."""

    def texts(of: Side) -> set[int]:
        row = slice(*of.matrix.indptr[:2])
        return set(of.matrix.indices[row][of.said[row]].tolist())

    asked, answered = texts(cases.task.queries), texts(cases.task.documents)
    spoken = asked | answered if side == "query" else answered
    return sum(
        (term in asked) if kind == "mute" else (term not in spoken) for term, kind, _, _ in chosen
    )


@pytest.mark.parametrize("side", SIDES)
def test_of_the_smallest_sets_texts_speak_for_one_most(side):
    """Of 80 random cases for each side, each against all sets of its size."""
    seen = set()
    for seed in range(80):
        cases = random_cases(seed, spoken=0.5)
        found = why_not(cases, 0, TERMS, 1, side)
        if not 1 <= len(found.edits) <= 3:
            continue
        enough = [
            unsaid(cases, side, chosen)
            for chosen in itertools.combinations(menu(cases, side), len(found.edits))
            if len({one[0] for one in chosen}) == len(chosen)
            and rank_after(cases, side, [(one[0], one[3]) for one in chosen]) == 1
        ]
        against = sum(one.said is False for one in found.edits)
        assert against == min(enough)
        seen.add((against, max(enough) > min(enough)))
    assert {(0, True), (1, True)} <= seen


def test_what_captions_of_the_answer_say_speaks_for_adding_it():
    for seed in range(40):
        cases = random_cases(seed)
        found = why_not(cases, 0, TERMS, 1, "answer")
        everything = why_not(cases, 0, TERMS, 1, "answer", range(7))
        assert len(found.edits) == len(everything.edits)
        assert not any(one.said for one in found.edits)
        assert all(one.said for one in everything.edits)


def test_beyond_three_edits_the_set_is_marked_as_not_the_smallest():
    """Five rivals, each ahead by a term of its own: every one of them has to be muted."""
    n = 5
    rivals = np.eye(n, n + 1) * 2
    documents = sp.csr_matrix(np.vstack([np.eye(1, n + 1, n), rivals]).astype(np.float32))
    query = sp.csr_matrix(np.ones((1, n + 1), np.float32) * [*[10.0] * n, 1.0])
    query = query.astype(np.float32)
    sides = [
        Side(
            tuple(f"{row}" for row in range(matrix.shape[0])),
            matrix,
            np.zeros(matrix.nnz, bool),
            np.eye(matrix.shape[0], 8, dtype=np.float32),
        )
        for matrix in (query, documents)
    ]
    task = Task("text-to-image", *sides, np.zeros(1, np.int32))
    zero = np.zeros(1, np.int64)
    cases = Cases(
        task, ("q",), zero, zero + 1, zero, zero, zero + 6, zero, zero + 1, None, zero, zero, zero
    )
    found = why_not(cases, 0, [f"t{number}" for number in range(n + 1)])
    assert not found.exact
    assert found.lifted
    assert {str(one) for one in found.edits} == {f"mute t{number}" for number in range(n)}
    within = why_not(cases, 0, [f"t{number}" for number in range(n + 1)], k=3)
    assert within.exact
    assert len(within.edits) == 3


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_the_edits_lift_the_answer_in_the_real_ranking(collection, model, direction, side):
    cases = find_cases(open_laboratory(collection, model, "test", direction))
    terms = model.vocabulary.terms
    missed = np.flatnonzero(~cases.found(1))
    assert len(missed) > 3
    lifted = 0
    for row in missed:
        found = why_not(cases, int(row), terms, 1, side)
        if found.edits:
            lifted += 1
            tried = try_edits(cases, int(row), found.edits, terms, 1)
            assert cases.ids[row] in tried.fixed
    assert lifted > 3


def test_what_an_edit_fixes_and_breaks_is_what_all_scores_say(collection, model):
    cases = find_cases(open_laboratory(collection, model, "test"))
    terms = model.vocabulary.terms
    queries = cases.task.queries.matrix.toarray().astype(float)
    documents = cases.task.documents.matrix.toarray().astype(float)
    starts, rows = cases.task.relevant
    term = int((queries > 0).sum(axis=0).argmax())
    for edit, change in [
        (TermEdit("query", "mute", terms[term], 0, 1, 0, None), lambda w: 0 * w),
        (TermEdit("query", "boost", terms[term], 3, 1, 3, None), lambda w: 3 * w),
        (TermEdit("query", "add", terms[term], 2, 0, 2, None), lambda w: np.where(w == 0, 2, w)),
    ]:
        edited = queries.copy()
        edited[:, term] = change(edited[:, term])
        scores = edited @ documents.T
        after = []
        for row in range(len(cases)):
            right = np.isin(np.arange(len(documents)), rows[starts[row] : starts[row + 1]])
            own = scores[row][right].max()
            after.append(own > 0 and own > scores[row][~right].max())
        found = cases.found(1)
        told = try_edits(cases, 0, [edit], terms, 1)
        assert set(told.fixed) == {cases.ids[n] for n in np.flatnonzero(after & ~found)}
        assert set(told.broken) == {cases.ids[n] for n in np.flatnonzero(found & ~np.array(after))}
        assert told.n == len(cases)
        some = try_edits(cases, 0, [edit], terms, 1, np.array([0, 1]))
        assert {*some.fixed, *some.broken} <= set(cases.ids[:2])


@pytest.mark.parametrize(("k", "side", "says"), [(0, "query", "1 to 1,000"), (1, "x", "no side")])
def test_what_is_no_k_or_side_is_refused(k, side, says):
    with pytest.raises(QueryError, match=says):
        why_not(random_cases(0), 0, TERMS, k, side)
