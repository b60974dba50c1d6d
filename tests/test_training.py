import numpy as np
import pytest
import torch

from lsr.exceptions import ModelError, QueryError
from lsr.expansion import CaptionLevelControl, parse_control
from lsr.losses import distillation_loss, l1_penalty
from lsr.pairs import load_pairs
from lsr.trainer import train_model
from lsr.training import TrainingSettings, _Batches, _step, new_head, train
from tests.conftest import D, make_collection

SETTINGS = TrainingSettings(epochs=4, batch_size=8, hidden_size=6, temperature=0.1, noise=0.1)
SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4


@pytest.fixture
def pairs(home, fake_encoder):
    tiny = make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)
    return load_pairs(tiny, "train"), load_pairs(tiny, "val")


def weights_of(head) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in head.parameters()]).numpy()


def run(pairs, vocabulary, work, settings=SETTINGS, stop_after=None):
    head = new_head(D, vocabulary, settings)
    reports = []
    for report in train(head, *pairs, vocabulary, settings, work):
        reports.append(report)
        if len(reports) == stop_after:
            break
    return head, reports


def test_the_same_seed_gives_the_same_weights_and_another_does_not(pairs, vocabulary, tmp_path):
    first, _ = run(pairs, vocabulary, tmp_path / "1")
    second, _ = run(pairs, vocabulary, tmp_path / "2")
    other, _ = run(
        pairs,
        vocabulary,
        tmp_path / "3",
        TrainingSettings(epochs=4, seed=1, batch_size=8, hidden_size=6, temperature=0.1, noise=0.1),
    )
    np.testing.assert_array_equal(weights_of(first), weights_of(second))
    assert not np.array_equal(weights_of(first), weights_of(other))


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_stopped_run_goes_on_to_the_weights_of_an_unbroken_one(
    pairs, vocabulary, tmp_path, stop_after
):
    whole, all_reports = run(pairs, vocabulary, tmp_path / "whole")
    run(pairs, vocabulary, tmp_path / "broken", stop_after=stop_after)
    resumed, rest = run(pairs, vocabulary, tmp_path / "broken")
    np.testing.assert_array_equal(weights_of(whole), weights_of(resumed))
    assert [r.epoch for r in rest] == [r.epoch for r in all_reports][stop_after:]
    assert rest[-1].validation_r1 == all_reports[-1].validation_r1


def test_training_lowers_the_relevance_loss(pairs, vocabulary, tmp_path):
    settings = TrainingSettings(
        epochs=60,
        batch_size=8,
        hidden_size=16,
        temperature=0.1,
        learning_rate=5e-3,
        control=parse_control("none"),
        query_regularizer_weight=0,
        document_regularizer_weight=0,
    )
    _, reports = run(pairs, vocabulary, tmp_path, settings)
    assert reports[-1].relevance_loss < 0.7 * reports[0].relevance_loss


def test_a_heavier_regularizer_leaves_fewer_active_terms(pairs, vocabulary, tmp_path):
    active = []
    for weight in (0.0, 0.5):
        settings = TrainingSettings(
            epochs=40,
            batch_size=8,
            hidden_size=16,
            temperature=0.1,
            learning_rate=5e-3,
            query_regularizer_weight=weight,
            document_regularizer_weight=weight,
        )
        _, reports = run(pairs, vocabulary, tmp_path / str(weight), settings)
        active.append(reports[-1].active_terms_image)
    assert active[1] < 0.6 * active[0]


@pytest.mark.parametrize("control", ["literal", "none"])
def test_a_step_has_the_gradient_of_the_dense_masked_loss(pairs, vocabulary, control):
    """The literal branch computes only said terms; the plain formula is the witness."""
    settings = TrainingSettings(
        control=CaptionLevelControl(control),
        batch_size=8,
        hidden_size=6,
        temperature=0.1,
        warm_up=0.0,
        query_regularizer_weight=0.05,
        document_regularizer_weight=0.03,
        precision="float32",
    )
    batches = _Batches.of(pairs[0], vocabulary)
    rows = torch.arange(8)
    head, witness = (new_head(D, vocabulary, settings) for _ in range(2))
    still = torch.optim.SGD(head.parameters(), lr=0.0)
    losses = _step(head, still, batches, rows, 5, 10, settings, torch.Generator())
    images, captions = batches.images[batches.owners[rows]], batches.captions[rows]
    sparse_images, sparse_captions = witness(images), witness(captions)
    if control == "literal":
        texts = [pairs[0].texts[row] for row in range(8)]
        said = torch.from_numpy(vocabulary.literal_matrix(texts).toarray())
        sparse_captions = sparse_captions * said
    relevance = distillation_loss(sparse_images @ sparse_captions.T, images @ captions.T, 0.1)
    penalty = (0.05 * l1_penalty(sparse_captions) + 0.03 * l1_penalty(sparse_images)) / 2
    (relevance + penalty).backward()
    assert losses == pytest.approx((relevance.item(), penalty.item()), abs=1e-5)
    for ours, theirs in zip(head.parameters(), witness.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)


def test_term_vectors_start_the_vocabulary_weights(vocabulary):
    vectors = np.random.default_rng(0).normal(size=(len(vocabulary), 4)).astype(np.float32)
    head = new_head(D, vocabulary, SETTINGS, vectors)
    start = head.vocab_projector.weight.detach().numpy()[:, :4]
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        start, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), atol=1e-5
    )
    with pytest.raises(ModelError, match="3 term vectors for a vocabulary of"):
        new_head(D, vocabulary, SETTINGS, vectors[:3])


def test_settings_that_cannot_train_are_refused(home, fake_encoder, tmp_path):
    tiny = make_collection(home / "collections" / "three", fake_encoder, splits=SPLITS)
    with pytest.raises(QueryError, match="The batch size is 1"):
        next(train_model(tiny, tmp_path / "m", TrainingSettings(batch_size=1)))
