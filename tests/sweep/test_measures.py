"""Every control and every measure against a brute-force recomputation, in both directions."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from lsr.evaluation.passes import COSTS
from lsr.evaluation.task import Task, make_task
from lsr.exceptions import QueryError
from lsr.kernels import sweep_ranks
from lsr.sweep.knobs import CONTROLS, RANKINGS, RATES, Knob, set_to
from lsr.sweep.sweep import Draws, SweepRow, sweep
from tests.sweep import brute

PARTS = ("all", "literal", "expansion")
SIDES = ("captions", "images", "both")
VALUES = {
    "top-k": [1, 2, 5, 12],
    "threshold": [0.0, 0.3, 0.5, 1.0, 9.0],
    "max-ratio": [0.0, 0.2, 0.5, 0.9, 1.0],
    "alpha_mass": [0.0, 0.25, 0.5, 0.75, 1.0],
}
WHOLE = ("top-k", "bits", "two_phase.expansion_rate")


def check(row: SweepRow, expected: dict[str, float]) -> None:
    assert {name: row.get(name) for name in expected} == pytest.approx(expected, abs=1e-6)


def test_the_small_split_has_ties_empty_captions_and_images_without_captions(world):
    counts = np.bincount(world.image_of, minlength=len(world.images))
    assert counts.min() == 0
    assert counts.max() > 2
    assert (world.captions == 0).all(axis=1).any()
    assert list(world.image_ids) != sorted(world.image_ids)
    for direction in brute.DIRECTIONS:
        found = list(brute.searches(world, direction))
        ties = [(s == max(s[right])).sum() > 1 for _, _, s, _, right in found if max(s[right]) > 0]
        assert 0 < sum(ties) < len(ties)
        assert any(max(scores[right]) == 0 for _, _, scores, _, right in found)
    assert (world.captions > 0).sum(axis=1).max() > 20


def test_the_plain_task_has_every_measure(world, task, direction):
    row = sweep(task, Knob("caption"), [1.0])[0]
    expected = brute.measures(world, direction)
    assert {*row.mean, "flops", "posting_cost", "index_bytes", "active_terms_query",
            "active_terms_document"} == expected.keys()  # fmt: skip
    check(row, expected)


def test_semantic_is_null_without_word_vectors(world, direction):
    for control in ("caption", "mean", "word", "top-k", "bits"):
        row = sweep(make_task(world.projected(), direction), Knob(control), [1.0])[0]
        assert row.mean["semantic@20"] is None


def test_caption_level_of_queries_is_the_exact_mean_over_all_outcomes(world):
    task = make_task(world.projected(), "text-to-image", world.vectors)
    low, high = (brute.measures(w, "text-to-image") for w in (brute.literal(world), world))
    for row in sweep(task, Knob("caption"), [0.0, 0.3, 1.0]):
        p = row.value
        check(row, {name: (1 - p) * low[name] + p * high[name] for name in low})


def test_caption_level_deviation_is_that_of_all_coin_tosses():
    small, p = brute.make_world(5, n_images=5, n_captions=7), 0.3
    row = sweep(make_task(small.projected(), term_vectors=small.vectors), Knob("caption"), [p])[0]
    outcomes = [
        (brute.measures(brute.tossed(small, coins), "text-to-image"), chance)
        for coins, chance in brute.all_tosses(7, p)
    ]
    for name, deviation in row.std.items():
        mean = sum(found[name] * chance for found, chance in outcomes)
        spread = sum((found[name] - mean) ** 2 * chance for found, chance in outcomes)
        assert row.mean[name] == pytest.approx(mean, abs=1e-6)
        assert deviation == pytest.approx(np.sqrt(spread), abs=1e-6)
    assert row.std["R@1"] > 0.01


@pytest.mark.parametrize("p", [0.0, 0.3, 0.8, 1.0])
def test_caption_level_of_documents_is_the_exact_mean_over_all_coin_tosses(p):
    small = brute.make_world(5, n_images=5, n_captions=8)
    task = make_task(small.projected(), "image-to-text", small.vectors)
    row = sweep(task, Knob("caption"), [p])[0]
    expected = dict.fromkeys(brute.measures(small, "image-to-text"), 0.0)
    for coins, chance in brute.all_tosses(8, p):
        if chance:
            found = brute.measures(brute.tossed(small, coins), "image-to-text")
            expected = {name: total + chance * found[name] for name, total in expected.items()}
    check(row, expected)
    assert set(row.std.values()) == {None}


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_caption_level_of_documents_counts_hits_beyond_the_tenth(seed):
    m, p = 13, 0.6
    small = brute.make_world(seed, n_images=4, n_captions=m)
    coins = np.array(list(itertools.product([0, 1], repeat=m)))
    chances = p ** coins.sum(axis=1) * (1 - p) ** (m - coins.sum(axis=1))
    by_id = sorted(range(m), key=small.caption_ids.__getitem__)
    expected: dict[str, list[float]] = {name: [] for name in (*brute.RANKS, "overlap@10")}
    for _, query, full, dense, right in brute.searches(small, "image-to-text"):
        said = (small.captions * small.said) @ query
        scores = np.where(coins, full, said)
        own = scores[:, right].max(axis=1, keepdims=True)
        wrong = [row for row in range(m) if row not in right]
        rank = np.where(own[:, 0] > 0, 1 + (scores[:, wrong] >= own).sum(axis=1), m + 1)
        for name in brute.RANKS:
            value = [brute.value_of(r, name) for r in range(m + 2)[1:]]
            expected[name].append(chances @ np.array([0.0, *value])[rank])
        theirs = np.array(by_id)[np.argsort(-dense[by_id], kind="stable")[:10]]
        ours = np.array(by_id)[np.argsort(-scores[:, by_id], axis=1, kind="stable")[:, :10]]
        hits = np.take_along_axis(scores, ours, axis=1) > 0
        expected["overlap@10"].append(chances @ (np.isin(ours, theirs) & hits).mean(axis=1))
    row = sweep(make_task(small.projected(), "image-to-text"), Knob("caption"), [p])[0]
    check(row, {name: float(np.mean(values)) for name, values in expected.items()})


def test_mean_score_ranks_by_literal_plus_p_times_expansion(world, task, direction):
    for row in sweep(task, Knob("mean"), [0.0, 0.25, 0.5, 1.0]):
        check(row, brute.measures(brute.mixed(world, row.value), direction))
        assert set(row.std.values()) == {0.0}


@pytest.mark.parametrize("control", ["word", "word-df"])
def test_word_level_equals_masking_every_draw(world, task, direction, control):
    rates = [0.0, 0.2, 0.7, 1.0]
    rows = sweep(task, Knob(control), rates, Draws(3, seed=3))
    for rate, row in zip(rates, rows, strict=True):
        outcomes = [
            brute.measures(brute.masked(world, control, rate, draw, 3), direction)
            for draw in range(3)
        ]
        check(row, {name: np.mean([o[name] for o in outcomes]) for name in outcomes[0]})
        spread = {name: np.std([o[name] for o in outcomes]) for name in row.std}
        assert row.std == pytest.approx(spread, abs=1e-6)


@pytest.mark.parametrize("control", VALUES)
@pytest.mark.parametrize("side", SIDES)
def test_pruning_equals_cutting_every_vector(world, task, direction, control, side):
    for part in PARTS:
        rows = sweep(task, Knob(control, side, part), VALUES[control])
        assert [row.value for row in rows] == VALUES[control]
        for row in rows:
            cut = brute.pruned(world, control, side, part, row.value)
            check(row, brute.measures(cut, direction))


@pytest.mark.parametrize("control", VALUES)
def test_a_fixed_pruning_is_the_same_cut(world, task, direction, control):
    for side, part in itertools.product(SIDES, PARTS):
        value = VALUES[control][2]
        fixed = set_to(task, Knob(control, side, part), value)
        cut = brute.pruned(world, control, side, part, value)
        check(sweep(fixed, Knob("caption"), [1.0])[0], brute.measures(cut, direction))
        then = brute.pruned(cut, "top-k", "both", "all", 3)
        check(sweep(fixed, Knob("top-k", "both"), [3])[0], brute.measures(then, direction))


@pytest.mark.parametrize("side", SIDES)
def test_bits_round_to_even_steps_and_shrink_the_index(world, task, direction, side):
    for row in sweep(task, Knob("bits", side), [1, 2, 4, 8, 16]):
        changed = brute.rounded(world, side, int(row.value), direction)
        check(row, brute.measures(changed, direction))


def test_mixing_and_drawing_cannot_be_fixed(task):
    for control in (*RATES, *RANKINGS):
        with pytest.raises(QueryError):
            set_to(task, Knob(control), 0.5)


def test_rate_0_is_literal_and_rate_1_applies_no_mask(world, task, direction):
    said, everything = (brute.measures(w, direction) for w in (brute.literal(world), world))
    for control in ("caption", "mean", "word"):
        low, high = sweep(task, Knob(control), [0.0, 1.0])
        check(low, said)
        check(high, everything)


@pytest.mark.parametrize("size", [(4, 6), (14, 26), (130, 700)])
def test_the_teachers_ten_and_ranks_are_those_of_a_sort(direction, size):
    world = brute.make_world(1, *size)
    task = make_task(world.projected(), direction)
    ids = task.documents.ids
    names = world.image_ids if direction == "text-to-image" else world.caption_ids
    found = sorted(brute.searches(world, direction), key=lambda search: search[0])
    assert task.queries.ids == tuple(name for name, *_ in found)
    for row, (_, _, _, dense, right) in enumerate(found):
        order = sorted(range(len(names)), key=lambda d: (-dense[d], names[d]))
        assert [ids[d] for d in task.teacher_top[row]] == [names[d] for d in order[:10]]
        ahead = np.delete(dense, right) >= max(dense[right])
        assert task.teacher_ranks[row] == 1 + ahead.sum()


def test_ranks_and_costs_alone_are_the_same_and_all_else_is_null(task):
    quality = {"exact@20": None, "semantic@20": None, "overlap@10": None}
    for control in CONTROLS:
        (row,) = sweep(task, Knob(control), [1.0], Draws(2))
        (alone,) = sweep(task.without_teacher(), Knob(control), [1.0], Draws(2))
        assert alone.mean == {**row.mean, **quality}
        assert [alone.get(name) for name in COSTS] == [row.get(name) for name in COSTS]


def test_latency_is_a_positive_number_when_asked_for_and_null_otherwise(task):
    for knob in (Knob("caption"), Knob("mean"), Knob("word"), Knob("top-k", "both"), Knob("bits")):
        timed = sweep(task, knob, [1.0], latency=True)
        assert all(row.latency_us > 0 for row in timed)
        assert sweep(task, knob, [1.0])[0].latency_us is None


@pytest.mark.parametrize("direction", brute.DIRECTIONS)
@pytest.mark.parametrize("control", CONTROLS)
def test_the_teacher_is_worked_out_before_the_loops_are_taken(direction, control, monkeypatch):
    """Who holds the loops must not wait for a teacher that another thread works out with them."""
    lock = threading.RLock()
    monkeypatch.setattr(sweep_ranks, "ONE_AT_A_TIME", lock)
    worked_out = []

    def teacher(task):
        worked_out.append(lock._is_owned())
        return of_task(task)

    of_task = Task._teacher.func
    monkeypatch.setattr(Task, "_teacher", property(teacher))
    small = brute.make_world(3)
    task = make_task(small.projected(), direction, small.vectors)
    sweep(task, Knob(control), [2.0] if control in WHOLE else [0.5], Draws(1))
    assert worked_out
    assert not any(worked_out)
