import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.exceptions import QueryError
from lsr.index.limits import MAX_K
from lsr.index.memory.index import MemoryIndex
from lsr.kernels.score import BLOCK, MOST_COARSE_TERMS, in_units, score_coarsely
from lsr.kernels.search import FEW_ROWS, WHOLE_UNITS
from lsr.model.sparse import SparseVectors, from_dense

pytestmark = pytest.mark.usefixtures("each_way")
PRECISIONS = ("float32", "float16", "int8")


def vectors(seed: int, n: int, n_terms: int, levels: int | None = None) -> SparseVectors:
    """Sparse vectors with lists of all lengths; few levels make ties."""
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(n, n_terms))
    if levels:
        weights = np.ceil(weights * levels) / levels
    weights[rng.random((n, n_terms)) > rng.beta(0.4, 1.0, n_terms)] = 0
    ids = tuple(f"id-{i:05d}" for i in rng.permutation(n))
    return SparseVectors(from_dense(weights.astype(np.float32)), ids, "v")


def brute_force(index: MemoryIndex, terms, weights, k, allowed=None):
    """(id, score) of the k best by a float64 product with the weights as the index keeps them."""
    query = np.zeros(index.n_terms)
    np.add.at(query, terms, np.asarray(weights, float))
    scores = index.images.matrix.astype(np.float64) @ query
    order = sorted(np.flatnonzero(scores > 0), key=lambda row: (-scores[row], index.ids[row]))
    pairs = [(index.ids[row], scores[row]) for row in order]
    return [pair for pair in pairs if allowed is None or pair[0] in allowed][:k]


@pytest.mark.parametrize("precision", PRECISIONS)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 400),
    k=st.integers(1, 30),
    levels=st.sampled_from([None, 1, 3]),
)
@settings(max_examples=25, deadline=None)
def test_the_best_are_those_of_a_float64_product_in_its_order(precision, seed, n, k, levels):
    index = MemoryIndex(vectors(seed, n, 24, levels), precision)
    rng = np.random.default_rng(seed + 1)
    terms = np.sort(rng.choice(24, rng.integers(1, 12), replace=False))
    weights = rng.exponential(size=len(terms)).astype(np.float32)
    assert [tuple(hit) for hit in index.search(terms, weights, k)] == brute_force(
        index, terms, weights, k
    )


def test_scores_that_only_float64_tells_apart_keep_their_order():
    # The first image is better by less than float32 can say of a sum of 1,001.
    block = np.array([[1000, 1], [1000, 1 + 2**-20], [1000, 1 + 2**-22]], np.float32)
    index = MemoryIndex(SparseVectors(from_dense(block), ("a", "b", "c"), "v"))
    assert np.float32(1000 + 1 + 2**-20) == np.float32(1001)
    assert [hit.image_id for hit in index.search([0, 1], [1.0, 1.0], 3)] == ["b", "c", "a"]


@pytest.mark.parametrize(("low", "high"), [(1e-38, 1e-30), (1e-3, 1e30)])
def test_weights_of_any_size_are_added_up(low, high):
    block = np.array([[low, 0], [low, high]], np.float32)
    index = MemoryIndex(SparseVectors(from_dense(block), ("a", "b"), "v"))
    hits = index.search([0, 1], [high, high], 2)
    assert [hit.image_id for hit in hits] == ["b", "a"]
    assert hits[1].score == np.float64(np.float32(low)) * high


