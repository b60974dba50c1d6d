"""Lexical models as processes of their own: followed, stopped, started again."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from lsr.cli.main import build_parser
from lsr.collection.collection import Collection
from lsr.exceptions import ModelError, QueryError
from lsr.model.loading import load_model
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import write_json
from lsr.storage.locks import start_mark
from lsr.training import jobs
from lsr.training.autoencoder import make_autoencoder
from lsr.training.autoencoder_settings import AutoencoderSettings
from lsr.training.lexical.make_model import make_lexical
from lsr.training.lexical.settings import LexicalReport, LexicalSettings
from lsr.training.other_settings import OtherSettings, made_settings
from lsr.training.run_folder import is_followed, run_folder
from lsr.training.splice import SpliceSettings, make_splice
from tests.conftest import FakeEncoder, make_collection, make_tokenizer
from tests.training.test_jobs import until

SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4
SETTINGS = LexicalSettings("tuned", 4)
WORDS = Vocabulary(make_tokenizer())


@pytest.fixture
def tiny(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def written_down(home: Path, name: str, settings: LexicalSettings = SETTINGS, **more) -> Path:
    """A run as `start` writes it down; without a process unless `more` names one."""
    work = run_folder(home / "models" / name)
    work.mkdir(parents=True)
    plan = {"lexical": settings.as_json(), "collection": "tiny", **more}
    write_json(work / "worker.json", plan)
    return work


def test_a_lexical_run_becomes_a_model_and_leaves_nothing_behind(tiny, home):
    started = jobs.start("words", "tiny", LexicalSettings("closed-form", 4))
    assert (started.alive, started.method, started.collection) == (True, "closed-form", "tiny")
    job = until("words", "finished", "failed")
    assert (job.status, job.reason) == ("finished", "")
    assert (job.method, job.made, job.collection) == (
        "closed-form",
        LexicalSettings("closed-form", 4),
        "tiny",
    )
    # The run is finished as soon as its model is there; its process then clears away.
    deadline = time.monotonic() + 600
    while (left := [path.name for path in (home / "models").iterdir()]) != ["words"]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
    assert load_model("words").encoder == "fake"
    with pytest.raises(QueryError, match="a model `words` already"):
        jobs.start("words", "tiny", SETTINGS)


def test_a_run_tells_how_far_its_tuning_is(tiny, home):
    """This process stands for the worker: it makes the model and looks at the run meanwhile."""
    me = {"pid": os.getpid(), "mark": start_mark(os.getpid()), "began": time.time()}
    work = written_down(home, "words", **me)
    assert is_followed(work)
    assert jobs.find_job("words").status == "waiting"
    making = make_lexical(tiny, home / "models" / "words", SETTINGS)
    first = next(making)
    job = jobs.find_job("words")
    assert (job.status, job.progress, job.settings) == ("training", first, None)
    assert first.stage == "terms"
    *_, last = making
    assert (last.stage, last.step) == ("steps", last.steps)
    assert jobs.find_job("words").status == "finished"
    assert not work.exists()


def test_a_stopped_lexical_run_cannot_be_resumed_but_started_again(tiny, home):
    work = written_down(home, "words", stopped=True)
    write_json(work / "progress.json", asdict(LexicalReport("steps", 3, 3)))
    job = jobs.find_job("words")
    assert (job.status, job.progress.step) == ("stopped", 3)
    with pytest.raises(ModelError, match="only started again"):
        jobs.resume(job)
    again = jobs.restart(job)
    assert again.alive
    assert again.progress is None
    jobs.stop(again)
    stopped = jobs.find_job("words")
    assert stopped.status in ("stopped", "finished")
    if stopped.status == "stopped":
        jobs.discard(stopped)
        assert jobs.jobs() == []


def test_a_run_of_free_training_is_resumed_and_not_started_again(tiny, home):
    with pytest.raises(ModelError, match="resume it"):
        jobs.restart(jobs.Job("free", "stopped", "tiny"))


def test_a_failed_lexical_run_says_why(tiny):
    """The encoder of the tests is none that another process could load."""
    jobs.start("words", "tiny", LexicalSettings("encoder-terms", 4))
    job = until("words", "failed", "finished")
    assert job.status == "failed"
    assert "fake" in job.reason


@pytest.mark.parametrize(
    "line",
    [
        LexicalReport("texts", 5, 9).says,
        LexicalReport("terms", 1, 9).says,
        "step 1,040/2,100  fold 2/5  loss 2.1  active terms 64 an image  9 s left",
        "1,600 pairs: 178 steps of 256 pairs with noise of 1.4 times a vector's length.",
        "940 terms from 1,600 texts, 64 active in a training image",
        "Held-out captions (val): MRR@10 0.3 in closed form, 0.4 tuned: the tuned form is the mode",
    ],
)
def test_a_run_that_was_ended_from_outside_is_stopped_and_not_failed(home, line):
    work = written_down(home, "words", pid=1, mark="another")
    (work / "worker.log").write_text(f"{line}\n")
    job = jobs.find_job("words")
    assert job.status == "stopped"
    assert job.reason.endswith("Start it again.")


def test_a_bad_target_is_refused_before_a_process_is_started(tiny, home):
    with pytest.raises(QueryError, match="0 active terms an image are not possible"):
        jobs.start("words", "tiny", LexicalSettings("tuned", 0))
    assert not (home / "models").exists()


@pytest.mark.parametrize("method", ["sae", "splice"])
def test_other_kinds_are_followed_and_only_an_autoencoder_goes_on(tiny, home, monkeypatch, method):
    """This process stands for the worker, with an autoencoder of few latents."""
    for module in ("splice", "other_kinds"):
        monkeypatch.setattr(f"lsr.training.{module}.load_encoder", lambda _: FakeEncoder(WORDS))
    monkeypatch.setattr("lsr.training.other_kinds.can_encode", lambda _: True)
    settings = OtherSettings(method, 3)
    me = {"pid": os.getpid(), "mark": start_mark(os.getpid()), "began": time.time()}
    work = written_down(home, "other", settings, **me)
    folder = home / "models" / "other"
    if method == "sae":
        small = AutoencoderSettings(latents=24, k=3, steps=40, batch_size=8)
        making = make_autoencoder(tiny, folder, small)
    else:
        making = make_splice(tiny, folder, SpliceSettings(3, terms=300))
    next(making)
    job = jobs.find_job("other")
    assert (job.status, job.method, job.made) == ("training", method, settings)
    assert job.progress.step > 0
    making.close()
    write_json(work / "worker.json", {"lexical": settings.as_json(), "collection": "tiny"})
    job = jobs.find_job("other")
    assert job.status == "stopped"
    assert job.resumes == (method == "sae")
    with pytest.raises(ModelError, match="resume it" if method == "sae" else "only started again"):
        (jobs.restart if method == "sae" else jobs.resume)(job)
    rest = (
        make_autoencoder(tiny, folder, small, resume=True)
        if method == "sae"
        else make_splice(tiny, folder, SpliceSettings(3, terms=300))
    )
    for _ in rest:
        pass
    job = jobs.find_job("other")
    assert (job.status, job.method, job.made.target_active_terms) == ("finished", method, 3)
    assert not work.exists()


@pytest.mark.parametrize("settings", [OtherSettings("sae", 12, 3), OtherSettings("splice", 12)])
def test_what_a_page_asks_for_is_what_the_command_reads(settings):
    parsed = build_parser().parse_args(["train", "--out=x", *settings.as_arguments()])
    assert (parsed.method, parsed.target_active_terms) == (settings.method, 12)
    assert parsed.resume == (settings.method == "sae")
    assert made_settings(settings.as_json()) == settings
    assert "images" in settings.reasons(1_000)
