"""What the browser ranks with: all postings, or enough of them and a bound."""

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.index.memory.index import MemoryIndex
from lsr.model.sparse import SparseVectors
from lsr.search.live import live_postings

TERMS = (3, 7, 11, 20)


@pytest.fixture(scope="module")
def memory() -> MemoryIndex:
    matrix = sp.random(3_000, 30, 0.4, "csr", dtype=np.float32, rng=np.random.default_rng(2))
    matrix.sort_indices()
    ids = tuple(f"{row:05d}" for row in range(3_000))
    return MemoryIndex(SparseVectors(sp.csr_matrix(matrix), ids, "x"))


def scores(live, weights):
    found = np.zeros(len(live.rows))
    for weight, places, there in zip(weights, live.places, live.weights, strict=True):
        found[places] += weight * there
    return found


def test_few_postings_are_sent_whole(memory):
    live = live_postings(memory, TERMS, most_bytes=10**6)
    assert live.whole
    weights = np.array([1.0, 0.5, 2.0, 0.0])
    expected = memory.images.matrix[:, list(TERMS)].toarray()[live.rows] @ weights
    assert scores(live, weights) == pytest.approx(expected)


def test_a_size_is_kept_and_no_image_left_out_can_reach_the_bound(memory):
    live = live_postings(memory, TERMS, most_bytes=4_000)
    assert live.nbytes <= 4_000
    assert not live.whole
    weights = np.array([1.0, 0.5, 2.0, 0.3])
    everyone = memory.images.matrix[:, list(TERMS)].toarray() @ weights
    assert scores(live, weights) == pytest.approx(everyone[live.rows])
    outside = np.delete(everyone, live.rows)
    assert outside.max() <= np.dot(weights, live.cuts) + 1e-6


def test_images_that_a_filter_keeps_out_are_not_sent(memory):
    allowed = np.arange(3_000) % 3 == 0
    live = live_postings(memory, TERMS, allowed, most_bytes=10**6)
    assert not (live.rows % 3).any()


def test_no_term_needs_no_image(memory):
    live = live_postings(memory, ())
    assert len(live.rows) == 0
    assert live.whole
