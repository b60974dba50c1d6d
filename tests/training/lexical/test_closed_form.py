"""A head in closed form: its budget, its words, and the published form of the projection."""

import json

import numpy as np
import pytest

from lsr.collection.collection import load_collection
from lsr.evaluation.pairs import Pairs
from lsr.exceptions import CollectionError, QueryError
from lsr.model.projection import project
from lsr.training.lexical import head as module
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from tests.training.lexical.conftest import nothing


@pytest.mark.parametrize("target", [2, 4, 6])
def test_training_images_activate_as_many_terms_as_asked_for(pairs, vocabulary, target):
    made = closed_form(pairs, vocabulary, nothing(), ClosedFormSettings(target))
    head = made.projection(len(vocabulary))
    active = project(head, pairs.image_vectors).nnz / len(pairs.image_vectors)
    assert active == pytest.approx(made.active_terms(pairs.image_vectors))
    assert active == pytest.approx(target, rel=0.1)


def test_the_projection_computes_the_cosines_above_the_thresholds(pairs, vocabulary):
    """The same weights from the plain formula: unit vectors, discriminants, thresholds."""
    settings = ClosedFormSettings(4, sharpness=5.0)
    made = closed_form(pairs, vocabulary, nothing(), settings)
    head = made.projection(len(vocabulary))
    moved = (
        pairs.image_vectors @ head.proj.weight.detach().numpy().T + head.proj.bias.detach().numpy()
    )
    assert np.abs(moved.mean(axis=1)).max() < 1e-5  # so that the layer norm takes nothing out
    cosines = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    rows = head.vocab_projector.weight.detach().numpy()[made.terms]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    above = cosines @ unit.T + head.vocab_projector.bias.detach().numpy()[made.terms] / 5.0
    expected = np.log1p(5.0 * np.maximum(above, 0))
    ours = project(head, pairs.image_vectors).toarray()
    np.testing.assert_allclose(ours[:, made.terms], expected, atol=1e-5)
    assert ours.sum() == pytest.approx(ours[:, made.terms].sum())


def test_the_modality_gap_is_taken_out(pairs, vocabulary):
    shifted = pairs.image_vectors + np.linspace(1, 2, pairs.image_vectors.shape[1])
    far = Pairs(**{**pairs.__dict__, "image_vectors": shifted.astype(np.float32)})
    weight = closed_form(far, vocabulary, nothing(), ClosedFormSettings(4)).space.weight
    gap = far.image_vectors.mean(axis=0) - far.caption_vectors.mean(axis=0)
    assert np.abs(weight @ gap).max() < 1e-4 * np.linalg.norm(gap)


def test_its_terms_are_words_that_enough_captions_say(pairs, vocabulary):
    said = vocabulary.literal_matrix(pairs.texts)
    counts = np.asarray(said.sum(axis=0)).ravel()
    dog = vocabulary.id_of("dog")
    assert counts[dog] >= 3
    made = closed_form(pairs, vocabulary, np.array([dog]), ClosedFormSettings(4, least_captions=3))
    expected = set(np.flatnonzero(counts >= 3).tolist()) - {dog}
    assert set(made.terms.tolist()) == expected
    assert (
        set(np.flatnonzero(made.projection(len(vocabulary)).switched_on.numpy()).tolist())
        == expected
    )


def test_blocks_do_not_change_the_head(pairs, vocabulary, monkeypatch):
    whole = closed_form(pairs, vocabulary, nothing(), ClosedFormSettings(4))
    monkeypatch.setattr(module, "ROWS", 7)
    monkeypatch.setattr(module, "TERMS", 5)
    parts = closed_form(pairs, vocabulary, nothing(), ClosedFormSettings(4))
    np.testing.assert_allclose(parts.rows, whole.rows, atol=1e-4)
    np.testing.assert_allclose(parts.thresholds, whole.thresholds, atol=1e-4)


def test_captions_without_a_common_word_are_refused(pairs, vocabulary):
    with pytest.raises(
        CollectionError, match="No word is said by 1000 of the 80 training captions"
    ):
        closed_form(pairs, vocabulary, nothing(), ClosedFormSettings(least_captions=1000))
    with pytest.raises(QueryError, match="0 active terms an image are not possible"):
        ClosedFormSettings(0).check()


def test_the_command_makes_a_model_that_searches_and_says_how_it_was_made(tiny, answer, home):
    arguments = ("--collection", "tiny", "--method", "closed-form", "--target-active-terms", "4")
    made = answer("train", "--out", "quick", *arguments)
    assert made["model"] == "quick"
    assert made["epochs"] == []
    assert made["metrics"]["split"] == "test"
    training = json.loads((home / "models" / "quick" / "training.json").read_text())
    assert training["method"] == "closed-form"
    assert training["collection"]["fingerprint"] == load_collection("tiny").fingerprint
    card = answer("inspect", tiny.image_ids[0], "--collection", "tiny", "--model", "quick")
    assert card["terms"]
    again = answer("evaluate", "--collection", "tiny", "--model", "quick")
    assert again["sparse"] == pytest.approx(made["metrics"]["sparse"])
    assert not list((home / "models").glob(".*"))
