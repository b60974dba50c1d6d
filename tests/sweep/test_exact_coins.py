"""Exact chances of word-level coins, against every outcome listed and ranked one by one."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from lsr.evaluation.measures import RANK_MEASURES
from lsr.evaluation.task import make_task
from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.sweep.exact_coins import (
    WordChances,
    drawn_chances,
    expected_over,
    split_chances,
    word_chances,
)
from lsr.sweep.knobs import Knob
from lsr.sweep.sweep import Draws, sweep
from tests.index.test_exactness import vectors
from tests.sweep.brute import make_world, searches, value_of

CASES = 60
RATES = (0.0, 0.3, 0.5, 0.85, 1.0)


def listed(scores_of, coins: int, right: list[int], rate: float, depth: int) -> np.ndarray:
    """(depth + 1,) chances, every outcome of the coins ranked by itself."""
    chances = np.zeros(depth + 1)
    for outcome in itertools.product([False, True], repeat=coins):
        on = np.array(outcome, bool)
        scores = scores_of(on)
        own = max(scores[right])
        ahead = int((np.delete(scores, right) >= own).sum()) if own > 0 else depth
        chances[min(ahead, depth)] += rate ** on.sum() * (1 - rate) ** (coins - on.sum())
    return chances


@pytest.mark.parametrize("levels", [None, 2])  # few levels of weights make ties
def test_the_chances_of_a_query_are_those_of_all_its_outcomes(levels):
    distinct = 0
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        index = MemoryIndex(vectors(seed, int(rng.integers(1, 40)), 16, levels))
        images = index.images.matrix.toarray().astype(np.float64)
        terms = np.sort(rng.choice(16, rng.integers(1, 9), replace=False))
        weights = np.ceil(rng.uniform(0, 2, len(terms)) * 4).astype(np.float32) / 4
        said = rng.random(len(terms)) < 0.3
        answers = rng.choice(len(index), min(len(index), int(rng.integers(1, 3))), replace=False)
        depth = int(rng.integers(1, 12))
        found = word_chances(index, terms, weights, said, answers.tolist(), depth)
        assert found is not None
        products = images[:, terms] * weights
        sure, free = products[:, said].sum(axis=1), products[:, ~said]
        for rate in RATES:
            expected = listed(
                lambda on, sure=sure, free=free: (sure + free[:, on].sum(axis=1)).round(9),
                free.shape[1],
                answers.tolist(),
                rate,
                depth,
            )
            assert found.at(rate) == pytest.approx(expected, abs=1e-12), seed
            assert found.within(3, rate) == pytest.approx(expected[:-1][:3].sum())
            ranks = np.arange(1, depth + 1)
            assert found.reciprocal_rank(rate) == pytest.approx((expected[:-1] / ranks).sum())
        distinct += len(np.flatnonzero(found.at(0.5) > 1e-9)) > 1
    assert distinct > CASES / 3


def test_draws_of_a_query_come_near_its_exact_chances():
    worst = 0.0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        index = MemoryIndex(vectors(seed, 30, 20))
        terms = np.sort(rng.choice(20, 10, replace=False))
        weights = rng.uniform(0.1, 2, 10).astype(np.float32)
        said = rng.random(10) < 0.3
        exact = word_chances(index, terms, weights, said, [4]).at(0.4)
        drawn = drawn_chances(index, terms, weights, said, [4], 0.4, draws=5000, seed=seed)
        assert drawn.sum() == pytest.approx(1)
        worst = max(worst, np.abs(exact - drawn).max())
    assert worst < 4 * 0.5 / np.sqrt(5000)  # four standard errors of the widest share


def test_a_tree_that_grows_too_large_is_given_up():
    index = MemoryIndex(vectors(3, 60, 20))
    terms, weights = np.arange(20), np.ones(20, np.float32)
    nothing = np.zeros(20, bool)
    assert word_chances(index, terms, weights, nothing, [7], most=50) is None
    found = word_chances(index, terms, weights, nothing, [7])
    assert 50 < found.branches < 2**21


def test_shares_of_every_number_of_coins_add_up_to_one():
    found = word_chances(
        MemoryIndex(vectors(3, 60, 20)),
        np.arange(12),
        np.ones(12, np.float32),
        np.eye(12)[0] > 0,
        [7],
    )
    assert found.coins <= 11
    assert found.shares.sum(axis=0) == pytest.approx(np.ones(found.coins + 1))
    with pytest.raises(QueryError, match="no rate of 1.5"):
        found.at(1.5)
    with pytest.raises(QueryError, match="need an answer"):
        word_chances(MemoryIndex(vectors(3, 9, 4)), np.arange(2), np.ones(2), np.ones(2), [])


def few_coins(seed: int, also: bool):
    """A world whose captions and images have few enough coins to list them all."""
    world = make_world(seed, n_images=9, n_captions=12, n_terms=9)
    if also:
        rng = np.random.default_rng(seed)
        world = replace(world, also=rng.random((12, 9)) < 0.1)
    return world


@pytest.mark.parametrize("also", [False, True])
def test_a_split_expects_what_all_coins_of_the_vocabulary_give(direction, also):
    for seed in range(4):  # 2 directions × 2 × 4 worlds of some 10 queries
        world = few_coins(seed, also)
        task = make_task(world.projected(), direction)
        *_, chances = split_chances(task)
        assert chances.fit.all()
        assert chances.done == len(task.queries)
        for rate in (0.0, 0.35, 1.0):
            expected = {name: dict.fromkeys(task.queries.ids, 0.0) for name in RANK_MEASURES}
            for outcome in itertools.product([False, True], repeat=9):
                on = np.array(outcome)
                chance = rate ** on.sum() * (1 - rate) ** (9 - on.sum())
                if not chance:
                    continue
                tossed = replace(world, captions=world.captions * (world.said | on))
                for name, _, scores, _, right in searches(tossed, direction):
                    own = max(scores[right])
                    ahead = (np.delete(scores, right) >= own).sum()
                    rank = 1.0 + ahead if own > 0 else np.inf
                    for measure in RANK_MEASURES:
                        expected[measure][name] += chance * value_of(rank, measure)
            for measure in RANK_MEASURES:
                wanted = [expected[measure][name] for name in task.queries.ids]
                assert chances.expected(measure, rate) == pytest.approx(wanted, abs=1e-12)


def test_exact_expectations_lie_within_the_band_of_a_sweeps_draws(task):
    *_, chances = split_chances(task)
    rows = expected_over(task, chances, [0.2, 0.6], draws=40, seed=1)
    swept = sweep(task, Knob("word"), [0.2, 0.6], Draws(400, seed=2))
    for row, drawn in zip(rows, swept, strict=True):
        assert abs(row.exact - row.drawn) <= 2.5 * row.band + 1e-9
        assert abs(row.mean - drawn.mean["R@1"]) <= 2.5 * (drawn.half_width + row.half_width)


def test_what_does_not_fit_is_drawn_as_a_sweep_draws_it(task):
    *_, chances = split_chances(task, most=1)
    assert 0 < chances.fit.sum() < len(task.queries)
    *_, nothing = split_chances(task, most=0)
    (row,) = expected_over(task, nothing, [0.5], "MRR@10", draws=12, seed=3)
    (swept,) = sweep(task, Knob("word"), [0.5], Draws(12, seed=3))
    assert (row.exact, row.drawn) == (None, None)
    assert row.mean == pytest.approx(swept.mean["MRR@10"])
    (mixed,) = expected_over(task, chances, [0.5], draws=12, seed=3)
    assert 0 <= mixed.half_width < 1
    assert 0 <= mixed.mean <= 1


def test_what_cannot_be_expected_is_refused(task):
    *_, chances = split_chances(task)
    with pytest.raises(QueryError, match="`P@1` is not expected"):
        expected_over(task, chances, [0.5], "P@1")
    with pytest.raises(QueryError, match="1 draws have no spread"):
        expected_over(task, chances, [0.5], draws=1)


def test_chances_follow_the_binomial_of_their_coins():
    found = WordChances(np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]), 3)
    assert found.at(0.3) == pytest.approx([0.3, 0.7])  # E[k] / 2 of two coins
