"""A few vectors are projected without torch, and come out the same."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from lsr.model.checkpoint import save_model
from lsr.model.few_vectors import FewWeights, project_few
from lsr.model.loading import load_model
from lsr.model.projection import project
from lsr.search.searcher import Searcher
from tests.conftest import D, make_head


def test_a_few_rows_equal_those_of_the_torch_head(model):
    dense = np.random.default_rng(0).normal(size=(40, D)).astype(np.float32)
    many = model.project(dense)
    assert many.nnz > 0
    for rows in (slice(0, 1), slice(3, 11)):
        few = model.project(dense[rows])
        np.testing.assert_allclose(few.toarray(), many[rows].toarray(), rtol=1e-5, atol=1e-6)
        assert few.has_sorted_indices
        assert few.dtype == np.float32
    assert model.project(dense[:0]).shape == (0, len(model.vocabulary))


def test_terms_that_are_switched_off_take_no_part_and_change_nothing(vocabulary, home):
    head = make_head(vocabulary)
    dense = np.random.default_rng(2).normal(size=(600, D)).astype(np.float32)
    whole = project(head, dense).toarray()
    off = np.random.default_rng(3).random(len(vocabulary)) < 0.5
    head.switch_off(torch.from_numpy(np.flatnonzero(off)))
    expected = np.where(off, 0, whole)
    assert (expected > 0).any(axis=0).sum() > 10
    model = save_model(
        home / "models" / "some", head, vocabulary,
        card={"encoder": "fake"}, training={}, metrics={},
    )  # fmt: skip
    for ours, rows in ((project(head, dense), slice(0, 600)), (model.project(dense[:3]), slice(3))):
        assert ours.has_sorted_indices
        assert ours.shape[1] == len(vocabulary)
        np.testing.assert_allclose(ours.toarray(), expected[rows], rtol=1e-5, atol=1e-6)
    assert np.isnan(model.before_threshold(dense[:2])[:, off]).all()
    head.switch_off(torch.arange(len(vocabulary)))
    assert project(head, dense[:5]).nnz == 0


def test_a_few_rows_equal_the_published_numbers(reference):
    from safetensors.numpy import load_file

    golden = np.load(reference / "golden.npz")
    weights = load_file(reference / "checkpoint" / "model.safetensors")
    ours = project_few(FewWeights.of(weights), golden["image_vectors"]).toarray()
    np.testing.assert_allclose(ours, golden["sparse_images"], atol=1e-5)


def test_the_torch_head_and_numpy_share_their_weights(model):
    again = load_model(model.folder)
    dense = np.ones((1, D), np.float32)
    again.head.vocab_projector.bias.data += 0.25
    expected = project(again.head, dense).toarray()
    np.testing.assert_allclose(again.project(dense).toarray(), expected, atol=1e-6)


def test_weights_in_bfloat16_are_read_through_torch(model, home):
    rounded = save_model(
        home / "models" / "rounded", model.head, model.vocabulary,
        card=model.card, training={}, metrics={}, precision=torch.bfloat16,
    )  # fmt: skip
    dense = np.random.default_rng(1).normal(size=(3, D)).astype(np.float32)
    ours, full = rounded.project(dense).toarray(), model.project(dense).toarray()
    np.testing.assert_allclose(ours, full, atol=0.1)
    assert not np.array_equal(ours, full)


def test_a_model_whose_files_were_replaced_is_not_mixed_with_the_new_ones(model, vocabulary):
    from lsr.exceptions import ModelError

    before = load_model(model.folder)
    save_model(
        model.folder, make_head(vocabulary, seed=9), vocabulary,
        card=model.card, training={}, metrics={},
    )  # fmt: skip
    with pytest.raises(ModelError, match="were replaced while it was in use"):
        before.project(np.ones((1, D), np.float32))


def test_searching_words_needs_no_torch(home, projected_once):
    first = Searcher.open().search_text("two lions")  # projects the images, for the process to read
    code = (
        "import json, sys; from lsr.search.searcher import Searcher\n"
        "found = Searcher.open().search_text('two lions')\n"
        "print(json.dumps([found.hits[0].image_id, 'torch' in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"LEXISCOPE_HOME": str(home)},
    )
    again, torch_there = json.loads(done.stdout)
    assert first.hits[0].image_id == again
    assert not torch_there
