from dataclasses import replace

import numpy as np
import pytest
import torch

from lsr.model.expansion import ExpansionControl
from lsr.training.batches import TrainingPairs, said_matrix
from lsr.training.losses import distillation_loss, l1_penalty
from lsr.training.settings import TrainingSettings
from lsr.training.step import Draws, draw, step_loss
from tests.training.conftest import head_of

SETTINGS = TrainingSettings(
    batch_size=8, hidden_size=6, temperature=0.1, precision="float32", regularizer="l1"
)
WEIGHTS = (0.05, 0.03)


def draws_of(kind: str, n_terms: int) -> Draws:
    generator = torch.Generator().manual_seed(3)
    some = torch.rand(8, generator=generator) < 0.5
    words = torch.rand(8, n_terms, generator=generator) < 0.6
    return {
        "literal": Draws(torch.tensor([False]), None),
        "expanding": Draws(torch.tensor([True]), None),
        "per caption": Draws(some, None),
        "word level": Draws(torch.tensor([True]), words[:1]),
        "word level per caption": Draws(some, words),
    }[kind]


@pytest.mark.parametrize("whole", [False, True], ids=["needed terms", "whole vocabulary"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense head", "sparse head"])
@pytest.mark.parametrize(
    "kind", ["literal", "expanding", "per caption", "word level", "word level per caption"]
)
def test_a_step_has_the_gradient_of_the_dense_masked_loss(pairs, vocabulary, kind, sparse, whole):
    """Ours computes only the columns that matter; the plain formula is the witness."""
    training = TrainingPairs.of(pairs[0], vocabulary)
    batch = training.rows(torch.arange(8))
    head, witness = (head_of(vocabulary, SETTINGS) for _ in range(2))
    if sparse:
        for one in (head, witness):
            with torch.no_grad():
                one.vocab_projector.bias -= 1.2
                one.vocab_projector.bias[::2] -= 10
    draws = draws_of(kind, len(vocabulary))
    loss = step_loss(head, batch, draws, SETTINGS, WEIGHTS, None, whole=whole)
    (loss.relevance + loss.penalty).backward()

    images, captions = witness(batch.images), witness(batch.captions)
    said = torch.from_numpy(vocabulary.literal_matrix(pairs[0].texts[:8]).toarray())
    words = torch.ones(1, len(vocabulary), dtype=torch.bool)
    allowed = said | (draws.expands[:, None] & (words if draws.words is None else draws.words))
    captions = captions * allowed
    relevance = distillation_loss(images @ captions.T, batch.images @ batch.captions.T, 0.1)
    penalty = (WEIGHTS[0] * l1_penalty(captions) + WEIGHTS[1] * l1_penalty(images)) / 2
    (relevance + penalty).backward()
    assert loss.relevance.item() == pytest.approx(relevance.item(), abs=1e-5)
    assert loss.penalty.item() == pytest.approx(penalty.item(), abs=1e-5)
    assert loss.active_terms_image.item() == pytest.approx((images > 0).sum().item() / 8)
    for ours, theirs in zip(head.parameters(), witness.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("charge", [1.0, 3.0])
@pytest.mark.parametrize("regularizer", ["l1", "flops", "df-flops"])
def test_the_whole_vocabulary_costs_what_the_needed_terms_cost(
    pairs, vocabulary, regularizer, charge
):
    """What a GPU computes, for every penalty."""
    batch = TrainingPairs.of(pairs[0], vocabulary).rows(torch.arange(8))
    settings = replace(SETTINGS, regularizer=regularizer, unsupported_charge=charge)
    frequency = torch.linspace(0, 1, len(vocabulary)) if regularizer == "df-flops" else None
    draws = draws_of("word level per caption", len(vocabulary))
    heads = [head_of(vocabulary, settings) for _ in range(2)]
    losses = [
        step_loss(head, batch, draws, settings, WEIGHTS, frequency, whole=whole)
        for head, whole in zip(heads, (False, True), strict=True)
    ]
    for loss in losses:
        (loss.relevance + loss.penalty).backward()
    assert losses[0].penalty.item() > 0
    assert losses[1].penalty.item() == pytest.approx(losses[0].penalty.item(), rel=1e-5)
    for ours, theirs in zip(*(head.parameters() for head in heads), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


def test_unsupported_terms_are_charged_more(pairs, vocabulary):
    batch = TrainingPairs.of(pairs[0], vocabulary).rows(torch.arange(8))
    head = head_of(vocabulary, SETTINGS)
    settings = replace(SETTINGS, unsupported_charge=3.0)
    draws = draws_of("expanding", len(vocabulary))
    loss = step_loss(head, batch, draws, settings, WEIGHTS, None)
    texts = np.array(pairs[0].texts)
    own = [" ".join(texts[pairs[0].relevant == pairs[0].relevant[row]]) for row in range(8)]
    charges = 3 - 2 * torch.from_numpy(vocabulary.literal_matrix(own).toarray()).float()
    images, captions = (head(part) * charges for part in (batch.images, batch.captions))
    expected = (WEIGHTS[0] * l1_penalty(captions) + WEIGHTS[1] * l1_penalty(images)) / 2
    assert loss.penalty.item() == pytest.approx(expected.item(), abs=1e-5)


@pytest.mark.parametrize("whole", [False, True], ids=["needed terms", "whole vocabulary"])
def test_the_support_loss_wants_what_captions_say_and_passes_gradient_to_inactive_terms(
    pairs, vocabulary, whole
):
    batch = TrainingPairs.of(pairs[0], vocabulary).rows(torch.arange(8))
    settings = replace(SETTINGS, support_weight=0.5)
    head, witness = (head_of(vocabulary, settings) for _ in range(2))
    off = torch.tensor([vocabulary.id_of("a")])
    for one in (head, witness):
        with torch.no_grad():
            one.vocab_projector.bias -= 10
        one.switch_off(off)
    draws = draws_of("literal", len(vocabulary))
    loss = step_loss(head, batch, draws, settings, WEIGHTS, None, whole=whole)
    loss.support.backward()
    texts = np.array(pairs[0].texts)
    own = [" ".join(texts[pairs[0].relevant == pairs[0].relevant[row]]) for row in range(8)]
    wanted = torch.from_numpy(vocabulary.literal_matrix(own).toarray()).float()
    wanted[:, off] = 0
    logits = witness.logits(witness.hidden(batch.images))
    expected = 0.5 * torch.log1p(torch.exp(1 - logits[wanted > 0])).sum() / 8
    expected.backward()
    assert loss.support.item() == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(head.parameters(), witness.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)


def test_only_active_and_said_terms_take_part(pairs, vocabulary):
    """The sparse head of the test above really is computed on part of the vocabulary."""
    from lsr.training.step import _columns

    batch = TrainingPairs.of(pairs[0], vocabulary).rows(torch.arange(8))
    head = head_of(vocabulary, SETTINGS)
    with torch.no_grad():
        head.vocab_projector.bias -= 100
        head.vocab_projector.bias[7] += 200
    said_ids = batch.term_ids[batch.term_ids >= 0]
    columns = _columns(head, head.hidden(batch.images), said_ids)
    needed = {7, *np.concatenate(vocabulary.token_ids(pairs[0].texts[:8])).tolist()}
    assert needed <= set(columns.tolist())
    assert len(columns) <= 1.25 * len(needed)
    assert columns.tolist() == sorted(set(columns.tolist()))


def test_batches_of_like_size_share_the_number_of_columns():
    """Every other number would cost memory for good; no more than a quarter is added."""
    from lsr.training.step import _numbers

    sizes = set()
    for n in range(1, 8_000, 7):
        active = torch.zeros(30_522, dtype=torch.bool)
        active[torch.randperm(30_522, generator=torch.Generator().manual_seed(n))[:n]] = True
        columns = _numbers(active.clone(), torch.tensor([3]))
        assert active[columns].sum() == n
        assert 3 in columns
        assert columns.tolist() == sorted(set(columns.tolist()))
        assert len(columns) <= 1.25 * (n + 1)
        sizes.add(len(columns))
    assert len(sizes) < 60


def test_said_matrix_marks_said_terms_and_ignores_padding():
    ids = torch.tensor([[3, 5, -1], [4, -1, -1], [-1, -1, -1]])
    said = said_matrix(ids, torch.tensor([1, 3, 4]), vocabulary_size=6)
    assert said.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("per", ["batch", "caption"])
def test_draws_follow_the_rates(per):
    settings = TrainingSettings(control=ExpansionControl("constant", 0.3, per=per))
    rates = torch.tensor([0.0, 0.25, 1.0])
    generator = torch.Generator().manual_seed(0)
    drawn = [draw(settings, 0.5, rates, 4, generator) for _ in range(4000)]
    expands = torch.stack([d.expands for d in drawn]).float()
    words = torch.stack([d.words for d in drawn]).float()
    assert expands.shape == (4000, 4 if per == "caption" else 1)
    assert expands.mean().item() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose(words.mean(dim=(0, 1)), [0, 0.25, 1], atol=0.03)


def test_captions_of_one_batch_differ_only_when_drawn_per_caption():
    generator = torch.Generator().manual_seed(0)
    settings = TrainingSettings(control=ExpansionControl("constant", 0.5, per="caption"))
    drawn = draw(settings, 0.5, None, 64, generator).expands
    assert 0 < drawn.sum() < 64