def spread(seed: int, n: int, n_terms: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """A query of `n` terms whose weights differ by up to a factor of about 10 ** spread."""
    rng = np.random.default_rng(seed)
    terms = np.sort(rng.choice(n_terms, n, replace=False))
    return terms, 10 ** (spread * rng.random(n))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("n", "magnitudes", "whole", "coarse"),
    [(4, 0.5, True, True), (90, 1, False, True), (40, 9, False, True), (140, 1, False, False)],
)
def test_every_first_pass_leaves_the_best(precision, n, magnitudes, whole, coarse):
    index = MemoryIndex(vectors(21, 2_000, 160), precision)
    segment = index.segments[0]
    assert (segment.dense_of >= 0).sum() > 20
    assert (segment.dense_of < 0).sum() > 20
    for seed in range(8):
        terms, weights = spread(seed, n, 160, magnitudes)
        room = np.empty(n, np.float32), np.empty(n, np.uint32)
        arrays = segment.scales, segment.steps, segment.dense_of
        slack = in_units(terms, weights / weights.max(), *arrays, True, *room)
        assert (slack <= WHOLE_UNITS) == whole
        assert (n <= MOST_COARSE_TERMS) == coarse
        for k in (1, 10, 300):
            assert [tuple(hit) for hit in index.search(terms, weights, k)] == brute_force(
                index, terms, weights, k
            )


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("precision", PRECISIONS)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 128), magnitudes=st.floats(0, 12))
@settings(max_examples=15, deadline=None)
def test_units_are_at_most_their_slack_apart_from_products_and_never_overflow(
    precision, whole, seed, n, magnitudes
):
    images = vectors(22, 60, 128).matrix.toarray()
    images[7] = images.max(axis=0)
    ids = tuple(f"{i:02d}" for i in range(60))
    segment = MemoryIndex(SparseVectors(from_dense(images), ids, "v"), precision).segments[0]
    terms, weights = spread(seed, n, 128, magnitudes)
    factors, multipliers = np.empty(n, np.float32), np.empty(n, np.uint32)
    arrays = segment.scales, segment.steps, segment.dense_of
    slack = in_units(terms, weights, *arrays, whole, factors, multipliers)
    kept = segment.matrix().toarray()[:, terms]
    if slack == np.inf:
        assert not kept.any()
        return
    starts, rows, stored, *_ = segment.arrays
    levels = segment.dense if precision == "int8" else segment.levels
    counts = np.zeros(60, np.uint16)
    query = terms, factors, multipliers, whole
    score_coarsely(starts, rows, stored, segment.dense_of, levels, 0, 60, *query, counts)
    assert ((counts > 0) == (kept > 0).any(axis=1)).all()
    listed = segment.dense_of[terms] < 0
    room = 65_535 - np.where(listed | (not whole), 2, 256).sum()
    unit = (255 * weights * segment.steps[terms].astype(float)).sum() / room
    wrong = counts - kept.astype(float) @ weights / unit
    assert wrong.max() - wrong.min() <= slack + 1


def test_a_term_that_no_image_has_leaves_scores_as_fine_as_they_were():
    images = vectors(25, 400, 24).matrix.toarray()
    images[:, 3] = 0
    ids = tuple(f"{i:03d}" for i in range(400))
    index = MemoryIndex(SparseVectors(from_dense(images), ids, "v"))
    segment = index.segments[0]
    arrays = segment.scales, segment.steps, segment.dense_of, True
    slack = []
    for terms in ([1, 2, 8], [1, 2, 3, 8]):
        room = np.empty(len(terms), np.float32), np.empty(len(terms), np.uint32)
        slack.append(in_units(np.array(terms), np.ones(len(terms)), *arrays, *room))
    assert slack[1] == pytest.approx(slack[0], abs=5)
    assert index.search([3], [1.0], 5) == []


def test_one_enormous_weight_leaves_the_others_their_order():
    block = vectors(23, 3_000, 8).matrix.toarray() + np.float32(0.01)
    block[17] = 1e7
    index = MemoryIndex(
        SparseVectors(from_dense(block), tuple(f"{i:04d}" for i in range(3000)), "v")
    )
    terms, weights = np.arange(8), np.ones(8)
    assert [tuple(hit) for hit in index.search(terms, weights, 10)] == brute_force(
        index, terms, weights, 10
    )


