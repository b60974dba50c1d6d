"""Draws, their intervals and common random numbers; axes that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from lsr.evaluation.task import make_task
from lsr.exceptions import QueryError
from lsr.kernels.sweep_coins import at_most
from lsr.sweep.knobs import CONTROLS, Knob
from lsr.sweep.sweep import Draws, sweep, sweeping
from tests.sweep import brute


@pytest.fixture(scope="module")
def one():
    return make_task(brute.make_world(1).projected())


def test_the_same_seed_gives_the_same_curve(task):
    def curve(seed: int):
        return sweep(task, Knob("word"), [0.2, 0.5], Draws(3, seed=seed))

    assert curve(1) == curve(1)
    assert curve(1) != curve(2)


def test_half_widths_are_those_of_students_t(world, task, direction):
    rates = [0.2, 0.5]
    for row in sweep(task, Knob("word"), rates, Draws(9, seed=2)):
        firsts = [
            brute.measures(brute.masked(world, "word", row.value, draw, 2), direction)["R@1"]
            for draw in range(9)
        ]
        interval = scipy.stats.t.interval(0.95, 8, np.mean(firsts), scipy.stats.sem(firsts))
        assert row.half_width == pytest.approx((interval[1] - interval[0]) / 2)
        assert row.draws == 9
    assert sweep(task, Knob("word"), rates, Draws(1))[0].half_width == 0.0


def test_draws_stop_when_every_value_is_known_well_enough(task):
    rates = [0.0, 0.2, 0.5]
    loose = list(sweeping(task, Knob("word"), rates, Draws(50, 0.5)))
    assert [report.done for report in loose] == list(range(1, 9))
    assert [report.planned for report in loose] == [50] * 7 + [8]
    middle = sweep(task, Knob("word"), rates, Draws(8))
    limit = max(row.half_width for row in middle) * 0.7
    reports = list(sweeping(task, Knob("word"), rates, Draws(400, limit)))
    assert 8 < reports[-1].done < 400
    assert all(row.half_width <= limit for row in reports[-1].rows)
    for report in reports[7:-1]:
        assert any(row.half_width > limit for row in report.rows)
    assert reports[-1].rows == sweep(task, Knob("word"), rates, Draws(reports[-1].done))


def test_fewer_draws_than_the_least_number_are_all_made(task):
    assert len(list(sweeping(task, Knob("word"), [0.5], Draws(3, 0.9)))) == 3
    assert len(list(sweeping(task, Knob("top-k"), [5], Draws(3, 0.9)))) == 1


def test_active_terms_ascend_with_the_rate_in_a_single_draw(task):
    for control in ("word", "word-df"):
        rows = sweep(task, Knob(control), np.linspace(0, 1, 21), Draws(1, seed=4))
        for name in ("active_terms_query", "active_terms_document", "posting_cost"):
            values = [row.get(name) for row in rows]
            assert values == sorted(values)
        assert rows[0].posting_cost < rows[-1].posting_cost


def test_only_random_knobs_are_drawn_more_than_once(task):
    for control in ("caption", "mean", "top-k", "bits"):
        assert [r.done for r in sweeping(task, Knob(control), [1.0])] == [1]
    assert [(r.done, r.planned) for r in sweeping(task, Knob("word"), [1.0])][-1] == (8, 8)


def test_values_come_out_ascending_and_once(task):
    rows = sweep(task, Knob("threshold"), [0.5, 0.25, 0.5, 0.0])
    assert [row.value for row in rows] == [0.0, 0.25, 0.5]


def test_a_row_has_the_keys_of_the_command_line(task):
    row = sweep(task, Knob("word"), [0.4], Draws(2))[0]
    flat = row.as_dict()
    names = {*brute.RANKS, "exact@20", "semantic@20", "overlap@10"}
    costs = {"flops", "posting_cost", "index_bytes", "latency_us"}
    costs |= {"active_terms_query", "active_terms_document"}
    rest = {"value", "draws", "R@1_half_width"}
    assert flat.keys() == names | {f"{name}_std" for name in names} | costs | rest
    assert flat["R@1"] == row.get("R@1") == row.mean["R@1"]
    assert flat["flops"] == row.get("flops") == row.flops


def test_an_empty_vector_on_every_side_is_measured(direction):
    small = brute.make_world(3, n_images=4, n_captions=5)
    captions = 0 * small.captions
    task = make_task(brute.replace(small, captions=captions).projected(), direction, small.vectors)
    for control in CONTROLS:
        sparse_alone = 0.0 if control == "hybrid" else 1.0
        row = sweep(task, Knob(control), [sparse_alone], Draws(2))[0]
        assert (row.mean["R@10"], row.mean["exact@20"], row.posting_cost) == (0, 0, 0)


@pytest.mark.parametrize("n", [0, 1, 9, 300, 40_000])
def test_binomial_chances_are_those_of_scipy(n):
    for p in (0.0, 1e-4, 0.03, 0.5, 0.99, 1.0):
        for most in (-1, 0, 3, 9, n):
            expected = scipy.stats.binom.cdf(most, n, p) if most >= 0 else 0.0
            assert at_most(n, p, most) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("draws", "message"),
    [
        (Draws(0), "0 draws are not possible. Use 1 to 1,000."),
        (Draws(1001), "1001 draws"),
        (Draws(8, 0.0), "half width of 0"),
        (Draws(8, 1.0), "half width of 1"),
        (Draws(8, float("nan")), "half width of nan"),
        (Draws(8, seed=-1), "Seed -1"),
        (Draws(8, seed=2**32), "Seed 4294967296"),
    ],
)
def test_impossible_draws_are_refused(one, draws, message):
    with pytest.raises(QueryError, match=message):
        sweep(one, Knob("word"), [0.5], draws)


@pytest.mark.parametrize(
    ("knob", "values", "message"),
    [
        (Knob("caption"), [], "from 0 to 1"),
        (Knob("caption"), [0.5, 1.5], "from 0 to 1"),
        (Knob("word"), [float("nan")], "from 0 to 1"),
        (Knob("top-k"), [0], "from 1 to"),
        (Knob("threshold"), [-1], "from 0 to"),
        (Knob("max-ratio", "both"), [2], "from 0 to 1"),
        (Knob("bits"), [17], "from 1 to 16"),
    ],
)
def test_values_that_a_knob_does_not_have_are_refused(one, knob, values, message):
    with pytest.raises(QueryError, match=message):
        sweep(one, knob, values)


def test_an_unknown_direction_is_refused(world):
    with pytest.raises(QueryError, match="`sideways` is no direction"):
        make_task(world.projected(), "sideways")
