"""Training on a GPU: the same loss and weights as on the CPU, also when stopped and resumed."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from lsr.evaluation.pairs import load_pairs
from lsr.model.expansion import ExpansionControl
from lsr.training.batches import TrainingPairs
from lsr.training.captured_step import CapturedStep
from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form
from lsr.training.lexical.settings import TuningSettings
from lsr.training.lexical.tuning import Draws, Tuning
from lsr.training.loop import Run, train
from lsr.training.settings import TrainingSettings
from lsr.training.step import draw, step_loss
from tests.training.conftest import head_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
SETTINGS = TrainingSettings(
    control=ExpansionControl("constant", 0.5, word_level=True, per="caption"),
    epochs=4,
    batch_size=8,
    hidden_size=6,
    temperature=0.1,
    precision="float32",
    regularizer="df-flops",
    query_regularizer_weight=0.05,
    document_regularizer_weight=0.05,
    support_weight=0.1,
    unsupported_charge=3.0,
    noise=0.1,
    projection_learning_rate=1e-2,
    learning_rate=1e-2,
)


def test_captured_steps_are_those_of_the_cpu(pairs, vocabulary):
    """Twelve steps, three of them before the capture, on the same draws."""
    one = head_of(vocabulary, SETTINGS)
    other = copy.deepcopy(one).cuda()
    here, there = (TrainingPairs.of(pairs[0], vocabulary, at) for at in ("cpu", "cuda"))
    optimizers = (
        torch.optim.AdamW(one.parameters(), lr=1e-2, weight_decay=0.0),
        torch.optim.AdamW(
            other.parameters(),
            lr=torch.tensor(1e-2, device="cuda"),
            weight_decay=0.0,
            fused=True,
            capturable=True,
        ),
    )
    captured = CapturedStep(other, optimizers[1], SETTINGS)
    generator = torch.Generator().manual_seed(0)
    frequency = torch.rand(len(vocabulary), generator=generator)
    for step in range(12):
        rows = torch.randperm(len(here), generator=generator)[:8]
        draws = draw(SETTINGS, 0.5, 1 - frequency, 8, generator, here.images.shape[1])
        weights = (0.05 * step, 0.03 * step)
        loss = step_loss(one, here.rows(rows), draws, SETTINGS, weights, frequency)
        optimizers[0].zero_grad()
        (loss.relevance + loss.penalty + loss.support).backward()
        optimizers[0].step()
        found = captured(there.rows(rows), draws, weights, frequency.cuda())
        for name in ("relevance", "penalty", "support", "active_terms_image"):
            assert getattr(found, name).item() == pytest.approx(
                getattr(loss, name).item(), rel=1e-3, abs=1e-4
            ), (step, name)
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(theirs.detach().cpu(), ours.detach(), atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_goes_on_ends_as_an_unbroken_one(pairs, vocabulary, tmp_path, precision):
    settings = replace(SETTINGS, precision=precision)

    def run(folder, stop: int = 0) -> list:
        head = head_of(vocabulary, settings)
        reports = []
        for report in train(head, *pairs, vocabulary, settings, tmp_path / folder, "cuda"):
            reports.append(report)
            if len(reports) == stop:
                return reports
        return [head, *reports]

    for folder in ("whole", "broken"):
        (tmp_path / folder).mkdir()
    whole = run("whole")
    run("broken", stop=2)
    resumed = run("broken")
    for ours, theirs in zip(whole[0].parameters(), resumed[0].parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)
    assert whole[-1].relevance_loss < whole[1].relevance_loss


def test_a_target_is_followed_on_the_gpu(pairs, vocabulary, tmp_path):
    settings = replace(SETTINGS, target_active_terms=3, warm_up=0.1, epochs=40)
    training = TrainingPairs.of(pairs[0], vocabulary, "cuda")
    run = Run(head_of(vocabulary, settings).cuda(), training, settings, tmp_path)
    active = []
    for step, batch in training.batches(8, settings.epochs, 0, 0):
        active.append(run.step(step, batch).active_terms_image.item())
    assert np.mean(active[-10:]) < np.mean(active[:10])


def test_a_head_is_tuned_as_on_the_cpu(vocabulary, home, fake_encoder):
    from tests.conftest import make_collection

    splits = ("train",) * 40
    collection = make_collection(home / "collections" / "tiny", fake_encoder, splits=splits)
    pairs = load_pairs(collection, "train")
    start = closed_form(pairs, vocabulary, np.zeros(0, np.int64), ClosedFormSettings(4))
    settings = TuningSettings(target_active_terms=4, steps=20, batch_size=16)
    rows = []
    for device in ("cpu", "cuda"):
        tuning = Tuning(start, pairs, vocabulary, settings, device)
        # The same draws on both: a GPU's own generator would give others.
        here = Tuning(start, pairs, vocabulary, settings)
        generator = torch.Generator().manual_seed(0)
        tuning.draw = lambda _, here=here, generator=generator, device=device: Draws(
            *(one.to(device) for one in here.draw(generator))
        )
        assert [report.step for report in tuning.run()][-1] == 20
        rows.append(tuning.head.rows)
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-3)