def test_terms_of_weight_0_find_nothing():
    index = MemoryIndex(vectors(24, 300, 12))
    terms, weights = np.arange(12), np.zeros(12)
    weights[3] = 1.0
    hits = index.search(terms, weights, 300)
    assert [hit.image_id for hit in hits] == [
        pair[0] for pair in brute_force(index, [3], [1.0], 300)
    ]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_index_of_several_blocks_ranks_over_all_of_them(threads, monkeypatch):
    monkeypatch.setattr("lsr.index.memory.segment._BLOCKS_EACH", 1)
    n = 5 * BLOCK // 2
    rng = np.random.default_rng(3)
    matrix = sp.random(n, 12, 0.05, "csr", np.float32, rng)
    matrix.data = np.ceil(matrix.data * 4) / 4  # ties across blocks
    matrix.sort_indices()
    index = MemoryIndex(SparseVectors(matrix, tuple(f"{i:06d}" for i in range(n)), "v"))
    terms, weights = np.array([1, 4, 7, 9]), np.array([0.5, 1.0, 0.25, 0.75])
    for only in (None, frozenset(index.ids[BLOCK - 50 : BLOCK + 50])):
        for k in (1, 10, MAX_K):
            rows, scores, _ = index.find_rows(terms, weights, k, only, threads=threads)
            assert [
                (index.ids[row], score) for row, score in zip(rows.tolist(), scores, strict=True)
            ] == brute_force(index, terms, weights, k, only)
    rows, weights = index.postings(4)
    expected = matrix[:, 4].tocoo()
    assert rows.tolist() == sorted(expected.row.tolist())
    some = np.array([BLOCK, 5, n - 1, 0, 5, BLOCK - 1])
    assert index.active_terms.tolist() == matrix.getnnz(axis=1).tolist()
    last = np.arange(n) > BLOCK + 9
    assert index.frequency_among(last).tolist() == matrix[last].getnnz(axis=0).tolist()
    largest, total = index.weights_of_terms()
    assert largest.tolist() == matrix.max(axis=0).toarray()[0].tolist()
    assert total.tolist() == matrix.astype(np.float64).sum(axis=0).A1.tolist()
    assert (index.matrix_of(some) != matrix[some]).nnz == 0
    assert (index.images.matrix != matrix).nnz == 0


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_vectors_of_some_images_are_made_alone_as_they_are_with_all(precision):
    index = MemoryIndex(vectors(31, 300, 24), precision)  # most images activate the first terms
    segment, rows = index.segments[0], np.array([299, 3, 7, 3])
    found, expected = segment.matrix_of(rows), segment.matrix()[rows]
    assert (segment.dense_of >= 0).any()
    assert (found != expected).nnz == 0
    assert np.array_equal(found.indices, expected.indices)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("n", [FEW_ROWS, FEW_ROWS + 1])
def test_few_and_many_images_are_searched_alike(n, precision):
    index = MemoryIndex(vectors(26, n, 12, 3), precision)
    for k in (1, 10, MAX_K):
        terms, weights = np.array([1, 4, 7, 9]), np.array([0.5, 1.0, 0.25, 0.75])
        assert [tuple(hit) for hit in index.search(terms, weights, k)] == brute_force(
            index, terms, weights, k
        )


@pytest.mark.parametrize("precision", PRECISIONS)
def test_contributions_come_with_the_hits_and_add_up_to_the_score(precision):
    index = MemoryIndex(vectors(5, 300, 24), precision)
    terms, weights = np.array([2, 3, 11, 17, 20]), np.array([0.3, 1.2, 0.7, 0.1, 2.0])
    found = index.find_rows(terms, weights, 20)
    stored = index.images.matrix[found.rows][:, terms].toarray()
    np.testing.assert_array_equal(found.image_weights, stored)
    np.testing.assert_allclose(found.image_weights @ weights, found.scores, rtol=1e-12)


def test_filters_leave_only_images_that_pass_all_of_them():
    index = MemoryIndex(vectors(6, 200, 12, 3))
    active = index.images.matrix.toarray() > 0
    include, exclude = 4, 7
    only = frozenset(index.ids[::3])
    query = np.arange(12), np.ones(12)
    found = index.find_rows(*query, 200, only, include=[include], exclude=[exclude])
    passing = {
        image_id
        for row, image_id in enumerate(index.ids)
        if active[row, include] and not active[row, exclude] and image_id in only
    }
    assert 0 < len(passing) < len(only)
    assert [(index.ids[row], score) for row, score in zip(*found[:2], strict=True)] == brute_force(
        index, *query, 200, passing
    )


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_batch_has_the_hits_of_single_queries_with_any_number_of_threads(threads, monkeypatch):
    monkeypatch.setattr("lsr.index.memory.threads._WORTH_THREADS", 0)
    index = MemoryIndex(vectors(7, 300, 24, 3))
    queries = vectors(8, 40, 24).matrix
    queries.data[queries.indptr[3] : queries.indptr[4]] = 0
    rows, scores = index.search_rows(queries, 7, threads=threads, exclude=[5])
    for query in range(40):
        span = slice(*queries.indptr[query : query + 2])
        one = index.find_rows(queries.indices[span], queries.data[span], 7, exclude=[5])
        missing = 7 - len(one.rows)
        assert rows[query].tolist() == [*one.rows, *itertools.repeat(-1, missing)]
        assert scores[query].tolist() == [*one.scores, *itertools.repeat(0.0, missing)]


