"""Training runs as processes: started, killed, resumed, refused, told in one sentence."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from lsr.collection.collection import Collection
from lsr.exceptions import ModelError, QueryError, UnknownNameError
from lsr.model.expansion import ExpansionControl
from lsr.storage import files
from lsr.storage.files import write_json
from lsr.storage.locks import start_mark
from lsr.training import jobs
from lsr.training.options import add_training_options, as_arguments, training_settings
from lsr.training.recipes import COMPACT_RECIPE, QUICK_RECIPE
from lsr.training.run_folder import run_folder
from lsr.training.settings import TrainingSettings, settings_as_json
from lsr.training.train_model import train_model
from tests.conftest import FakeEncoder, make_collection

SETTINGS = TrainingSettings(
    epochs=10,
    batch_size=8,
    hidden_size=4,
    temperature=0.1,
    validate_every=10,
    noise=0.1,
    select_by="last",
)
# Waits after its first report, so that it is killed there however fast or slow it is.
PAUSING = """
import json, sys
from pathlib import Path
from lsr.collection.collection import load_collection
from lsr.training.settings import settings_from_json
from lsr.training.train_model import train_model

settings = settings_from_json(json.loads(sys.argv[2]))
next(train_model(load_collection("tiny"), Path(sys.argv[1]), settings))
print("compiler" if "torch._dynamo" in sys.modules else "reported", flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[2]
SPLITS = ("train",) * 16 + ("val",) * 4 + ("test",) * 4


@pytest.fixture
def tiny(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


@pytest.fixture(autouse=True)
def _one_thread_and_no_survivors(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    for job in jobs.jobs():
        if job.alive and job.ours:
            jobs.stop(job)


def until(name: str, *states: str, reports: int = 0) -> jobs.Job:
    deadline = time.monotonic() + 600  # a guard against hanging, not a measure
    while (job := jobs.find_job(name)).status not in states or len(job.reports) < reports:
        assert time.monotonic() < deadline, job
        assert job.alive or not reports, job
        time.sleep(0.1)
    return job


def keeping_used_folders(rename):
    """`Path.rename` of a system that does not rename a folder in which a file is open."""

    def renamed(path: Path, target: Path) -> Path:
        if (path / "lock").exists():
            raise PermissionError(13, "in use")
        return rename(path, target)

    return renamed


def made_up(home: Path, name: str, log: str, **worker: object) -> Path:
    """An unfinished run whose worker is gone."""
    work = run_folder(home / "models" / name)
    work.mkdir(parents=True)
    settings = settings_as_json(SETTINGS)
    write_json(work / "worker.json", {"settings": settings, "collection": "tiny", **worker})
    (work / "worker.log").write_text(log)
    return work


@pytest.fixture
def paused(tiny: Collection, home: Path):
    """The worker of a run `broken`, written down as by `start`; it waits after its first report."""
    folder, settings = home / "models" / "broken", settings_as_json(SETTINGS)
    command = [sys.executable, "-c", PAUSING, str(folder), json.dumps(settings)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as worker:
        assert (
            worker.stdout.readline() == b"reported\n"
        )  # without torch's compiler, which takes 2 s
        about = {"pid": worker.pid, "mark": start_mark(worker.pid), "began": time.time()}
        plan = {"settings": settings, "collection": "tiny", "reports": 0}
        write_json(run_folder(folder) / "worker.json", {**plan, **about})
        yield worker
        worker.kill()


def test_a_killed_worker_resumes_to_the_weights_of_an_unbroken_run(paused, tiny, home):
    training = jobs.find_job("broken")
    assert (training.status, training.settings, training.ours) == ("training", SETTINGS, True)
    assert [report.step for report in training.reports] == [10]
    assert training.seconds >= 0
    paused.kill()
    killed = until("broken", "stopped")
    assert killed.reason.endswith("Resume goes on from the last report.")
    assert not killed.alive
    jobs.resume(killed)
    for _ in train_model(tiny, home / "models" / "whole", SETTINGS):
        pass
    finished = until("broken", "finished")
    assert not run_folder(home / "models" / "broken").exists()
    assert finished.reports[0] == training.reports[0]  # it did not begin anew
    assert finished.reports[-1].step == finished.reports[-1].steps == 40
    assert (finished.collection, finished.settings) == ("tiny", SETTINGS)
    whole, broken = (
        load_file(home / "models" / name / "model.safetensors") for name in ("whole", "broken")
    )
    for name, weights in whole.items():
        np.testing.assert_array_equal(weights, broken[name])


def test_what_windows_does_not_let_go_is_no_run(tiny, home, monkeypatch):
    """There a run that is over can remove neither its lock nor the log that it writes."""
    unlink, folder = os.unlink, home / "models" / "mine"
    work = run_folder(folder)

    def refusing(path, *rest, **named):
        if Path(path).name in ("lock", "worker.log"):
            raise PermissionError(13, "in use")
        unlink(path, *rest, **named)

    monkeypatch.setattr(files, "_MAY_MAP", False)
    monkeypatch.setattr(Path, "rename", keeping_used_folders(Path.rename))
    run = train_model(tiny, folder, replace(SETTINGS, epochs=1, validate_every=0))
    next(run)
    (work / "worker.log").write_text("epoch 1/1\n")
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refusing)
        assert list(run) == []
    assert {path.name for path in work.iterdir()} == {"lock", "worker.log"}
    assert jobs.find_job("mine").status == "finished"
    shutil.rmtree(folder)
    assert jobs.jobs() == []
    started = jobs.start("mine", "tiny", SETTINGS)
    assert started.alive
    assert (started.status, started.settings, started.ours) == ("waiting", SETTINGS, True)
    assert jobs.stop(started).status == "stopped"
    for _ in train_model(tiny, folder, SETTINGS, resume=True):  # what its worker does
        pass
    assert jobs.find_job("mine").status == "finished"


def test_a_stopped_run_keeps_its_reports_and_its_name_until_it_is_discarded(tiny, home):
    jobs.start("mine", "tiny", replace(SETTINGS, epochs=5_000))
    with pytest.raises(QueryError, match="There is a training run `mine` already"):
        jobs.start("mine", "tiny", SETTINGS)
    job = until("mine", "training", reports=1)
    with pytest.raises(ModelError, match="is going on already"):
        jobs.resume(job)
    with pytest.raises(ModelError, match="Stop it first"):
        jobs.discard(job)
    with pytest.raises(ModelError, match="`mine` is being trained already"):
        next(train_model(tiny, home / "models" / "mine", job.settings, resume=True))
    stopped = jobs.stop(job)
    assert (stopped.status, stopped.reason, stopped.seconds) == ("stopped", "", 0.0)
    assert len(stopped.reports) >= len(job.reports)
    log = run_folder(home / "models" / "mine") / "worker.log"
    assert "Traceback" not in log.read_text()
    assert [j.name for j in jobs.jobs()] == ["mine"]
    jobs.discard(stopped)
    assert jobs.jobs() == []
    with pytest.raises(UnknownNameError, match=r"no training run `mine`. The runs: none yet"):
        jobs.find_job("mine")


def test_a_failed_run_says_the_workers_own_sentence(tiny):
    jobs.start("hopeless", "tiny", replace(SETTINGS, vocabulary_start="/no/such/table.npy"))
    job = until("hopeless", "failed")
    assert "table.npy" in job.reason
    assert "Traceback" not in job.reason


def test_a_run_that_broke_off_is_told_without_its_traceback(home):
    log = "epoch 1/2\nTraceback (most recent call last):\n  File x\nRuntimeError: no memory\n"
    made_up(home, "odd", log)
    job = jobs.find_job("odd")
    assert job.status == "failed"
    assert job.reason.startswith("Training broke off: RuntimeError: no memory. ")


def test_another_process_of_the_same_number_is_not_the_worker(home):
    made_up(home, "old", "epoch 1/2  loss 1\n", pid=os.getpid(), mark="another time")
    job = jobs.find_job("old")
    assert (job.status, job.ours) == ("stopped", False)
    assert jobs.stop(job).status == "stopped"  # and this process is still here


def test_a_run_of_the_command_line_is_found_but_not_stopped(tiny, home):
    run = train_model(tiny, home / "models" / "elsewhere", SETTINGS)
    next(run)
    job = jobs.find_job("elsewhere")
    assert (job.status, job.ours, job.collection) == ("training", False, "tiny")
    assert job.settings == SETTINGS
    with pytest.raises(ModelError, match="Stop it there, with Ctrl"):
        jobs.stop(job)
    run.close()
    assert jobs.find_job("elsewhere").status == "stopped"


def test_models_that_were_not_trained_here_are_no_runs(model, home):
    assert jobs.jobs() == []


def test_a_curve_of_another_version_is_one_sentence(home):
    folder = home / "models" / "older"
    folder.mkdir(parents=True)
    write_json(folder / "training.json", {"curve": [{"epoch": 1, "loss": 2}]})
    job = jobs.find_job("older")
    assert job.status == "finished"
    assert "another version" in job.reason


def test_a_damaged_run_is_a_failed_one_and_can_be_discarded(home):
    work = made_up(home, "damaged", "")
    (work / "curve.json").write_text("{")
    job = jobs.find_job("damaged")
    assert job.status == "failed"
    assert "curve.json" in job.reason
    jobs.discard(job)
    assert not work.exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "demo", "x" * 300, "nul\0", "", ".x-training"])
def test_an_odd_name_is_no_run(name):
    with pytest.raises(UnknownNameError, match="There is no training run"):
        jobs.find_job(name)


@pytest.mark.parametrize(
    ("name", "collection", "changes", "message"),
    [
        ("demo", "demo", {}, "bundled model"),
        ("a b", "demo", {}, "cannot name a model"),
        ("tiny", "demo", {}, "There is a model `tiny` already"),
        ("x", "nowhere", {}, "no collection `nowhere`"),
        ("x", "demo", {"epochs": 0}, "The epochs is 0"),
    ],
)
def test_what_cannot_be_started_is_refused_at_the_door(
    model, home, name, collection, changes, message
):
    with pytest.raises((QueryError, UnknownNameError), match=message):
        jobs.start(name, collection, replace(SETTINGS, **changes))
    assert not list((home / "models").glob(".*"))


@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings(),
        COMPACT_RECIPE,
        QUICK_RECIPE,
        replace(
            COMPACT_RECIPE,
            control=ExpansionControl("constant", 1 / 3, word_level=True, per="caption"),
            regularizer="df-flops",
            query_regularizer_weight=1e-7,
            document_regularizer_weight=0.0,
            target_active_terms=30,
            select_below=None,
            select_by="last",
            warm_up=0.0,
            precision="float32",
            vocabulary_start="-odd name/x y.npy",
            validate_every=7,
            seed=12,
        ),
    ],
    ids=["paper", "compact", "quick", "all changed"],
)
def test_settings_survive_the_command_line(settings):
    parser = argparse.ArgumentParser()
    add_training_options(parser)
    assert training_settings(parser.parse_args(as_arguments(settings))) == settings


def test_every_setting_is_an_option_of_the_command_line():
    names = {argument.partition("=")[0] for argument in as_arguments(TrainingSettings())}
    expected = {f"--{name.replace('_', '-')}" for name in settings_as_json(TrainingSettings())}
    assert names == expected
