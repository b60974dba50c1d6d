import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.model.sparse import SparseVectors, from_dense

pytestmark = pytest.mark.usefixtures("each_way")


def index_of(block: np.ndarray, ids: list[str]) -> MemoryIndex:
    return MemoryIndex(SparseVectors(from_dense(block), tuple(ids), "v"))


@given(st.integers(0, 10_000), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_hits_equal_a_float64_sort_ties_included(seed, k):
    rng = np.random.default_rng(seed)
    # Quarters add up exactly in float32, so equal scores are truly equal.
    block = rng.choice([0, 0, 0, 0.25, 0.5, 1.0], size=(15, 8)).astype(np.float32)
    query = rng.choice([0, 0.25, 0.5], size=8)
    ids = [f"id-{i:02d}" for i in rng.permutation(15)]
    terms = np.flatnonzero(query)
    hits = index_of(block, ids).search(terms, query[terms], k)
    scores = block.astype(np.float64) @ query
    order = sorted(range(15), key=lambda i: (-scores[i], ids[i]))
    expected = [(ids[i], scores[i]) for i in order if scores[i] > 0][:k]
    assert [tuple(hit) for hit in hits] == expected


def test_only_allowed_images_are_hits():
    index = index_of(np.ones((4, 2)), list("dcba"))
    assert [h.image_id for h in index.search([0], [1.0], 4, only={"c", "a"})] == ["a", "c"]


def test_an_image_without_a_shared_term_is_no_hit():
    index = index_of(np.array([[1, 0], [0, 1]]), ["a", "b"])
    assert [h.image_id for h in index.search([0], [1.0], 5)] == ["a"]
    assert index.search(np.zeros(0, int), np.zeros(0), 5) == []
    assert index.search([0], [0.0], 5) == []


def test_an_empty_index_has_no_hits():
    assert index_of(np.zeros((0, 3)), []).search([1], [1.0], 3) == []


@pytest.mark.parametrize(
    ("terms", "weights", "k", "message"),
    [
        ([0], [1.0], 0, "k is 0"),
        ([2], [1.0], 1, "outside the vocabulary of 2 terms"),
        ([-1], [1.0], 1, "outside the vocabulary"),
        ([0], [float("nan")], 1, "negative or not a number"),
        ([0], [-1.0], 1, "negative or not a number"),
    ],
)
def test_what_cannot_be_searched_is_refused(terms, weights, k, message):
    with pytest.raises(QueryError, match=message):
        index_of(np.ones((2, 2)), ["a", "b"]).search(terms, weights, k)
