"""Two models as failures: counts by hand, McNemar's test by hand, and the terms that changed."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.failures.cases import Cases, find_cases
from lsr.failures.versus import changed_terms, compare
from lsr.sweep.laboratory import open_laboratory
from tests.conftest import make_head


@pytest.fixture
def pair(collection, model, vocabulary, home) -> tuple[Cases, Cases]:
    from lsr.model.checkpoint import save_model

    card = {"title": "Other", "encoder": "fake"}
    folder = home / "models" / "other"
    head = make_head(vocabulary, seed=8)
    other = save_model(folder, head, vocabulary, card=card, training={}, metrics={})
    first, second = (find_cases(open_laboratory(collection, one, "test")) for one in (model, other))
    return first, second


@pytest.mark.parametrize("k", [1, 3])
def test_every_query_is_found_by_both_one_or_neither(pair, k):
    found = compare(*pair, k)
    one, other = (cases.found(k) for cases in pair)
    assert found.both == (one & other).sum()
    assert found.neither == (~one & ~other).sum()
    assert found.only_first.tolist() == [row for row in range(24) if one[row] and not other[row]]
    assert found.only_second.tolist() == [row for row in range(24) if other[row] and not one[row]]
    assert found.both + found.neither + len(found.only_first) + len(found.only_second) == 24


def test_p_is_that_of_coins(pair):
    first, _ = pair
    ranks = np.ones(24, np.int64)
    ranks[:9] = 2
    others = np.ones(24, np.int64)
    others[9:11] = 2
    found = compare(replace(first, ranks=ranks), replace(first, ranks=others), 1)
    assert (len(found.only_first), len(found.only_second)) == (2, 9)
    assert found.p == pytest.approx(2 * sum(comb(11, i) for i in range(3)) / 2**11)
    assert compare(first, first, 1).p == 1


def test_changed_terms_have_the_mean_shares_of_both_models(pair, vocabulary):
    first, second = pair
    rows = compare(first, second, 1).only_first
    terms = vocabulary.terms
    found = changed_terms(first, second, rows, (terms, terms), most=200)
    assert found
    assert [abs(one.difference) for one in found] == sorted(
        (abs(one.difference) for one in found), reverse=True
    )
    for cases, told in ((first, "first"), (second, "second")):
        weights = {
            "query": cases.task.queries.matrix[rows].toarray().astype(float),
            "answer": cases.task.documents.matrix[cases.answers[rows]].toarray().astype(float),
        }
        for one in found:
            matrix = weights[one.side]
            shares = (matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)).mean(0)
            assert getattr(one, told) == pytest.approx(shares[terms.index(one.term)])


def test_terms_of_another_vocabulary_are_matched_by_name(pair, vocabulary):
    first, second = pair
    rows = np.arange(24)
    terms = vocabulary.terms
    renamed = [f"{term}!" if place % 2 else term for place, term in enumerate(terms)]
    found = changed_terms(first, second, rows, (terms, renamed), most=200)
    assert {terms.index(one.term) % 2 for one in found} == {0}
    assert changed_terms(first, second, rows, (terms, [f"{term}!" for term in terms])) == []
    assert changed_terms(first, second, rows[:0], (terms, terms)) == []


def test_models_on_other_queries_are_refused(pair, collection, model):
    other = find_cases(open_laboratory(collection, model, "test", "image-to-text"))
    with pytest.raises(QueryError, match="the same queries only"):
        compare(pair[0], other, 1)
