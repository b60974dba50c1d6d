"""The cheapest setting against a search through all of them."""

from __future__ import annotations

import numpy as np
import pytest

from lsr.evaluation.passes import COSTS
from lsr.evaluation.task import make_task
from lsr.exceptions import QueryError
from lsr.sweep.knobs import PRUNINGS, Knob, set_to
from lsr.sweep.solve import (
    _PHASES,
    _SHARES,
    LENGTHS,
    RATES,
    RATIOS,
    OperatingPoint,
    Solution,
    solve,
)
from lsr.sweep.sweep import Draws, sweep
from tests.sweep import brute
from tests.sweep.brute import World

ENGINES = {"tokens_weight_threshold": RATIOS, "two_phase.prune_ratio": _PHASES}
SOLVED = [name for name in COSTS if name != "latency_us"]


@pytest.fixture(scope="module")
def world() -> World:
    return brute.make_world(3, n_images=9, n_captions=14)


@pytest.fixture(scope="module")
def everywhere(world) -> dict[str, list[dict[str, float]]]:
    return {way: [*everything(world, way), *mixing(world, way)] for way in brute.DIRECTIONS}


def answer(solutions) -> Solution:
    return list(solutions)[-1]


def measured_again(task, best: OperatingPoint):
    for knob, value in best.fixed:
        task = set_to(task, knob, value)
    return sweep(task, best.knob, [best.value], Draws(8))[0]


def quick(queries: np.ndarray, documents: np.ndarray, right: np.ndarray, bits: int):
    """R@1, MRR@10 and every cost; right: (q, n) bool."""
    scores = queries @ documents.T
    own = np.where(right, scores, -1).max(axis=1, keepdims=True)
    ranks = 1 + ((scores >= own) & ~right).sum(axis=1)
    ranks = np.where(own[:, 0] > 0, ranks, 99)
    asked, index = queries > 0, documents > 0
    cost = (asked @ index.sum(axis=0)).mean()
    return {
        "R@1": (ranks == 1).mean(),
        "MRR@10": np.where(ranks <= 10, 1 / ranks, 0).mean(),
        "posting_cost": cost,
        "flops": cost / len(documents),
        "active_terms_query": asked.sum(axis=1).mean(),
        "active_terms_document": index.sum(axis=1).mean(),
        "index_bytes": index.sum() * (4 + bits / 8) + 8 * (documents.shape[1] + 1),
    }


def everything(world: World, direction: str):
    """Every pruning of captions under every pruning of images, measured."""
    weights = world.captions[world.captions > 0]
    least = np.unique(np.quantile(weights, np.linspace(0, 0.95, 20)).round(4))
    values = {"top-k": LENGTHS, "threshold": least, "max-ratio": RATIOS, "alpha_mass": RATES}
    captions = [
        brute.pruned(world, control, "captions", part, value).captions
        for control in PRUNINGS
        for part in ("all", "expansion")
        for value in values[control]
    ]
    cut = [("top-k", k) for k in LENGTHS[3:]] + [("max-ratio", share) for share in _SHARES[1:]]
    images = [brute.pruned(world, control, "images", "all", value).images for control, value in cut]
    right = world.image_of[:, None] == np.arange(len(world.images))
    asking = right.any(axis=0)
    for some in [world.images, *images]:
        for mine in captions:
            if direction == "text-to-image":
                yield quick(mine, some, right, 32)
            else:
                yield quick(some[asking], mine, right.T[asking], 32)


def mixing(world: World, direction: str):
    """The random and mixed knobs and engines' rules, from sweeps that have tests of their own."""
    task = make_task(world.projected(), direction)
    rows = [
        sweep(task, Knob(one), RATES, Draws(8)) for one in ("caption", "mean", "word", "word-df")
    ]
    cut = [("top-k", k) for k in LENGTHS[3:]] + [("max-ratio", share) for share in _SHARES[1:]]
    for some in [task, *(set_to(task, Knob(name, "images"), value) for name, value in cut)]:
        rows += [sweep(some, Knob(name), values) for name, values in ENGINES.items()]
    for of_one in rows:
        for row in of_one:
            yield {name: row.get(name) for name in ("R@1", "MRR@10", *SOLVED)}


