"""The cheapest setting is chosen on one split and measured on another."""

from __future__ import annotations

import numpy as np
import pytest

from lsr.collection.queries import QueryRow, write_query_set
from lsr.sweep.cheapest import cheapest, choosing_split
from lsr.sweep.knobs import Knob, set_to
from lsr.sweep.laboratory import open_laboratory
from lsr.sweep.solve import OperatingPoint, solve
from lsr.sweep.sweep import sweep
from tests.conftest import make_collection

SPLITS = ("train",) * 4 + ("val",) * 9 + ("test",) * 9


@pytest.fixture
def split_collection(tmp_path, fake_encoder):
    return make_collection(tmp_path / "split", fake_encoder, splits=SPLITS)


def r_at_1(collection, model, split: str, best: OperatingPoint | None = None) -> float:
    task = open_laboratory(collection, model, split).task
    if best is None:
        return float(sweep(task, Knob("caption"), [1.0])[0].mean["R@1"])
    for knob, value in best.fixed:
        task = set_to(task, knob, value)
    return float(sweep(task, best.knob, [best.value])[0].mean["R@1"])


def test_a_split_to_choose_on_is_never_the_training_split(split_collection, collection):
    assert choosing_split(split_collection, "test") == "val"
    assert choosing_split(split_collection, "val") == "test"
    assert choosing_split(split_collection, "train") == "val"
    assert choosing_split(collection, "test") == "test"


def test_the_choice_is_the_other_splits_and_the_measures_are_ones_own(split_collection, model):
    *_, found = cheapest(open_laboratory(split_collection, model, "test"), 0.6)
    *_, alone = solve(open_laboratory(split_collection, model, "val").task, 0.6)
    sure = found.confirmed
    assert (found.chosen_on, found.solution) == ("val", alone)
    assert str(sure.point) == str(alone.best)
    assert r_at_1(split_collection, model, "val", sure.point) >= found.solution.target
    assert sure.best["R@1"] == r_at_1(split_collection, model, "test", sure.point)
    assert sure.full["R@1"] == r_at_1(split_collection, model, "test")
    change = sure.best["R@1"] - sure.full["R@1"]
    assert sure.difference.mean == pytest.approx(change)
    assert sure.difference.low <= change <= sure.difference.high


def test_nothing_is_confirmed_where_the_search_is_not_over(split_collection, model):
    reports = list(cheapest(open_laboratory(split_collection, model, "test"), 0.6))
    assert [report.confirmed for report in reports[:-1]] == [None] * (len(reports) - 1)
    tried = [report.solution.tried for report in reports]
    assert np.all(np.diff(tried) >= 0)
    assert tried[0] > 0


def test_settings_for_a_query_set_are_chosen_on_its_queries(queried, model):
    assert choosing_split(queried, "test", "some") == "val"
    write_query_set(queried, "narrow", [QueryRow("q", "a dog", queried.image_ids[-1])])
    assert choosing_split(queried, "test", "narrow") == "test"
    *_, found = cheapest(open_laboratory(queried, model, queries="some"), 0.6)
    *_, alone = solve(open_laboratory(queried, model, "val", queries="some").task, 0.6)
    assert (found.chosen_on, found.solution) == ("val", alone)
    answered = open_laboratory(queried, model, queries="some").n_texts
    assert found.confirmed.difference.n_queries == answered
