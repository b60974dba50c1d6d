"""What every engine answers, asked of each of them with the same vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.index.engines import ENGINES
from lsr.index.memory.index import MemoryIndex
from lsr.index.protocol import ImageSubset, Index
from lsr.model.sparse import SparseVectors, from_dense

Make = Callable[..., Index]
N, V = 300, 40


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """An index over a dense block, made by one engine after the other."""
    if request.param == "milvus":
        pytest.importorskip("pymilvus", reason="Milvus is not installed")

    def made(block: np.ndarray, ids: list[str], splits: list[str] | None = None) -> Index:
        matrix = from_dense(np.asarray(block, np.float32))
        if request.param == "memory":
            return MemoryIndex(SparseVectors(matrix, tuple(ids), "v"))
        return in_milvus(tmp_path, matrix, ids, splits)

    return made


def in_milvus(folder: Path, matrix: sp.csr_matrix, ids, splits=None) -> Index:
    from lsr.index.milvus.index import MilvusIndex, Rows, build
    from lsr.index.milvus.server import Place

    place = Place(str(folder / "milvus.db"))
    name = f"test_{len(ids)}_{matrix.nnz}"
    rows = Rows(name, ids, splits or [""] * len(ids), matrix.shape[1], lambda a, b: matrix[a:b])
    list(build(place, rows))
    return MilvusIndex(place, name, len(ids), matrix.shape[1])


def world(seed: int, levels=(0.25, 0.5, 1.0)):
    """Sparse rows whose weights are few levels, so that many scores are equal, and their ids."""
    rng = np.random.default_rng(seed)
    block = rng.choice([0, 0, 0, 0, *levels], size=(N, V)).astype(np.float32)
    block[rng.permutation(N)[:9]] = 0
    return block, [f"id-{i:03d}" for i in rng.permutation(N)]


def by_brute_force(block, ids, terms, weights, k, allowed=None):
    scores = block[:, terms].astype(np.float64) @ np.asarray(weights, np.float64)
    order = sorted(range(len(ids)), key=lambda i: (-scores[i], ids[i]))
    return [
        (ids[i], scores[i]) for i in order if scores[i] > 0 and (not allowed or ids[i] in allowed)
    ][:k]


def test_hits_equal_a_float64_sort_ties_included(make):
    block, ids = world(1)
    index = make(block, ids)
    rng = np.random.default_rng(2)
    for k in (1, 7, 50, N, 3 * N):
        terms = np.sort(rng.choice(V, size=4, replace=False))
        weights = rng.choice([0.25, 0.5, 2.0], size=4)
        hits = index.search(terms, weights, k)
        assert [tuple(hit) for hit in hits] == by_brute_force(block, ids, terms, weights, k)
    assert len(index) == N


def test_hits_and_scores_are_those_of_the_memory_engine(make):
    rng = np.random.default_rng(3)
    block = (rng.random((N, V)) * (rng.random((N, V)) < 0.3)).astype(np.float32)
    ids = [f"id-{i:03d}" for i in range(N)]
    index = make(block, ids)
    memory = MemoryIndex(SparseVectors(from_dense(block), tuple(ids), "v"))
    for _ in range(10):
        terms = np.sort(rng.permutation(V)[:15])
        weights = rng.random(15).astype(np.float32)
        ours, theirs = (one.search(terms, weights, 40) for one in (index, memory))
        assert [hit.image_id for hit in ours] == [hit.image_id for hit in theirs]
        assert [h.score for h in ours] == pytest.approx([h.score for h in theirs], rel=1e-6)


def test_hits_come_with_what_makes_their_scores(make):
    block, ids = world(6)
    terms, weights = np.array([2, 9, 31]), np.array([1.0, 0.25, 2.0])
    found = make(block, ids).find(terms, weights, 25, include=[9])
    row_of = {image_id: row for row, image_id in enumerate(ids)}
    with_9 = {image_id for image_id, row in row_of.items() if block[row, 9] > 0}
    expected = by_brute_force(block, ids, terms, weights, 25, with_9)
    assert list(zip(found.image_ids, found.scores.tolist(), strict=True)) == expected
    assert found.image_weights.tolist() == [
        block[row_of[i]][terms].tolist() for i in found.image_ids
    ]
    assert (found.image_weights @ weights).tolist() == found.scores.tolist()


def test_terms_that_hits_must_or_must_not_have_filter_them(make):
    block, ids = world(7)
    index = make(block, ids)
    for include, exclude in (([3], []), ([], [8]), ([3, 5], [8, 11])):
        rows = (block[:, include] > 0).all(axis=1) & (block[:, exclude] == 0).all(axis=1)
        allowed = {image_id for image_id, kept in zip(ids, rows, strict=True) if kept}
        hits = index.search([1, 4], [1.0, 0.5], 40, include=include, exclude=exclude)
        assert [tuple(h) for h in hits] == by_brute_force(
            block, ids, [1, 4], [1.0, 0.5], 40, allowed
        )


def test_many_queries_have_the_hits_of_each_one(make):
    block, ids = world(8)
    index = make(block, ids)
    queries = from_dense(block[:7] * 0.5)
    lines = index.search_many(queries, 9, exclude=[12])
    assert len(lines) == 7
    for row, hits in enumerate(lines):
        span = slice(queries.indptr[row], queries.indptr[row + 1])
        alone = index.search(queries.indices[span], queries.data[span], 9, exclude=[12])
        assert hits == alone


def test_vectors_are_those_that_were_indexed(make):
    block, ids = world(4)
    index = make(block, ids)
    for image_id, (terms, weights) in zip(ids, index.vectors(ids), strict=True):
        row = block[ids.index(image_id)]
        assert terms.tolist() == np.flatnonzero(row).tolist()
        assert weights.tolist() == row[row > 0].tolist()


def test_only_images_of_the_split_or_of_the_ids_are_hits(make):
    block, ids = world(5)
    splits = ['it\'s "held out" \\ ü' if row % 3 else "train" for row in range(N)]
    index = make(block, ids, splits)
    terms, weights = [3, 8], [1.0, 0.5]
    ascending = tuple(sorted(ids))
    of_split = dict(zip(ids, splits, strict=True))
    for split in sorted(set(splits)):
        inside = {i for i, s in of_split.items() if s == split}
        passing = np.array([of_split[i] == split for i in ascending])
        for name in (split, None):
            subset = ImageSubset(ascending, passing, name)
            assert set(subset) == inside
            assert [i in subset for i in ids] == [i in inside for i in ids]
            hits = index.search(terms, weights, 20, only=subset)
            assert [tuple(h) for h in hits] == by_brute_force(
                block, ids, terms, weights, 20, inside
            )
        few = sorted(inside)[::4]
        hits = index.search(terms, weights, 20, only=few)
        assert [tuple(h) for h in hits] == by_brute_force(block, ids, terms, weights, 20, few)
    none = ImageSubset(ascending, np.zeros(N, bool), "none such")
    assert index.search(terms, weights, 5, only=none) == []
    assert index.search(terms, weights, 5, only=[]) == []


def test_ids_with_quotes_and_other_letters_are_hits(make):
    ids = ["it's", 'so "said"', "back\\slash", "größe", "新しい", "a b\nc"]
    index = make(np.ones((6, 2)), ids)
    assert [hit.image_id for hit in index.search([0], [1.0], 9)] == sorted(ids)
    assert [hit.image_id for hit in index.search([0], [1.0], 9, only=ids[:4])] == sorted(ids[:4])
    assert len(index.vectors(ids)) == 6


def test_an_image_without_a_shared_term_is_no_hit(make):
    index = make(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]]), ["a", "b", "c"])
    assert [h.image_id for h in index.search([0], [1.0], 5)] == ["a"]
    assert index.search(np.zeros(0, int), np.zeros(0), 5) == []
    assert index.search([0], [0.0], 5) == []
    assert index.search([2], [1.0], 5) == []


@pytest.mark.parametrize(
    ("terms", "weights", "k", "message"),
    [
        ([0], [1.0], 0, "k is 0"),
        ([0], [1.0], 1_001, "k is 1,001"),
        ([2], [1.0], 1, "outside the vocabulary of 2 terms"),
        ([-1], [1.0], 1, "outside the vocabulary"),
        ([0], [float("nan")], 1, "negative or not a number"),
        ([0], [-1.0], 1, "negative or not a number"),
    ],
)
def test_what_cannot_be_searched_is_refused(make, terms, weights, k, message):
    with pytest.raises(QueryError, match=message):
        make(np.ones((2, 2)), ["a", "b"]).search(terms, weights, k)
