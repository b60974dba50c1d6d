"""Starting and ending the processes that train."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lsr.exceptions import DiskFullError, ModelError, QueryError
from lsr.storage.files import write_json
from lsr.storage.folders import remove_folder
from lsr.storage.locks import ends_within, exclusive, start_mark
from lsr.storage.places import find, home, own_folder
from lsr.storage.room import told_when_full
from lsr.training.jobs.job import LOG, Job, find_job, read_worker, works
from lsr.training.options import as_arguments
from lsr.training.other_settings import MadeSettings
from lsr.training.run_folder import PROGRESS, WORKER, holds_run, name_of, read_curve, run_folder
from lsr.training.settings import TrainingSettings, settings_as_json

ROOT = Path(__file__).resolve().parents[3]
_ANSWER = "answer.json"
# Seconds that a worker may take to end after it was asked to, and after it was killed. What it
# reported is on the disk whole, so nothing is lost by either.
_ASKED, _KILLED = 6.0, 5.0
# A run goes on when the app, or the terminal that it was started from, ends.
_DETACHED: dict[str, Any] = {"start_new_session": True}
if sys.platform == "win32":
    _DETACHED = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS}
# A step's tensors are tens of megabytes. Left alone, glibc asks the system for them and gives
# them back at every step, which took 40 % of the time on two CPU cores.
_ENVIRONMENT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**33)}


def start(
    name: str,
    collection: str,
    settings: TrainingSettings | MadeSettings,
    *,
    in_turn: bool = False,
) -> Job:
    """A new run of a model `name`, in a process of its own.

    Args:
        settings: of free training, or of a model that is made in one go.
        in_turn: it only takes its place in the queue; `lsr.training.jobs.queue` starts it.

    Raises:
        QueryError: the name or a setting cannot be used, or the name is taken.
        UnknownNameError: no such collection.
        DiskFullError: there is no room.
    """
    settings.check()
    folder = own_folder("models", name)
    find("collections", collection)
    if folder.exists():
        raise QueryError(f"There is a model `{name}` already. Choose another name.")
    work = run_folder(folder)
    try:
        with told_when_full(work):
            work.parent.mkdir(parents=True, exist_ok=True)
            work.mkdir(exist_ok=not holds_run(work))
    except FileExistsError:
        raise QueryError(
            f"There is a training run `{name}` already. Go on with it or discard it, or choose "
            "another name."
        ) from None
    try:
        _begin(work, collection, settings, in_turn)
    except DiskFullError:
        shutil.rmtree(work)
        raise
    return find_job(name)


def resume(job: Job, *, in_turn: bool = False) -> Job:
    """Let a stopped or failed run go on from its last report, in a new process.

    Raises:
        ModelError: somebody is at it already, its settings or its collection are lost, or its
            method takes less long than going on would be worth.
    """
    if not job.resumes:
        raise ModelError(
            f"The training run `{job.name}` cannot be resumed, only started again: method "
            f"`{job.method}` begins with the first step, and takes seconds or minutes."
        )
    return _again(job, in_turn)


def restart(job: Job, *, in_turn: bool = False) -> Job:
    """Let a stopped or failed run that cannot be resumed begin anew, with the same settings.

    Raises:
        ModelError: somebody is at it already, or it goes on where it stopped.
    """
    if job.resumes:
        raise ModelError(f"The training run `{job.name}` can go on where it stopped: resume it.")
    return _again(job, in_turn)


def _again(job: Job, in_turn: bool) -> Job:
    work = _work_of(job)
    taken = ModelError(f"The training run `{job.name}` is going on already.")
    with exclusive(work / "launch", taken):
        if (now := find_job(job.name)).alive:
            raise taken
        settings = now.made or now.settings
        if settings is None or not now.collection:
            raise ModelError(
                f"The training run `{job.name}` does not tell its settings or its collection any "
                "more. Discard it and start anew."
            )
        _begin(work, now.collection, settings, in_turn)
    return find_job(job.name)


def stop(job: Job, why: str = "") -> Job:
    """End the worker of a run; what it reported is kept, and `resume` goes on from there.

    Args:
        why: what the run says of it; nothing where somebody stopped it who knows.

    Raises:
        ModelError: the run was started elsewhere.
    """
    work = _work_of(job)
    worker = read_worker(work)
    if "queued" in worker:
        worker.pop("queued")
        write_json(work / WORKER, {**worker, "stopped": True, "why": why})
        return find_job(job.name)
    if not works(worker):
        if find_job(job.name).alive:
            raise ModelError(
                f"The training run `{job.name}` was started elsewhere. Stop it there, with Ctrl+C."
            )
        return find_job(job.name)
    _say_stopped(work, worker, why)  # first: whenever it ends from now on, it was stopped
    _end(worker["pid"], str(worker["mark"]))
    return find_job(job.name)


def _say_stopped(work: Path, worker: dict[str, Any], why: str) -> None:
    if work.exists():
        write_json(work / WORKER, {**worker, "stopped": True, "why": why})
        if [path.name for path in work.iterdir()] == [WORKER]:  # it was finished in this moment
            shutil.rmtree(work)


def _end(pid: int, mark: str) -> None:
    """Ask a process to end, and kill it where it does not."""
    import psutil

    with suppress(psutil.NoSuchProcess):  # it ended by itself
        process = psutil.Process(pid)
        process.terminate()
        if not ends_within(pid, mark, _ASKED):
            process.kill()
            ends_within(pid, mark, _KILLED)


def discard(job: Job) -> None:
    """Remove an unfinished run with all that it learned.

    Raises:
        ModelError: it is going on, or finished.
    """
    work = _work_of(job)
    if find_job(job.name).alive:
        raise ModelError(f"The training run `{job.name}` is going on. Stop it first.")
    remove_folder(work)  # at once: a later run must not go on from a part of it


def _begin(
    work: Path, collection: str, settings: TrainingSettings | MadeSettings, in_turn: bool
) -> None:
    if in_turn:
        plan = _plan(work, collection, settings)
        write_json(work / WORKER, {**plan, "queued": time.time()})
    else:
        launch(work, collection, settings)


def _plan(work: Path, collection: str, settings: TrainingSettings | MadeSettings) -> dict[str, Any]:
    """What a run was asked for, as its folder keeps it."""
    if not isinstance(settings, TrainingSettings):
        return {"collection": collection, "lexical": settings.as_json()}
    return {
        "collection": collection,
        "settings": settings_as_json(settings),
        "reports": len(read_curve(work)),
    }


def launch(
    work: Path,
    collection: str,
    settings: TrainingSettings | MadeSettings,
    minutes: int = 0,
) -> None:
    """Start a worker and write down who it is.

    Args:
        minutes: how long the queue lets it have its turn, at a low priority; 0 for ever.
    """
    plan = _plan(work, collection, settings)
    if minutes:
        plan["minutes"] = minutes
    if not isinstance(settings, TrainingSettings):
        arguments = settings.as_arguments()
        (work / PROGRESS).unlink(missing_ok=True)  # it begins anew
    else:
        arguments = ["--method=trained", "--resume", *as_arguments(settings)]
    write_json(work / WORKER, plan)
    process = _worker(work, [f"--collection={collection}", "--json", *arguments])
    mark = start_mark(process.pid) or ""
    if minutes:
        _step_back(process.pid)
    # Somebody has to collect the process when it ends, or its number stays taken.
    threading.Thread(target=process.wait, daemon=True).start()
    write_json(work / WORKER, {**plan, "pid": process.pid, "mark": mark, "began": time.time()})


def _step_back(pid: int) -> None:
    """Let whoever searches meanwhile come first."""
    import psutil

    with suppress(psutil.Error):  # it has ended
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(10, process.nice()))


def _worker(work: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    """`train` in a process that outlives this one."""
    command = [sys.executable, "-m", "lsr", "train", f"--out={name_of(work)}", *arguments]
    with (
        told_when_full(work),
        (work / LOG).open("wb") as log,
        (work / _ANSWER).open("wb") as answer,
    ):
        return subprocess.Popen(  # noqa: S603 (every argument is checked or made here)
            command,
            cwd=ROOT,
            env={**os.environ, **_ENVIRONMENT, "LEXISCOPE_HOME": str(home().resolve())},
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=log,
            **_DETACHED,
        )


def _work_of(job: Job) -> Path:
    """The folder of an unfinished run.

    Raises:
        ModelError: the run is finished.
    """
    work = run_folder(home() / "models" / job.name)
    if not work.exists():
        raise ModelError(f"The training run `{job.name}` is finished, or was discarded.")
    return work
