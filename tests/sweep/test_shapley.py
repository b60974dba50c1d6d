"""Shapley values, against the mean over every order in which terms may join."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.sweep import shapley
from lsr.sweep.shapley import worth
from tests.index.test_exactness import vectors

CASES = 30


def reciprocal_rank(index: MemoryIndex, terms, weights, answer: int) -> float:
    if not len(terms):
        return 0.0
    hits = index.search(np.asarray(terms), np.asarray(weights, np.float32), len(index))
    ids = [hit.image_id for hit in hits]
    mine = index.ids[answer]
    return 1 / (ids.index(mine) + 1) if mine in ids else 0.0


def test_values_are_the_mean_of_what_a_term_adds_over_all_orders():
    nonzero = 0
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        index = MemoryIndex(vectors(seed, 25, 16))
        terms = np.sort(rng.choice(index.n_terms, 5, replace=False))
        weights = rng.uniform(0.1, 2, 5).astype(np.float32)
        answer = int(rng.integers(len(index)))
        expected = np.zeros(5)
        for order in permutations(range(5)):
            before, joined = 0.0, []
            for i in order:
                joined.append(i)
                rows = sorted(joined)
                now = reciprocal_rank(index, terms[rows], weights[rows], answer)
                expected[i] += (now - before) / factorial(5)
                before = now
        found = worth(index, terms, weights, answer)
        by_term = {one.terms: one.value for one in found}
        for i, term in enumerate(terms):
            assert by_term[(int(term),)] == pytest.approx(expected[i], abs=1e-12)
        total = sum(one.value for one in found)
        assert total == pytest.approx(reciprocal_rank(index, terms, weights, answer))
        nonzero += total > 0
    assert nonzero > CASES / 2


def test_the_weakest_terms_are_one_player_together():
    index = MemoryIndex(vectors(3, 30, 24))
    terms, weights = np.arange(10), np.linspace(2, 0.2, 10).astype(np.float32)
    found = worth(index, terms, weights, 4, most=4)
    assert [one.terms for one in found] == [(0,), (1,), (2,), tuple(range(3, 10))]
    total = sum(one.value for one in found)
    assert total == pytest.approx(reciprocal_rank(index, terms, weights, 4))


def test_the_values_do_not_depend_on_how_many_sets_are_held_at_once(monkeypatch):
    index = MemoryIndex(vectors(3, 30, 24))
    terms, weights = np.arange(8), np.linspace(2, 0.2, 8).astype(np.float32)
    whole = worth(index, terms, weights, 4)
    monkeypatch.setattr(shapley, "_SCORES", 7 * len(index))
    assert worth(index, terms, weights, 4) == whole


def test_no_term_has_no_value_and_too_many_players_are_refused():
    index = MemoryIndex(vectors(3, 30, 24))
    assert worth(index, np.zeros(0, np.int64), np.zeros(0, np.float32), 0) == []
    with pytest.raises(QueryError, match="14 players"):
        worth(index, np.arange(3), np.ones(3, np.float32), 0, most=14)
