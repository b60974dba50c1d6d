"""Tuning: the budget, the words, the loss, and what it is a start for."""

import dataclasses

import numpy as np
import pytest
import torch

from lsr.exceptions import QueryError
from lsr.model.expansion import ExpansionControl
from lsr.model.projection import project
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.said_terms import SaidTerms
from lsr.training.lexical.settings import TuningSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.losses import distillation_loss
from tests.training.lexical.conftest import nothing

SETTINGS = TuningSettings(target_active_terms=4, steps=100, batch_size=32, noise=0.3)


@pytest.fixture
def start(pairs, vocabulary):
    return closed_form(pairs, vocabulary, nothing(), ClosedFormSettings(4))


def tuned(start, pairs, vocabulary, settings=SETTINGS):
    tuning = Tuning(start, pairs, vocabulary, settings)
    reports = list(tuning.run())
    return tuning.head, reports


@pytest.mark.parametrize("target", [2, 4, 6])
def test_the_budget_holds_on_the_training_images(start, pairs, vocabulary, target):
    settings = dataclasses.replace(SETTINGS, target_active_terms=target)
    head, _ = tuned(start, pairs, vocabulary, settings)
    sparse = project(head.projection(len(vocabulary)), pairs.image_vectors)
    assert sparse.nnz / len(pairs.image_vectors) == pytest.approx(target, rel=0.1)


def test_it_brings_the_ranking_nearer_to_the_teacher(start, pairs, vocabulary):
    head, reports = tuned(start, pairs, vocabulary)
    assert reports[-1].loss < reports[0].loss

    def distance(one) -> float:
        projection = one.projection(len(vocabulary))
        images, captions = (
            torch.tensor(project(projection, vectors).toarray())
            for vectors in (pairs.image_vectors[pairs.relevant], pairs.caption_vectors)
        )
        dense = torch.tensor(pairs.image_vectors[pairs.relevant] @ pairs.caption_vectors.T)
        return float(distillation_loss(images @ captions.T, dense, SETTINGS.temperature))

    assert distance(head) < 0.9 * distance(start)


def test_terms_and_space_stay_and_rows_keep_their_length(start, pairs, vocabulary):
    head, _ = tuned(start, pairs, vocabulary)
    assert head.terms is start.terms
    assert head.space is start.space
    np.testing.assert_allclose(np.linalg.norm(head.rows, axis=1), 1, atol=1e-6)
    assert (head.rows * start.rows).sum(axis=1).min() > 0.5


def test_the_same_seed_gives_the_same_head_and_another_seed_another(start, pairs, vocabulary):
    one, again = (tuned(start, pairs, vocabulary)[0] for _ in range(2))
    other, _ = tuned(start, pairs, vocabulary, dataclasses.replace(SETTINGS, seed=1))
    np.testing.assert_array_equal(one.rows, again.rows)
    assert not np.array_equal(one.rows, other.rows)


def test_literal_control_gives_gradient_only_to_what_captions_say(start, pairs, vocabulary):
    """With images held to their said terms too, a term that no caption says learns nothing."""
    literal = dataclasses.replace(
        SETTINGS, control=ExpansionControl("literal", per="caption"), regularizer_weight=0.0
    )
    tuning = Tuning(start, pairs, vocabulary, literal)
    said = vocabulary.literal_matrix(pairs.texts)[:, start.terms].tolil()
    said[:, 0] = False
    tuning.said = SaidTerms(said.tocsr(), torch.device("cpu"))
    for _ in tuning.run():
        pass
    moved = np.abs(tuning.rows.detach().numpy() - start.rows).max(axis=1)
    assert moved[0] < 1e-6
    assert moved[1:].max() > 1e-3


def test_rows_of_said_terms_are_those_of_the_matrix(pairs, vocabulary):
    matrix = vocabulary.literal_matrix([*pairs.texts[:6], "", "zzzz"])
    kept = SaidTerms(matrix, torch.device("cpu"))
    for rows in ([3, 0, 3, 6, 5], [6], []):
        asked, said = torch.tensor(rows, dtype=torch.int64), matrix[rows].toarray()
        found = kept.of(asked, torch.full((1, 1), 4.0)).numpy()
        np.testing.assert_array_equal(found, np.where(said, 1, 4))
        each = torch.arange(len(rows), dtype=torch.float32)[:, None]
        np.testing.assert_array_equal(kept.of(asked, each).numpy(), np.where(said, 1, each.numpy()))


def test_fewer_pairs_get_more_noise_and_fewer_steps():
    few, some, many = (TuningSettings.for_pairs(n) for n in (100, 1_000, 100_000))
    assert few.noise > some.noise > many.noise > 0
    assert few.steps < some.steps < many.steps
    assert TuningSettings.for_pairs(0).noise == few.noise


def test_an_impossible_budget_is_refused(start, pairs, vocabulary):
    with pytest.raises(QueryError, match="0 active terms an image are not possible"):
        Tuning(start, pairs, vocabulary, dataclasses.replace(SETTINGS, target_active_terms=0))
