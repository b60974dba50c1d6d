"""Training runs of many people: one at a time, in the order of asking, each for a limited time."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest

from lsr.collection.collection import Collection
from lsr.exceptions import QueryError
from lsr.storage.files import write_json
from lsr.storage.locks import is_running
from lsr.training import jobs
from lsr.training.jobs import queue
from lsr.training.lexical.settings import LexicalSettings
from lsr.training.run_folder import run_folder
from tests.conftest import FakeEncoder, make_collection
from tests.training.test_jobs import SETTINGS, SPLITS

INSTANT = LexicalSettings("closed-form", 4)


@pytest.fixture
def tiny(home: Path, fake_encoder: FakeEncoder) -> Collection:
    return make_collection(home / "collections" / "tiny", fake_encoder, splits=SPLITS)


@pytest.fixture(autouse=True)
def _no_survivors():
    yield
    for job in jobs.jobs():
        if job.ours:
            jobs.stop(job)


def worker_of(home: Path, name: str) -> tuple[Path, dict[str, object]]:
    path = run_folder(home / "models" / name) / "worker.json"
    return path, json.loads(path.read_text())


def asked(home: Path, name: str, ago: float, settings=INSTANT) -> jobs.Job:
    """A run that was queued some seconds ago."""
    jobs.start(name, "tiny", settings, in_turn=True)
    path, worker = worker_of(home, name)
    write_json(path, {**worker, "queued": time.time() - ago})
    return jobs.find_job(name)


def test_runs_take_turns_and_one_whose_time_is_up_makes_room(tiny, home):
    asked(home, "late", 10)
    assert asked(home, "early", 20, SETTINGS).status == "queued"
    assert [job.name for job in queue.queued()] == ["early", "late"]
    assert queue.turn(7)
    for _ in range(2):
        assert jobs.find_job("early").ours
        assert jobs.find_job("late").status == "queued"
        assert queue.turn(7)
    path, worker = worker_of(home, "early")
    if not psutil.WINDOWS:
        assert psutil.Process(worker["pid"]).nice() >= 10
    write_json(path, {**worker, "began": time.time() - 7 * 60 - 1})
    assert queue.turn(7)
    ended = jobs.find_job("early")
    assert ended.status == "stopped"
    assert ended.reason == ("Its time was up: a training run may take 7 minutes on this server.")
    assert not is_running(worker["pid"], worker["mark"])
    assert queue.turn(7)
    assert jobs.find_job("late").status in ("waiting", "training", "finished")


def test_a_run_that_somebody_started_outside_is_waited_for_and_not_ended(tiny, home):
    jobs.start("owners", "tiny", SETTINGS)
    asked(home, "late", 10)
    path, worker = worker_of(home, "owners")
    write_json(path, {**worker, "began": time.time() - 86_400})
    assert queue.turn(1)
    assert jobs.find_job("owners").ours
    assert jobs.find_job("late").status == "queued"


def test_a_queue_without_runs_is_left_alone(home):
    assert not queue.turn(1)


def test_a_run_that_waits_can_be_called_off_and_asked_for_again(tiny, home):
    job = jobs.stop(asked(home, "one", 5))
    assert (job.status, job.reason) == ("stopped", "")
    assert queue.queued() == []
    assert jobs.restart(job, in_turn=True).status == "queued"
    assert not jobs.find_job("one").ours
    jobs.discard(jobs.stop(jobs.find_job("one")))
    assert jobs.jobs() == []


def test_too_many_that_wait_are_refused(tiny, home):
    for number in range(queue.MOST_WAITING - 1):
        asked(home, f"run-{number}", 1)
    queue.check_room()
    asked(home, "last", 1)
    with pytest.raises(QueryError, match="20 training runs wait"):
        queue.check_room()
