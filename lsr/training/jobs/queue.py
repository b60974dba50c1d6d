"""Training runs of many people on one machine: one after another, each for a limited time.

The queue is the runs' own folders, so it outlives the app. Nothing moves it by itself: whoever
keeps the queue calls `turn` again and again.
"""

from __future__ import annotations

import time
from pathlib import Path

from lsr.exceptions import InputError, QueryError
from lsr.storage.locks import exclusive
from lsr.storage.places import home
from lsr.training.jobs.job import Job, find_job, read_worker
from lsr.training.jobs.launch import launch, stop
from lsr.training.run_folder import name_of, run_folder

MOST_WAITING = 20


def queued() -> list[Job]:
    """The runs that wait for their turn, the next one first."""
    waiting = [job for job in _unfinished() if job.status == "queued"]
    return sorted(waiting, key=lambda job: -job.seconds)


def check_room() -> None:
    """Refuse one run more where too many wait.

    Raises:
        QueryError: they do.
    """
    if (waiting := len(queued())) >= MOST_WAITING:
        raise QueryError(f"{waiting} training runs wait for their turn already. Try again later.")


def turn(minutes: int) -> bool:
    """End the run whose time is up, and start the next where none goes on; whether any is left.

    Args:
        minutes: how long a run may take from its start, 1 or more.
    """
    taken = InputError("Another process keeps the queue.")
    try:
        with exclusive(home() / "models" / ".queue", taken):
            return _turn(minutes)
    except InputError as problem:
        if problem is not taken:
            raise
        return True


def _turn(minutes: int) -> bool:
    running = [job for job in _unfinished() if job.status in ("waiting", "training")]
    for job in running:
        worker = read_worker(_work_of(job))
        limit = worker.get("minutes", 0)
        if limit and time.time() - worker.get("began", time.time()) > 60 * limit:
            stop(job, f"Its time was up: a training run may take {limit} minutes on this server.")
    waiting = queued()
    if not running and waiting:
        job = waiting[0]
        settings = job.made or job.settings
        assert settings is not None  # noqa: S101  (every queued run has one or the other)
        launch(_work_of(job), job.collection, settings, minutes)
    return bool(running or waiting)


def _unfinished() -> list[Job]:
    """The runs that are no models yet."""
    found = []
    for work in sorted((home() / "models").glob(".*-training")):
        try:
            found.append(find_job(name_of(work)))
        except InputError:
            continue  # it was finished or discarded in this moment, or the page of it says more
    return found


def _work_of(job: Job) -> Path:
    return run_folder(home() / "models" / job.name)
