"""What a run will take: by hand from counts and paces; no clock decides a test."""

from dataclasses import replace

import numpy as np
import pytest

from lsr.training.jobs import Job
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.lexical.tuning import Tuning
from lsr.training.pace import _more_terms, free_seconds, free_steps, lexical_seconds
from lsr.training.settings import TrainingReport, TrainingSettings
from tests.conftest import make_collection

FREE = TrainingSettings(epochs=4, batch_size=100, hidden_size=16)


def report(pace: float) -> TrainingReport:
    return TrainingReport(1, 4, 1, 4, 1.0, 0.0, {"R@1": 0.5}, 1.0, 1.0, 1.0, True, pace, 1.0, 1.0)


def test_free_training_takes_what_the_last_run_like_it_took_a_pair():
    runs = [
        Job("larger", "finished", "", replace(FREE, hidden_size=32), (report(1.0),)),
        Job("newest", "training", "", FREE, ()),  # nothing to read off yet
        Job("like", "stopped", "", replace(FREE, epochs=9), tuple(map(report, (40, 50, 90)))),
        Job("oldest", "finished", "", FREE, (report(7.0),)),
    ]
    assert free_steps(FREE, 1_050) == 40
    assert free_seconds(runs, FREE, 1_050) == (40 * 100 / 50, "like")
    assert free_seconds(runs[:2], FREE, 1_050) is None
    assert free_steps(FREE, 30) == 4


def test_terms_grow_as_half_of_the_sample_says(vocabulary):
    """Two terms in the first half, four in both: twice as many for twice as many texts."""
    texts = ["dog cat", "dog cat", "bird tree", "bird tree"]
    assert _more_terms(texts, 8, vocabulary) == pytest.approx(2)
    assert _more_terms(texts, 16, vocabulary) == pytest.approx(4)
    assert _more_terms(["dog cat"] * 4, 64, vocabulary) == pytest.approx(1)
    assert _more_terms(texts, 4, vocabulary) == 1


def test_steps_are_counted_with_the_folds_that_check_them(home, vocabulary, fake_encoder,
                                                          monkeypatch):  # fmt: skip
    """Two seconds a step, whatever the machine: the closed form adds little to some hundred."""
    monkeypatch.setattr(Tuning, "seconds_a_step", lambda *_: 2.0)
    splits = ("train",) * 40 + ("test",) * 4
    collection = make_collection(home / "collections" / "tiny", fake_encoder, splits=splits)
    settings = LexicalSettings("tuned", 4)
    steps = settings.tuning(80).steps
    assert lexical_seconds(collection, vocabulary, settings) >= 6 * 2 * steps
    alone = lexical_seconds(collection, vocabulary, LexicalSettings("closed-form", 4))
    assert 0 < alone < 2 * steps


def test_timed_steps_are_steps_of_the_tuning(home, vocabulary, fake_encoder):
    from lsr.evaluation.pairs import load_pairs
    from lsr.training.lexical.closed_form import ClosedFormSettings, closed_form

    collection = make_collection(
        home / "collections" / "tiny", fake_encoder, splits=("train",) * 40
    )
    pairs = load_pairs(collection, "train")
    start = closed_form(pairs, vocabulary, np.zeros(0, np.int64), ClosedFormSettings(4))
    settings = LexicalSettings("tuned", 4).tuning(80)
    tuning = Tuning(start, pairs, vocabulary, settings)
    assert tuning.seconds_a_step(3) > 0
    assert not np.allclose(tuning.rows.detach().numpy(), start.rows)
