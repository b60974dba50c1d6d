import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lsr.exceptions import QueryError
from lsr.model.expansion import literal_flags, parse_control, term_draw, word_rates
from lsr.model.sparse import (
    SparseVectors,
    flops,
    from_dense,
    from_dense_blocks,
    keep_strongest,
    strongest,
)

dense_blocks = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
    elements=st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0]),
)


def vectors(block: np.ndarray) -> SparseVectors:
    return SparseVectors(from_dense(block), tuple(str(i) for i in range(len(block))), "v")


@given(dense_blocks, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_blocks_make_the_matrix_that_scipy_makes_of_the_whole(block, size):
    pieces = (block[start : start + size] for start in range(0, len(block), size))
    made, expected = from_dense_blocks(pieces, block.shape[1]), sp.csr_matrix(block)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(made, name), getattr(expected, name))
    assert (made.data.dtype, made.has_sorted_indices) == (np.float32, True)


def test_sparse_vectors_outgrow_the_room_they_begin_with(monkeypatch):
    monkeypatch.setattr("lsr.model.sparse._ROOM", 2)
    block = np.random.default_rng(1).random((9, 7), np.float32)
    made = from_dense_blocks([block[:2], block[2:]], 7)
    np.testing.assert_array_equal(made.toarray(), block)
    assert from_dense_blocks([], 7).shape == (0, 7)


@given(dense_blocks, st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_keep_strongest_equals_a_sort_of_every_row(block, k):
    kept = keep_strongest(from_dense(block), k).toarray()
    for row, result in zip(block, kept, strict=True):
        order = sorted(range(len(row)), key=lambda j: (-row[j], j))[:k]
        expected = np.zeros_like(row)
        expected[order] = row[order]
        np.testing.assert_array_equal(result, expected)


@given(dense_blocks, dense_blocks)
@settings(max_examples=40, deadline=None)
def test_flops_equal_a_double_loop_over_pairs(queries, images):
    width = min(queries.shape[1], images.shape[1])
    queries, images = queries[:, :width], images[:, :width]
    shared = [int(((q > 0) & (i > 0)).sum()) for q in queries for i in images]
    assert flops(vectors(queries), vectors(images)) == sum(shared) / len(shared)


@given(dense_blocks, st.integers(0, 2**9 - 1))
@settings(max_examples=40, deadline=None)
def test_an_entry_is_literal_where_its_caption_says_the_term(block, bits):
    said = np.array([bits >> j & 1 for j in range(block.shape[1])], bool)
    literal = sp.csr_matrix(np.tile(said, (len(block), 1)))
    sparse = from_dense(block)
    assert literal_flags(sparse, literal).tolist() == said[sparse.indices].tolist()


def test_ties_go_to_the_lower_term():
    terms, weights = np.array([7, 3, 5]), np.array([1.0, 1.0, 2.0])
    assert terms[strongest(terms, weights, 2)].tolist() == [5, 3]


def test_ids_must_match_rows():
    with pytest.raises(ValueError, match="2 sparse vectors but 1 ids"):
        SparseVectors(from_dense(np.ones((2, 3))), ("a",), "v")


def test_a_scheduled_rate_rises_from_0_to_1_over_95_percent():
    control = parse_control("scheduled")
    assert control.rate_at(0.0) == 0.0
    assert control.rate_at(0.475) == pytest.approx(0.5)
    assert control.rate_at(0.95) == control.rate_at(0.99) == 1.0


def test_controls_are_named_and_refused_by_name():
    assert parse_control("none").rate_at(0.0) == 1.0
    assert parse_control("literal").rate_at(0.99) == 0.0
    assert parse_control("constant:0.25").rate_at(0.5) == 0.25
    assert str(parse_control("constant:0.25")) == "constant:0.25"
    both = parse_control("constant:0.5+word")
    assert (both.rate_at(0), both.word_level, str(both)) == (0.5, True, "constant:0.5+word")
    assert parse_control(str(parse_control("none+word"))) == parse_control("none+word")
    wrongs = "constant", "constant:2", "constant:x", "often", "constant:nan", "none+", "none:1"
    for wrong in wrongs:
        with pytest.raises(QueryError, match="is not a control"):
            parse_control(wrong)


def test_word_rates_fall_with_document_frequency():
    np.testing.assert_allclose(word_rates(np.array([0, 3, 12]), 12), [1, 0.75, 0])


def test_draws_are_seeded_and_shared_by_all_rates():
    uniform = term_draw(1000, 2, seed=5)
    assert uniform.shape == (1000,)
    np.testing.assert_array_equal(uniform, term_draw(1000, 2, seed=5))
    assert (uniform != term_draw(1000, 2, seed=6)).any()
    assert (uniform != term_draw(1000, 3, seed=5)).any()
    assert ((uniform < 0.3) <= (uniform < 0.6)).all()
    assert (uniform < 0.3).mean() == pytest.approx(0.3, abs=0.05)
