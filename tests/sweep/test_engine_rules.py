"""The rules of search engines, each worked out again for one query after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lsr.evaluation.task import make_task
from lsr.exceptions import QueryError
from lsr.index.protocol import Hit
from lsr.sweep.engine_rules import engine_hits, window_size
from lsr.sweep.knobs import RANKINGS, Knob, set_to
from lsr.sweep.points import Point, compare, expected_values
from lsr.sweep.sweep import sweep
from tests.sweep import brute
from tests.sweep.brute import World

WEIGHTS, RATIOS = (0.0, 0.2, 0.4, 1.0), (0.0, 0.5, 0.8, 1.2, 3.0)


def kept(query: np.ndarray, documents: np.ndarray, weight: float, often: float) -> np.ndarray:
    """(V,) bool: the tokens that Elasticsearch scores with."""
    filled = (documents > 0).any(axis=1).sum()
    frequency = (documents > 0).sum(axis=0)
    average = frequency.sum() / filled / (frequency > 0).sum()
    rare = frequency / filled < often * average
    heavy = query > weight * query.max()
    return (query > 0) & (frequency > 0) & (rare | heavy)


def tokens_pruned(world: World, direction: str, weight: float, often: float, only: bool) -> World:
    name = "captions" if direction == "text-to-image" else "images"
    queries, documents = (
        getattr(world, name),
        world.images if name == "captions" else world.captions,
    )
    masks = [kept(query, documents, weight, often) != only for query in queries]
    return replace(world, **{name: queries * np.array(masks)})


@pytest.mark.parametrize("only", [False, True])
def test_elasticsearch_prunes_what_is_both_light_and_frequent(world, task, direction, only):
    part = "only_score_pruned_tokens" if only else "all"
    changed = 0
    for often in RATIOS:
        knob = Knob("tokens_weight_threshold", part=part, beside=often)
        for row in sweep(task, knob, WEIGHTS):
            cut = tokens_pruned(world, direction, row.value, often, only)
            check(row, cut, direction)
            changed += np.count_nonzero(cut.captions != world.captions)
            changed += np.count_nonzero(cut.images != world.images)
    assert changed
    for weight in WEIGHTS:
        knob = Knob("tokens_freq_ratio_threshold", part=part, beside=weight)
        for row in sweep(task, knob, RATIOS):
            check(row, tokens_pruned(world, direction, weight, row.value, only), direction)


def check(row, world: World, direction: str) -> None:
    expected = brute.measures(world, direction)
    assert {name: row.get(name) for name in expected} == pytest.approx(expected, abs=1e-6)


def test_token_pruning_stands_at_the_engines_defaults_and_can_be_fixed(world, task, direction):
    (row,) = sweep(task, Knob("tokens_weight_threshold"), [0.4])
    (same,) = sweep(task, Knob("tokens_freq_ratio_threshold"), [5.0])
    fixed = sweep(set_to(task, Knob("tokens_weight_threshold"), 0.4), Knob("caption"), [1.0])[0]
    for one in (row, same, fixed):
        check(one, tokens_pruned(world, direction, 0.4, 5.0, only=False), direction)


def two_phases(world: World, direction: str, ratio: float, window: int):
    """Of every query: id, its documents in order with their scores, postings touched."""
    documents, ids = (
        (world.images, world.image_ids)
        if direction == "text-to-image"
        else (world.captions, world.caption_ids)
    )
    for name, query, scores, dense, right in brute.searches(world, direction):
        heavy = np.where(query >= ratio * query.max(), query, 0)
        first = documents @ heavy
        rows = sorted(range(len(ids)), key=lambda d: (-first[d], ids[d]))
        found = [d for d in rows if first[d] > 0]
        inside, rest = found[:window], found[window:]
        told = [(d, scores[d]) for d in inside] + [(d, first[d]) for d in rest]
        light = (query > 0) & (heavy == 0)
        postings = (documents > 0).sum(axis=0)[heavy > 0].sum()
        postings += (documents[inside][:, light] > 0).sum()
        yield name, told, len(inside), postings, dense, right, ids


def rank_in(told: list[tuple[int, float]], n_inside: int, right: list[int]) -> float:
    for part, before in ((told[:n_inside], 0), (told[n_inside:], n_inside)):
        own = max((score for d, score in part if d in right), default=0)
        if own > 0:
            return 1.0 + before + sum(score >= own for d, score in part if d not in right)
    return np.inf


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.7, 1.0])
def test_opensearch_ranks_a_window_again(world, task, direction, ratio):
    """Two worlds in two directions, at windows of 10 and 20 documents and four ratios."""
    for rate in (1.0, 2.0):
        (row,) = sweep(task, Knob("two_phase.prune_ratio", beside=rate), [ratio])
        (same,) = sweep(task, Knob("two_phase.expansion_rate", beside=ratio), [rate])
        assert (row.mean, row.posting_cost) == (same.mean, same.posting_cost)
        ranks, costs, shared = [], [], []
        for _, told, n_inside, postings, dense, right, ids in two_phases(
            world, direction, ratio, window_size(rate)
        ):
            ranks.append(rank_in(told, n_inside, right))
            costs.append(postings)
            window = sorted(told[:n_inside], key=lambda hit: (-hit[1], ids[hit[0]]))[:10]
            theirs = sorted(range(len(ids)), key=lambda d: (-dense[d], ids[d]))[:10]
            shared.append(len({d for d, _ in window} & set(theirs)) / len(theirs))
        for name in brute.RANKS:
            expected = np.mean([brute.value_of(rank, name) for rank in ranks])
            assert row.mean[name] == pytest.approx(expected)
        assert row.mean["overlap@10"] == pytest.approx(np.mean(shared))
        assert row.posting_cost == pytest.approx(np.mean(costs))
        assert row.flops == pytest.approx(np.mean(costs) / len(ids))


def test_a_prune_ratio_of_0_is_the_search_itself(world, task, direction):
    (row,) = sweep(task, Knob("two_phase.prune_ratio"), [0.0])
    check(row, world, direction)


def mixed(world: World, direction: str, weight: float):
    for name, _, scores, dense, right in brute.searches(world, direction):
        spread = (dense - dense.min()) / max(np.ptp(dense), 1e-12)
        yield name, weight * spread + (1 - weight) * scores / max(scores.max(), 1e-12), dense, right


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_hybrid_mixes_scores_that_are_brought_to_one_range(world, task, direction, weight):
    (row,) = sweep(task, Knob("hybrid"), [weight])
    ranks = [rank32(scores, right) for _, scores, _, right in mixed(world, direction, weight)]
    for name in brute.RANKS:
        expected = np.mean([brute.value_of(rank, name) for rank in ranks])
        assert row.mean[name] == pytest.approx(expected)
    if weight == 0:
        check(row, world, direction)
    if weight == 1:
        assert row.mean["overlap@10"] > 0.9  # documents with the least dense score are no hits


def rank32(scores: np.ndarray, right: list[int]) -> float:
    """Of scores as float32, in which ties are ties."""
    return brute.rank_of(scores.astype(np.float32), right)


@pytest.mark.parametrize("control", RANKINGS)
def test_one_query_is_ranked_as_the_split_is(world, control):
    task = make_task(world.projected(), "text-to-image")
    value = 2.0 if control == "two_phase.expansion_rate" else 0.6
    values = expected_values(Point(task, Knob(control), value), "R@1")
    for row in range(len(task.queries)):
        query = task.captions.pick(np.array([row]))
        hits = engine_hits(task, query, Knob(control), value, 20)
        assert [hit.score for hit in hits] == pytest.approx(sorted_in_parts(hits, control))
        right = task.images.ids[task.image_of[row]]
        if values[row]:
            assert hits[0].image_id == right


def sorted_in_parts(hits: list[Hit], control: str) -> list[float]:
    """The window of a second phase is in order, and what is behind it is too."""
    scores = [hit.score for hit in hits]
    n = len(hits) if control == "hybrid" else 10
    return sorted(scores[:n], reverse=True) + sorted(scores[n:], reverse=True)


@pytest.mark.parametrize("control", RANKINGS)
def test_points_of_rankings_compare_with_the_rest(world, vocabulary, control):
    task = make_task(world.projected(), "text-to-image")
    value = 1.0
    found = compare(
        Point(task, Knob("caption"), 1.0), Point(task, Knob(control), value), vocabulary
    )
    (row,) = sweep(task, Knob(control), [value])
    (plain,) = sweep(task, Knob("caption"), [1.0])
    assert found.mean == pytest.approx(row.mean["R@1"] - plain.mean["R@1"])
    assert found.lost + found.gained >= len(found.flips) > 0


def test_what_has_no_dense_vectors_has_no_hybrid_and_rankings_are_not_timed(world):
    task = make_task(world.projected(), "text-to-image")
    bare = replace(task, images=replace(task.images, dense=np.zeros((len(task.images), 0))))
    with pytest.raises(QueryError, match="reads no dense vectors"):
        sweep(bare, Knob("hybrid"), [0.5])
    with pytest.raises(QueryError, match="is not timed"):
        sweep(task, Knob("hybrid"), [0.5], latency=True)
