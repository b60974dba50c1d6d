"""Rates at which the order changes, against sorting at many rates."""

from itertools import pairwise

import numpy as np
import pytest

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.sweep.crossings import lines_of
from tests.index.test_exactness import vectors

CASES = 60


def query(index: MemoryIndex, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    terms = np.sort(rng.choice(index.n_terms, rng.integers(2, 9), replace=False))
    return terms, rng.uniform(0.1, 2, len(terms)).astype(np.float32), rng.random(len(terms)) < 0.4


def sorted_at(lines, rate: float, k: int) -> list[int]:
    scores = lines.literal + rate * lines.expansion
    order = np.lexsort((np.arange(len(scores)), -scores))
    return [int(row) for row in order[:k] if scores[row] > 0]


@pytest.mark.parametrize("k", [1, 3, 10])
def test_between_two_crossings_the_order_is_that_of_a_sort(k):
    n_crossings = 0
    for seed in range(CASES):
        index = MemoryIndex(vectors(seed, 80, 16))
        lines = lines_of(index, *query(index, seed), k)
        rates = [0.0, *(one.rate for one in lines.crossings), 1.0]
        assert rates == sorted(rates)
        for low, high in pairwise(rates):
            if high - low > 1e-9:
                middle = (low + high) / 2
                assert list(lines.order_at(middle)) == sorted_at(lines, middle, k), (seed, middle)
        n_crossings += len(lines.crossings)
    assert n_crossings > CASES / 2


def test_at_a_crossing_both_have_the_same_score_and_no_order_is_missed():
    for seed in range(CASES):
        index = MemoryIndex(vectors(seed, 80, 16))
        lines = lines_of(index, *query(index, seed), 5)
        for one in lines.crossings:
            risen, fallen = (
                lines.literal[row] + one.rate * lines.expansion[row]
                for row in (one.risen, one.fallen)
            )
            assert risen == pytest.approx(fallen, abs=1e-9)
            assert lines.expansion[one.risen] > lines.expansion[one.fallen]
        seen = {tuple(sorted_at(lines, rate, 5)) for rate in np.linspace(1e-6, 1 - 1e-6, 301)}
        known = {lines.first}
        order = list(lines.first)
        for one in lines.crossings:
            order = list(lines.order_at(float(np.nextafter(one.rate, 1))))
            known.add(tuple(order))
        assert seen <= known


def test_without_expansion_or_images_nothing_crosses():
    index = MemoryIndex(vectors(1, 40, 16))
    terms, weights, said = query(index, 1)
    assert lines_of(index, terms, weights, np.ones_like(said)).crossings == ()
    none = np.zeros(0, np.int64)
    empty = lines_of(index, none, np.zeros(0, np.float32), none.astype(bool))
    assert (empty.first, empty.crossings, empty.rows) == ((), (), ())


@pytest.mark.parametrize("k", [0, 101])
def test_another_number_is_refused(k):
    index = MemoryIndex(vectors(1, 40, 16))
    with pytest.raises(QueryError, match=f"best {k} cannot be followed"):
        lines_of(index, *query(index, 1), k)
