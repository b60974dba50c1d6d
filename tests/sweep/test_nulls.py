"""What the nulls take away, and what they must leave."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lsr.evaluation.task import Side, make_task
from lsr.exceptions import QueryError
from lsr.sweep.knobs import Knob
from lsr.sweep.nulls import NULLS, null_query, null_split
from lsr.sweep.sweep import sweep
from tests.sweep import brute


@pytest.fixture(scope="module")
def projected():
    return brute.make_world(3, n_images=30, n_captions=60, n_terms=80).projected()


def test_shuffling_keeps_what_is_said_and_how_often_each_term_is_used(projected):
    plain = projected.captions.matrix.copy()
    plain.data[:] = 1.0  # weights that count uses, also where two of them merge
    ones = brute.replace(projected, captions=brute.replace(projected.captions, matrix=plain))
    before, said = plain.toarray(), projected.literal.toarray()
    after = null_split(ones, "shuffled", 4).captions.matrix.toarray()
    np.testing.assert_array_equal(after.sum(axis=0), before.sum(axis=0))
    np.testing.assert_array_equal(after.sum(axis=1), before.sum(axis=1))
    assert (after >= before * said).all()
    assert (after * ~said != before * ~said).mean() > 0.2


def test_shuffling_keeps_the_weights_of_literal_entries_and_the_sum_of_each_caption(projected):
    before, said = projected.captions.matrix.toarray(), projected.literal.toarray()
    split = null_split(projected, "shuffled", 4)
    after = split.captions.matrix.toarray()
    dealt = after - before * said
    assert (dealt >= 0).all()
    np.testing.assert_allclose(dealt.sum(axis=1), (before * ~said).sum(axis=1), rtol=1e-6)
    untouched = (before > 0) & said & (dealt == 0)
    assert untouched.sum() > 0.5 * ((before > 0) & said).sum()
    assert (split.images.matrix != projected.images.matrix).nnz == 0
    assert split.captions.matrix.has_sorted_indices


def test_words_have_weight_1_and_nothing_else(projected):
    split = null_split(projected, "words", 4)
    np.testing.assert_array_equal(split.captions.matrix.toarray(), projected.literal.toarray())
    assert split.captions.matrix.dtype == np.float32
    assert split.literal_flags.all()
    assert (split.images.matrix != projected.images.matrix).nnz == 0


def test_a_random_head_has_at_most_as_many_terms_a_vector(projected):
    split = null_split(projected, "random-head", 4)
    for mine, other in ((split.captions, projected.captions), (split.images, projected.images)):
        assert mine.matrix.shape == other.matrix.shape
        assert np.diff(mine.matrix.indptr).max() <= round(other.active_terms)
        assert mine.matrix.nnz > 0.8 * other.matrix.nnz
        assert (mine.matrix.data > 0).all()


@pytest.mark.parametrize("null", NULLS)
def test_a_null_is_the_same_for_the_same_seed_and_keeps_all_else(projected, null):
    one, again = null_split(projected, null, 4, seed=5), null_split(projected, null, 4, seed=5)
    for mine, other in ((one.captions, again.captions), (one.images, again.images)):
        assert (mine.matrix != other.matrix).nnz == 0
    assert (one.captions.ids, one.images.ids) == (projected.captions.ids, projected.images.ids)
    assert one.pairs is projected.pairs
    assert one.literal is projected.literal
    stranger = null_split(projected, null, 4, seed=6)
    assert ((one.captions.matrix != stranger.captions.matrix).nnz > 0) == (null != "words")


@pytest.mark.parametrize("null", NULLS)
def test_a_null_leaves_the_random_numbers_of_the_process_alone(projected, null):
    torch.manual_seed(1)
    np.random.seed(1)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    null_split(projected, null, 4)
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()


@pytest.mark.parametrize("null", NULLS)
def test_a_null_is_swept_like_any_split(projected, null, direction):
    split = null_split(projected, null, 4)
    low, high = sweep(make_task(split, direction), Knob("caption"), [0.0, 1.0])
    assert low.posting_cost <= high.posting_cost
    if null == "words":
        assert low.mean == high.mean
        assert high.mean["exact@20"] == pytest.approx(
            (projected.literal.getnnz(axis=1) > 0).mean(), abs=1e-9
        )


def test_an_unknown_null_is_refused(projected):
    with pytest.raises(QueryError, match="`zero` is no null. Use shuffled, random-head, words."):
        null_split(projected, "zero", 4)


def asked(projected, row: int):
    """A caption of the split as a query of its own, and the terms it says."""
    matrix = projected.captions.matrix[row]
    literal = np.flatnonzero(projected.literal[row].toarray()[0])
    said = np.isin(matrix.indices, literal)
    return Side(("text",), matrix, said, projected.pairs.caption_vectors[[row]]), literal


def test_a_query_as_bare_words_is_what_the_split_makes_of_the_same_caption(projected):
    split = null_split(projected, "words", 4)
    for row in range(5):
        found = null_query(split, *asked(projected, row), "words", 4)
        np.testing.assert_array_equal(found.matrix.toarray(), split.captions.matrix[row].toarray())
        assert found.said.all()


def test_a_query_under_the_random_head_is_what_the_split_makes_of_the_same_caption(projected):
    split = null_split(projected, "random-head", 4)
    for row in range(5):
        found = null_query(split, *asked(projected, row), "random-head", 4)
        np.testing.assert_allclose(
            found.matrix.toarray(), split.captions.matrix[row].toarray(), rtol=1e-5
        )


def test_a_shuffled_query_keeps_its_words_and_its_weights_but_other_terms(projected):
    split = null_split(projected, "shuffled", 4)
    pool = set(split.captions.matrix.indices[~split.literal_flags].tolist())
    changed = 0
    for row in range(5):
        query, literal = asked(projected, row)
        found = null_query(split, query, literal, "shuffled", 4)
        assert found.matrix.sum() == pytest.approx(query.matrix.sum(), rel=1e-6)
        said = set(query.terms[query.said].tolist())
        assert said <= set(found.terms.tolist())
        assert set(found.terms.tolist()) - said <= pool
        changed += len(set(found.terms.tolist()) ^ set(query.terms.tolist()))
        np.testing.assert_array_equal(found.said, np.isin(found.terms, literal))
    assert changed > 10


def test_a_query_knows_no_other_null(projected):
    with pytest.raises(QueryError, match="`none` is no null"):
        null_query(projected, *asked(projected, 0), "none", 4)