@pytest.mark.parametrize("cost", SOLVED)
def test_no_setting_that_reaches_the_target_is_cheaper(world, direction, everywhere, cost):
    measure, keep = ("R@1", 0.98) if cost in ("flops", "posting_cost") else ("MRR@10", 0.8)
    task = make_task(world.projected(), direction)
    found = answer(solve(task, keep, measure, cost))
    target = keep * brute.measures(world, direction)[measure]
    assert found.target == pytest.approx(target)
    settings = everywhere[direction]
    costs = [one[cost] for one in settings if one[measure] >= target - 1e-12]
    assert 0 < len(costs) < len(settings)
    if cost == "index_bytes":
        assert found.best.record[cost] <= min(costs)
        rounding = [(knob, value) for knob, value in found.best.fixed if knob.control == "bits"]
        assert rounding in ([], [(Knob("bits", task.documents_are), 8.0)])
    else:
        assert found.best.record[cost] == pytest.approx(min(costs))
        assert found.tried == len(settings)
    row = measured_again(task, found.best)
    again = {name: row.get(name) for name in (measure, *SOLVED)}
    assert {name: found.best.record[name] for name in again} == pytest.approx(again)
    assert row.mean[measure] >= found.target - 1e-12


def test_bytes_are_saved_by_rounding_where_the_ranking_stands(world, direction):
    # Weights of these splits are whole multiples of a 255th of the largest: nothing is lost.
    found = list(solve(make_task(world.projected(), direction), 0.9, "MRR@10", "index_bytes"))
    before, after = found[-2].best, found[-1].best
    assert after.fixed[-1] == (
        Knob("bits", "images" if direction == "text-to-image" else "captions"),
        8,
    )
    assert (after.knob, after.value) == (before.knob, before.value)
    dictionary = 8 * (brute.N_TERMS + 1)
    saved = (after.record["index_bytes"] - dictionary) / (before.record["index_bytes"] - dictionary)
    assert saved == pytest.approx(5 / 8)
    assert after.record["MRR@10"] == before.record["MRR@10"]


def test_reports_count_up_and_only_get_cheaper(world):
    reports = list(solve(make_task(world.projected()), 0.9, "R@5"))
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert set(done) == set(range(1, reports[-1].planned + 1))
    costs = [report.best.record["posting_cost"] for report in reports if report.best]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < reports[0].full["posting_cost"]
    expected = brute.measures(world, "text-to-image")
    full = {name: reports[0].full[name] for name in expected if name != "semantic@20"}
    assert full == pytest.approx({name: expected[name] for name in full})


def test_a_setting_says_itself_and_the_options_that_measure_it():
    fixed = ((Knob("top-k", "images"), 40.0), (Knob("bits", "images"), 8.0))
    best = OperatingPoint(fixed, Knob("max-ratio", part="expansion"), 0.15, {})
    assert str(best) == "top-k@images = 40, bits@images = 8, max-ratio/expansion = 0.15"
    assert best.options() == (
        "--control max-ratio/expansion --from 0.15 --to 0.15 --steps 1 "
        "--fix top-k@images=40 --fix bits@images=8"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "A share of 0 cannot be kept. Use one above 0 and up to 1."),
        ({"keep": 1.01}, "A share of 1.01"),
        ({"keep": float("nan")}, "A share of nan"),
        ({"measure_name": "exact@20"}, "`exact@20` cannot be kept. Use R@1, R@5, R@10, MRR@10."),
        ({"cost": "latency_us"}, "`latency_us` is no cost to solve for. Use active_terms_query,"),
        ({"cost": "R@1"}, "`R@1` is no cost"),
    ],
)
def test_what_cannot_be_solved_is_refused(world, options, message):
    with pytest.raises(QueryError, match=message):
        next(solve(make_task(world.projected()), **options))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([("caption", "captions", "all", 1.0)], "Every term takes part"),
        ([("caption", "captions", "all", 0.5)], "A caption expands with chance 0.5"),
        (
            [("top-k", "images", "all", 40.0), ("top-k", "captions", "expansion", 8.0)],
            "Images keep their 40 strongest terms; captions keep their 8 strongest expansion terms",
        ),
        (
            [("max-ratio", "images", "all", 0.25), ("word", "captions", "all", 1.0)],
            "Images keep terms of 25% of their strongest weight or more",
        ),
        (
            [("bits", "images", "all", 8.0), ("threshold", "captions", "all", 0.3)],
            "Weights of images take 8 bits; captions keep terms of weight 0.3 or more",
        ),
    ],
)
def test_a_setting_is_put_into_words(settings, words):
    *fixed, last = [(Knob(control, side, part), value) for control, side, part, value in settings]
    assert OperatingPoint(tuple(fixed), *last, {}).in_words() == words
