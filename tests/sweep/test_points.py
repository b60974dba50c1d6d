"""Two points of a sweep against each other, recomputed query by query."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsr.evaluation.task import Task, make_task
from lsr.exceptions import QueryError
from lsr.sweep.knobs import Knob, set_to
from lsr.sweep.points import Difference, Point, compare
from tests.sweep import brute
from tests.sweep.brute import World

MEASURES = ("R@1", "R@5", "MRR@10")
SETTINGS = [
    (Knob("caption"), 1.0),
    (Knob("caption"), 0.0),
    (Knob("caption"), 0.3),
    (Knob("mean"), 0.25),
    (Knob("word"), 0.4),
    (Knob("word-df"), 0.7),
    (Knob("top-k"), 3),
    (Knob("threshold", "images"), 0.5),
    (Knob("max-ratio", "both", "expansion"), 0.5),
    (Knob("bits", "images"), 1),
]
PAIRS = [
    *((SETTINGS[0], setting) for setting in SETTINGS[1:]),
    (SETTINGS[1], SETTINGS[4]),
    (SETTINGS[6], SETTINGS[3]),
    (SETTINGS[4], SETTINGS[0]),
]


@pytest.fixture(scope="session")
def small() -> World:
    """Eight captions, so that all tosses of their coins can be gone through."""
    return brute.make_world(2, n_images=7, n_captions=8)


@pytest.fixture
def few(small, direction) -> Task:
    return make_task(small.projected(), direction)


def outcomes(world: World, direction: str, knob: Knob, value: float, seed: int = 0):
    """Worlds that a point may stand for, with their chances."""
    match knob.control:
        case "caption" if direction == "image-to-text":
            tosses = brute.all_tosses(len(world.captions), value)
            return [(brute.tossed(world, coins), chance) for coins, chance in tosses if chance]
        case "caption":
            return [(brute.literal(world), 1 - value), (world, value)]
        case "mean":
            return [(brute.mixed(world, value), 1.0)]
        case "word" | "word-df":
            masked = [brute.masked(world, knob.control, value, draw, seed) for draw in range(8)]
            return [(one, 1 / 8) for one in masked]
        case "bits":
            return [(brute.rounded(world, knob.side, int(value), direction), 1.0)]
    return [(brute.pruned(world, knob.control, knob.side, knob.part, value), 1.0)]


def expected(world: World, direction: str, knob: Knob, value: float, measure: str):
    """The measure of every query by its id."""
    parts = [
        (brute.values_per_query(one, direction, measure), chance)
        for one, chance in outcomes(world, direction, knob, value)
    ]
    return {name: sum(chance * values[name] for values, chance in parts) for name in parts[0][0]}


def one_outcome(world: World, direction: str, knob: Knob, value: float) -> World:
    """The outcome that flips are explained in: a coin that forbids expansion, the first draw."""
    if knob.control == "caption":
        return world if value >= 1 else brute.literal(world)
    return outcomes(world, direction, knob, value)[0][0]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda one: f"{one[0]}={one[1]}")
def test_values_of_every_query_are_expected_over_coins_and_draws(
    small, few, direction, vocabulary, old, new
):
    for measure in MEASURES:
        before = expected(small, direction, *old, measure)
        after = expected(small, direction, *new, measure)
        found = compare(Point(few, *old), Point(few, *new), vocabulary, measure, most=100)
        changes = [after[name] - before[name] for name in before]
        assert found.n_queries == len(before)
        assert found.measure == measure
        assert found.mean == pytest.approx(np.mean(changes), abs=1e-9)
        assert found.lost == sum(change < -1e-9 for change in changes)
        assert found.gained == sum(change > 1e-9 for change in changes)
        assert len(found.flips) == found.lost + found.gained
        for flip in found.flips:
            assert flip.before == pytest.approx(before[flip.query_id], abs=1e-9)
            assert flip.after == pytest.approx(after[flip.query_id], abs=1e-9)


CUT = Knob("top-k", part="expansion")


def changed(world: World, direction: str, vocabulary, most: int = 100) -> Difference:
    """What it does to leave every caption only its strongest expansion term."""
    task = make_task(world.projected(), direction)
    points = Point(task, Knob("caption"), 1.0), Point(task, CUT, 1)
    return compare(*points, vocabulary, "MRR@10", most)


def test_flips_are_the_largest_losses_then_the_largest_gains(world, direction, vocabulary):
    found = changed(world, direction, vocabulary)
    assert min(found.lost, found.gained) > 1
    losses, gains = found.flips[: found.lost], found.flips[found.lost :]
    for part, sign in ((losses, -1), (gains, 1)):
        changes = [round(sign * (flip.after - flip.before), 9) for flip in part]
        assert min(changes) > 0
        assert changes == sorted(changes, reverse=True)
    # Half of each; where one side is short, the other fills up.
    few = changed(world, direction, vocabulary, most=3)
    assert few == replace(found, flips=[*losses[:2], gains[0]])
    most = len(found.flips) - 1
    kept = max(most - len(gains), (most + 1) // 2)
    left = most - min(kept, len(losses))
    assert changed(world, direction, vocabulary, most).flips == [*losses[:kept], *gains[:left]]


def test_a_flip_names_the_rival_and_the_terms_that_carry_the_margin(world, direction, vocabulary):
    found = changed(world, direction, vocabulary)
    worlds = [world, brute.pruned(world, "top-k", "captions", "expansion", 1)]
    numbers = {term: number for number, term in enumerate(vocabulary.terms)}
    places = (world.image_ids, world.caption_ids)
    queries, documents = places[::-1] if direction == "text-to-image" else places
    sides = [(w.captions, w.images) for w in worlds]
    sides = [pair if direction == "text-to-image" else pair[::-1] for pair in sides]
    named = 0
    for flip in found.flips:
        row = queries.index(flip.query_id)
        right = next(r for name, *_, r in brute.searches(world, direction) if name == flip.query_id)
        scores = [index @ asked[row] for asked, index in sides]
        ranks = [brute.rank_of(one, right) for one in scores]
        hits = [0 if rank == np.inf else rank for rank in ranks]
        assert [flip.rank_before, flip.rank_after] == hits
        lost = flip.after < flip.before
        worse = scores[1] if lost else scores[0]
        answer = documents.index(flip.answer_id)
        assert answer in right
        assert worse[answer] == max(worse[right])
        wrong = [d for d in range(len(documents)) if d not in right and worse[d] > 0]
        best = min(wrong, key=lambda d: (-worse[d], documents[d]), default=None)
        if best is None or worse[best] < worse[answer]:
            assert (flip.rival, flip.terms) == ("", [])
            continue
        assert flip.rival == documents[best]
        margins = [(index[answer] - index[best]) * asked[row] for asked, index in sides]
        change = margins[1] - margins[0]
        sign = -1 if lost else 1
        order = sorted(range(len(change)), key=lambda term: (-sign * change[term], term))
        responsible = [(term, change[term]) for term in order if sign * change[term] > 1e-6][:4]
        assert [(numbers[term], by) for term, by in flip.terms] == [
            (term, pytest.approx(by)) for term, by in responsible
        ]
        named += len(flip.terms)
    assert named > 20


def test_an_identical_point_makes_no_difference(task, vocabulary):
    for knob, value in SETTINGS[:7]:
        found = compare(Point(task, knob, value), Point(task, knob, value), vocabulary)
        assert (found.mean, found.low, found.high, found.lost, found.gained) == (0, 0, 0, 0, 0)
        assert found.flips == []


def test_the_interval_contains_the_mean_and_resamples_whole_images(world, direction, vocabulary):
    found = changed(world, direction, vocabulary)
    pruned = brute.pruned(world, "top-k", "captions", "expansion", 1)
    assert found.low < found.mean < found.high
    before = brute.values_per_query(world, direction, "MRR@10")
    after = brute.values_per_query(pruned, direction, "MRR@10")
    owner = {name: name for name in world.image_ids}
    owner |= {
        name: world.image_ids[image]
        for name, image in zip(world.caption_ids, world.image_of, strict=True)
    }
    groups: dict[str, list[float]] = {}
    for name in before:
        groups.setdefault(owner[name], []).append(after[name] - before[name])
    sums, counts = (np.array([f(one) for one in groups.values()]) for f in (sum, len))
    drawn = np.random.default_rng(3).integers(len(sums), size=(4000, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    width = found.high - found.low
    expected_ends = np.quantile(means, [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx(expected_ends.tolist(), abs=0.12 * width)


def test_all_captions_of_one_image_leave_nothing_to_resample(small, vocabulary):
    lone = replace(small, image_of=np.full(8, 3))
    task = make_task(lone.projected())
    old, new = Point(task, Knob("caption"), 1.0), Point(task, Knob("top-k"), 1)
    found = compare(old, new, vocabulary, "MRR@10")
    assert found.low == found.mean == found.high != 0


def test_the_same_points_give_the_same_difference(world, direction, vocabulary):
    assert changed(world, direction, vocabulary) == changed(world, direction, vocabulary)


def test_points_may_stand_on_other_prunings_of_the_same_split(world, task, direction, vocabulary):
    fixed = set_to(task, Knob("top-k", "images"), 5)
    found = compare(
        Point(task, Knob("caption"), 1.0), Point(fixed, Knob("caption"), 1.0), vocabulary, "MRR@10"
    )
    cut = brute.pruned(world, "top-k", "images", "all", 5)
    before, after = (brute.measures(one, direction)["MRR@10"] for one in (world, cut))
    assert found.mean == pytest.approx(after - before)


def test_other_queries_are_refused(world, vocabulary):
    ways = [
        Point(make_task(world.projected(), way), Knob("caption"), 1) for way in brute.DIRECTIONS
    ]
    with pytest.raises(QueryError, match="same queries only"):
        compare(*ways, vocabulary)


def test_other_directions_are_refused_where_ids_are_the_same(small, vocabulary):
    ids = tuple("abcdefgh")
    dense = small.caption_dense
    twins = replace(
        brute.make_world(3, n_images=8, n_captions=8), image_of=np.arange(8), image_ids=ids,
        caption_ids=ids, image_dense=dense, caption_dense=dense,
    )  # fmt: skip
    ways = [
        Point(make_task(twins.projected(), way), Knob("caption"), 1) for way in brute.DIRECTIONS
    ]
    with pytest.raises(QueryError, match="same queries only"):
        compare(*ways, vocabulary)


def test_only_measures_of_a_ranking_are_compared(task, vocabulary):
    point = Point(task, Knob("caption"), 1.0)
    with pytest.raises(QueryError, match="`exact@20` is not compared. Use R@1, R@5, R@10, MRR@10"):
        compare(point, point, vocabulary, "exact@20")
