"""Queries that several images answer: every knob against the plainest count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsr.evaluation.task import make_task
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import Knob
from lsr.sweep.points import Point, compare
from lsr.sweep.sweep import sweep
from tests.sweep import brute


@pytest.fixture(scope="module")
def several():
    """Queries of one to six images; image 0 answers none, and two queries have equal answers."""
    plain = brute.make_world(5)
    also = np.random.default_rng(8).random((26, 14)) < 0.12
    also[:, 0] = False
    also[7], image_of = also[6], plain.image_of.copy()
    image_of[7] = image_of[6]
    return replace(plain, also=also, image_of=image_of)


def check(row, expected):
    assert {name: row.get(name) for name in expected} == pytest.approx(expected, abs=1e-6)


def test_the_queries_have_one_answer_or_several_and_some_image_has_none(several):
    counts = several.right.sum(axis=1)
    assert (counts.min(), counts.max()) == (1, 6)
    assert several.right.sum(axis=0).min() == 0


@pytest.mark.parametrize("side", ["captions", "images", "both"])
@pytest.mark.parametrize(
    ("control", "part", "values"),
    [
        ("top-k", "all", [1, 3, 8]),
        ("threshold", "expansion", [0.3, 0.6]),
        ("max-ratio", "literal", [0.2, 0.9]),
    ],
)
def test_prunings_are_those_of_brute_force(several, direction, control, side, part, values):
    task = make_task(several.projected(), direction, several.vectors)
    for row in sweep(task, Knob(control, side, part), values):
        pruned = brute.pruned(several, control, side, part, row.value)
        check(row, brute.measures(pruned, direction))


def test_the_mean_score_and_a_draw_of_words_are_those_of_brute_force(several, direction):
    task = make_task(several.projected(), direction, several.vectors)
    (row,) = sweep(task, Knob("mean"), [0.5])
    expected = brute.measures(brute.mixed(several, 0.5), direction)
    check(row, {name: expected[name] for name in brute.RANKS})
    for control in ("word", "word-df"):
        (row,) = sweep(task, parse_knob(control), [0.4])
        draws = [
            brute.measures(brute.masked(several, control, 0.4, draw, 0), direction)
            for draw in range(row.draws)
        ]
        for name in brute.RANKS:
            assert row.mean[name] == pytest.approx(np.mean([draw[name] for draw in draws]))


def test_the_coin_is_the_exact_mean_over_all_outcomes(several, direction):
    few = replace(
        brute.make_world(3, n_images=6, n_captions=8),
        also=np.random.default_rng(2).random((8, 6)) < 0.3,
    )
    (row,) = sweep(make_task(few.projected(), direction, few.vectors), Knob("caption"), [0.3])
    for name in brute.RANKS:
        mean = sum(
            chance * brute.measures(brute.tossed(few, expands), direction)[name]
            for expands, chance in brute.all_tosses(8, 0.3)
        )
        assert row.mean[name] == pytest.approx(mean)


def test_a_flip_names_one_of_the_answers_and_a_rival_that_is_none(several, vocabulary):
    task = make_task(several.projected())
    found = compare(
        Point(task, Knob("caption"), 1.0), Point(task, Knob("top-k"), 1), vocabulary, "R@1"
    )
    assert found.flips
    for flip in found.flips:
        query = several.caption_ids.index(flip.query_id)
        assert several.right[query, several.image_ids.index(flip.answer_id)]
        if flip.rival:
            assert not several.right[query, several.image_ids.index(flip.rival)]


def test_queries_with_equal_answers_are_one_group(several):
    groups = make_task(several.projected()).groups
    rows = [sorted(several.caption_ids).index(several.caption_ids[row]) for row in (6, 7)]
    assert groups[rows[0]] == groups[rows[1]]
    assert len(set(groups.tolist())) == len({row.tobytes() for row in several.right})