@pytest.mark.parametrize(("precision", "loss"), [("float16", 2**-11), ("int8", 1 / 510)])
def test_smaller_weights_lose_no_more_than_stated(precision, loss):
    exact = MemoryIndex(vectors(9, 400, 24))
    small = MemoryIndex(vectors(9, 400, 24), precision)
    before, after = exact.images.matrix, small.images.matrix
    assert (before.indices == after.indices).all()
    assert (after.data > 0).all()
    largest = before.max(axis=0).toarray()[0][before.indices]
    allowed = loss * (before.data if precision == "float16" else largest)
    # A weight below the least that can be kept becomes that one.
    least = 0 if precision == "float16" else 2 * allowed
    assert (np.abs(after.data - before.data) <= np.maximum(allowed * 1.001, least)).all()
    assert small.nbytes < exact.nbytes


@pytest.mark.parametrize("precision", PRECISIONS)
def test_frequencies_and_postings_are_those_of_the_matrix(precision):
    index = MemoryIndex(vectors(10, 300, 24), precision)
    matrix = index.images.matrix.tocsc()
    assert index.document_frequency.tolist() == np.diff(matrix.indptr).tolist()
    assert index.active_terms.tolist() == matrix.getnnz(axis=1).tolist()
    some = np.random.default_rng(0).random(300) < 0.3
    assert index.frequency_among(some).tolist() == matrix[some].getnnz(axis=0).tolist()
    largest, total = index.weights_of_terms()
    assert largest.tolist() == matrix.max(axis=0).toarray()[0].tolist()
    np.testing.assert_allclose(total, matrix.astype(np.float64).sum(axis=0).A1, rtol=1e-12)
    for term in range(24):
        rows, weights = index.postings(term)
        column = matrix[:, [term]].tocsr()
        assert rows.tolist() == np.flatnonzero(np.diff(column.indptr)).tolist()
        assert weights.tolist() == column.data.tolist()
    scores = index.score_all(np.array([1, 5]), np.array([0.5, 2.0]))
    np.testing.assert_allclose(scores, (matrix[:, [1, 5]] @ [0.5, 2.0]).ravel(), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 1_001}, "k is 1,001, but a search answers with 1 to 1,000 results"),
        ({"include": [24]}, "term 24 lies outside the vocabulary of 24 terms"),
        ({"exclude": [-1]}, "term -1 lies outside the vocabulary of 24 terms"),
        ({"weights": [np.inf]}, "negative or not a number"),
    ],
)
def test_what_cannot_be_found_gets_one_sentence(changes, message):
    given = {"terms": [1], "weights": [1.0], "k": 5, **changes}
    with pytest.raises(QueryError, match=message):
        MemoryIndex(vectors(11, 20, 24)).find_rows(**given)


@pytest.mark.parametrize(
    ("weight", "precision", "message"),
    [
        (np.nan, "float32", "1 of 40 image weights are negative or not numbers"),
        (-1.0, "int8", "1 of 40 image weights are negative or not numbers"),
        (70_000, "float16", "weight of 70000 does not fit into float16"),
        (1.0, "int4", "cannot be stored as `int4`. Use float32, float16, int8"),
    ],
)
def test_weights_that_cannot_be_kept_are_refused(weight, precision, message):
    block = np.ones((4, 10), np.float32)
    block[2, 3] = weight
    with pytest.raises(QueryError, match=message):
        MemoryIndex(SparseVectors(from_dense(block), tuple("abcd"), "v"), precision)


def test_an_id_that_comes_twice_is_refused():
    with pytest.raises(QueryError, match="`a` comes twice among 3 images"):
        MemoryIndex(SparseVectors(from_dense(np.ones((3, 2))), ("a", "b", "a"), "v"))
