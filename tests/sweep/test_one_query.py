"""One query under a knob, its rank clouds and its prices, each counted again by hand."""

import numpy as np
import pytest

from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.model.expansion import term_draw
from lsr.model.sparse import SparseVectors, from_dense
from lsr.sweep.knob_names import parse_knob
from lsr.sweep.knobs import Knob, set_to
from lsr.sweep.one_query import image_index, outcomes, price_tags, rank_clouds, within_budget


@pytest.fixture
def images(vocabulary) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.choice([0, 0, 0, 0.25, 0.5, 1.0], size=(9, len(vocabulary))).astype(np.float32)


@pytest.fixture
def index(images, vocabulary) -> MemoryIndex:
    ids = tuple(f"i{n}" for n in range(len(images)))
    return MemoryIndex(SparseVectors(from_dense(images), ids, vocabulary.fingerprint))


@pytest.fixture
def query(vocabulary) -> Side:
    weights = np.zeros((1, len(vocabulary)), np.float32)
    weights[0, [5, 9, 11, 20, 30]] = [1.0, 0.5, 2.0, 0.25, 0.75]
    matrix = from_dense(weights)
    return Side(("q",), matrix, np.isin(matrix.indices, [5, 11]), np.zeros((1, 2), np.float32))


@pytest.fixture
def task(images, query) -> Task:
    matrix = from_dense(images)
    side = Side(
        tuple(f"i{n}" for n in range(len(images))),
        matrix,
        np.zeros(matrix.nnz, bool),
        np.zeros((len(images), 2), np.float32),
    )
    return Task("text-to-image", query, side, np.zeros(1, np.int32))


def kept(outcome) -> dict[int, float]:
    return dict(zip(outcome.terms.tolist(), outcome.weights.tolist(), strict=True))


def test_the_coin_leaves_literal_terms_or_all(task, query):
    low, high = outcomes(task, query, Knob("caption"), 0.3)
    assert (low.chance, high.chance) == (pytest.approx(0.7), pytest.approx(0.3))
    assert kept(low) == {5: 1.0, 11: 2.0}
    assert kept(high) == {5: 1.0, 9: 0.5, 11: 2.0, 20: 0.25, 30: 0.75}


@pytest.mark.parametrize(
    ("knob", "value", "expected"),
    [
        ("mean", 0.5, {5: 1.0, 9: 0.25, 11: 2.0, 20: 0.125, 30: 0.375}),
        ("mean", 0.0, {5: 1.0, 11: 2.0}),
        ("top-k", 2, {5: 1.0, 11: 2.0}),
        ("top-k/expansion", 1, {5: 1.0, 11: 2.0, 30: 0.75}),
        ("threshold", 0.6, {5: 1.0, 11: 2.0, 30: 0.75}),
        ("max-ratio/literal", 0.6, {9: 0.5, 11: 2.0, 20: 0.25, 30: 0.75}),
        ("top-k@images", 1, {5: 1.0, 9: 0.5, 11: 2.0, 20: 0.25, 30: 0.75}),
        ("bits", 1, {11: 2.0, 5: 0.0}),
    ],
)
def test_a_knob_leaves_of_one_query_what_it_leaves_of_many(task, query, knob, value, expected):
    (one,) = outcomes(task, query, parse_knob(knob), value)
    assert kept(one) == pytest.approx({k: v for k, v in expected.items() if v})


def test_the_first_draw_is_that_of_the_sweep(task, query, vocabulary):
    (one,) = outcomes(task, query, Knob("word"), 0.5, seed=4)
    numbers = term_draw(len(vocabulary), 0, 4)
    assert set(kept(one)) == {5, 11} | {t for t in (9, 20, 30) if numbers[t] < 0.5}


def test_images_are_cut_in_their_index_only_where_the_knob_says_so(task, images):
    whole = image_index(task, parse_knob("top-k"), 1, "v")
    cut = image_index(task, parse_knob("top-k@both"), 1, "v")
    assert np.array_equal(whole.images.matrix.toarray(), images)
    expected = set_to(task, parse_knob("top-k@images"), 1).images.matrix
    assert np.array_equal(cut.images.matrix.toarray(), expected.toarray())
    assert cut.images.active_terms <= 1


def test_clouds_are_the_ranks_of_every_draw(index, images, query, vocabulary):
    weights, said = query.matrix.data, query.said
    found = rank_clouds(index, query.terms, weights, said, rate=0.5, draws=7, seed=2, most=9)
    by_id = {cloud.image_id: cloud.ranks for cloud in found}
    for draw in range(7):
        allowed = said | (term_draw(len(vocabulary), draw, 2)[query.terms] < 0.5)
        scores = images[:, query.terms[allowed]].astype(np.float64) @ weights[allowed]
        order = sorted(range(9), key=lambda n: (-scores[n], f"i{n}"))
        for place, n in enumerate(order, 1):
            assert by_id[f"i{n}"][draw] == (place if scores[n] > 0 else 9)
    medians = [np.median(cloud.ranks) for cloud in found]
    assert medians == sorted(medians)


def test_at_rate_1_every_draw_is_the_search(index, query):
    found = rank_clouds(
        index, query.terms, query.matrix.data, query.said, rate=1.0, draws=3, most=4
    )
    hits = index.search(query.terms, query.matrix.data, 4)
    assert [cloud.image_id for cloud in found] == [hit.image_id for hit in hits]
    assert all(len(set(cloud.ranks)) == 1 for cloud in found)


@pytest.mark.parametrize(("rate", "draws"), [(1.5, 10), (0.5, 0), (float("nan"), 5)])
def test_impossible_clouds_are_refused(index, query, rate, draws):
    with pytest.raises(QueryError, match="rate from 0 to 1"):
        rank_clouds(index, query.terms, query.matrix.data, query.said, rate=rate, draws=draws)


def test_prices_are_postings_and_shares_of_the_ten_best(index, images, query, vocabulary):
    tags = price_tags(index, query.terms, query.matrix.data, query.said, vocabulary)
    products = images[:, query.terms] * query.matrix.data
    total = products.sum()
    assert sum(tag.share for tag in tags) == pytest.approx(1.0)
    for tag in tags:
        place = query.terms.tolist().index(vocabulary.id_of(tag.term))
        assert tag.postings == (images[:, query.terms[place]] > 0).sum()
        assert tag.share == pytest.approx(products[:, place].sum() / total)
        assert tag.origin == ("literal" if query.said[place] else "expansion")


def test_a_budget_buys_the_best_shares_for_a_posting(index, query, vocabulary):
    tags = price_tags(index, query.terms, query.matrix.data, query.said, vocabulary)
    total = sum(tag.postings for tag in tags)
    assert len(within_budget(tags, total)) == sum(tag.share > 0 for tag in tags)
    assert within_budget(tags, 0) == []
    kept = within_budget(tags, total / 2)
    assert sum(tag.postings for tag in kept) <= total / 2
    worth = [tag.share / tag.postings for tag in kept]
    assert worth == sorted(worth, reverse=True)


def test_a_query_without_terms_has_no_price(index, vocabulary):
    nothing = np.zeros(0, np.int32)
    weights, said = np.zeros(0, np.float32), np.zeros(0, bool)
    assert price_tags(index, nothing, weights, said, vocabulary) == []
