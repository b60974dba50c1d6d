"""What the files of a training run tell about it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lsr.exceptions import (
    CollectionError,
    InputError,
    ModelError,
    QueryError,
    UnknownNameError,
    shorten,
)
from lsr.storage.files import read_json
from lsr.storage.folders import read_one_version
from lsr.storage.locks import is_held, is_running
from lsr.storage.places import folders, home, own_folder
from lsr.storage.records import record_of
from lsr.storage.untrusted import UnexpectedError
from lsr.training.lexical.settings import METHODS, LexicalReport, LexicalSettings
from lsr.training.other_settings import (
    OTHER_METHODS,
    MadeSettings,
    made_settings,
    settings_of_model,
)
from lsr.training.run_folder import (
    PROGRESS,
    WORKER,
    holds_run,
    lock_file,
    name_of,
    read_curve,
    run_folder,
)
from lsr.training.settings import TrainingReport, TrainingSettings, settings_from_json

Status = Literal["queued", "waiting", "training", "stopped", "failed", "finished"]
LOG = "worker.log"
# What reading JSON of the right form but with other content raises.
_DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError)
# How the lines begin that `train` says of its progress, other than what is wrong.
_PROGRESS_LINE = re.compile(
    r"(epoch|step) \d|[\d,]+ (pairs:|terms from)|Held-out captions \(|"
    r"Texts become|Terms get|terms become"
)


@dataclass(frozen=True)
class Job:
    """A training run as its files tell it at one moment.

    name: of the run and of the model that it makes.
    status: queued (others have their turn first), waiting (it has not reported since it was
        started), training, stopped (it can go on), failed, finished (the model is written).
    collection: its name; empty where the collection is gone.
    settings: of free training; None where the run ended before it wrote them down.
    made: the settings of a model that is made in one go, lexical or of another kind; its last
        report is `progress`.
    reports: of free training, in the order of their steps.
    seconds: since it was queued or started while it waits, else the estimate of the seconds left;
        0 at rest.
    reason: one sentence on why it stopped or failed; empty where somebody stopped it.
    ours: a worker that `start` or `resume` made is at it, so that `stop` can end it.
    """

    name: str
    status: Status
    collection: str = ""
    settings: TrainingSettings | None = None
    reports: tuple[TrainingReport, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    ours: bool = False
    made: MadeSettings | None = None
    progress: LexicalReport | None = None

    @property
    def method(self) -> str:
        """As `train --method` names it."""
        return self.made.method if self.made else "trained"

    @property
    def resumes(self) -> bool:
        """Whether it goes on where it stopped; others begin anew."""
        return self.method in ("trained", "sae")

    @property
    def alive(self) -> bool:
        return self.status in ("queued", "waiting", "training")


def jobs() -> list[Job]:
    """All runs, the unfinished ones first, then the models trained here; newest first each."""
    root = home() / "models"
    works = sorted(root.glob(".[!.~]*-training"), key=_changed, reverse=True)
    trained = sorted(root.glob("[!.]*/training.json"), key=_changed, reverse=True)
    names = dict.fromkeys([*map(name_of, works), *(path.parent.name for path in trained)])
    return [job for name in names if (job := _job(name)) is not None]


def find_job(name: str) -> Job:
    """The run of a name.

    Raises:
        UnknownNameError: there is none; the message lists those there are.
    """
    try:
        own_folder("models", name)
    except QueryError:
        job = None
    else:
        job = _job(name)
    if job is None:
        names = ", ".join(f"`{job.name}`" for job in jobs()) or "none yet"
        raise UnknownNameError(f"There is no training run `{shorten(name)}`. The runs: {names}.")
    return job


def _job(name: str) -> Job | None:
    """The run of a plain name, or None."""
    folder = home() / "models" / name
    work = run_folder(folder)
    try:
        if holds_run(work):
            return _unfinished(name, work)
    except (InputError, *_DAMAGED) as problem:
        if holds_run(work):  # else it was finished in this moment
            return Job(name, "failed", reason=_why(problem, work))
    try:
        return read_one_version(folder, lambda: _finished(folder))
    except (InputError, *_DAMAGED) as problem:
        return Job(name, "finished", reason=_why(problem, folder))


def _why(problem: Exception, folder: Path) -> str:
    """What is wrong with the files of a run, in a sentence."""
    if isinstance(problem, InputError):
        return str(problem)
    return (
        f"A file in `{folder}` holds something else than a training writes ({problem!r}). Restore "
        "it, or remove the folder."
    )


def _unfinished(name: str, work: Path) -> Job:
    worker = read_worker(work)
    if "lexical" in worker:
        return _lexical(name, work, worker)
    run = read_json(work / "run.json", ModelError) if (work / "run.json").exists() else {}
    reports = _reports(read_curve(work))
    if "queued" in worker:
        settings = settings_from_json(worker["settings"])
        since = time.time() - worker["queued"]
        return Job(name, "queued", worker["collection"], settings, reports, since)
    ours = works(worker)
    if not ours:  # who stopped it wrote so before it ended, maybe since it was read above
        worker = read_worker(work)
    status, reason = _ending(work, worker)
    seconds = 0.0
    if ours or is_held(lock_file(work)):
        reason = ""
        status = "training" if len(reports) > worker.get("reports", 0) else "waiting"
        seconds = time.time() - worker.get("began", time.time())
        if status == "training":
            since = time.time() - _changed(work / "curve.json")
            seconds = max(0.0, reports[-1].seconds_left - since)
    known = worker.get("settings", run)
    return Job(
        name,
        status,
        worker.get("collection") or _collection_of(run.get("collection")),
        settings_from_json(known) if known else None,
        reports,
        seconds,
        reason,
        ours,
    )


def _lexical(name: str, work: Path, worker: dict[str, Any]) -> Job:
    """The run of a lexical model."""
    settings = made_settings(worker["lexical"])
    if "queued" in worker:
        since = time.time() - worker["queued"]
        return Job(name, "queued", worker["collection"], seconds=since, made=settings)
    progress = _progress(work)
    ours = works(worker)
    if not ours:
        worker = read_worker(work)
    status, reason = _ending(work, worker)
    seconds = 0.0
    if ours or is_held(lock_file(work)):
        reason = ""
        status = "training" if progress else "waiting"
        seconds = time.time() - worker.get("began", time.time())
        if progress:
            seconds = progress.seconds_left or 0.0
    collection = worker.get("collection", "")
    return Job(name, status, collection, None, (), seconds, reason, ours, settings, progress)


def _progress(work: Path) -> LexicalReport | None:
    if not (work / PROGRESS).exists():
        return None
    try:
        return record_of(LexicalReport, read_json(work / PROGRESS, ModelError))
    except UnexpectedError as problem:
        raise ModelError(f"`{work / PROGRESS}` {problem}. Start the run again.") from None


def _finished(folder: Path) -> Job | None:
    """The run that made a model; None for a model that was not trained here."""
    if not (folder / "training.json").exists():
        return None
    training = read_json(folder / "training.json", ModelError)
    if training.get("method") in METHODS:
        collection = _collection_of(training["collection"]["fingerprint"])
        lexical = LexicalSettings.from_json(training["settings"])
        return Job(folder.name, "finished", collection, made=lexical)
    if training.get("method") in OTHER_METHODS:
        collection = _collection_of(training["collection"]["fingerprint"])
        return Job(folder.name, "finished", collection, made=settings_of_model(training))
    if "curve" not in training:
        return None
    reports = _reports(training["curve"])
    settings = settings_from_json(training["settings"])
    collection = _collection_of(training["collection"]["fingerprint"])
    return Job(folder.name, "finished", collection, settings, reports)


def _ending(work: Path, worker: dict[str, Any]) -> tuple[Status, str]:
    """How a run whose worker is gone came to its end, and why."""
    log = work / LOG
    said = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    lines = [line for line in said if line.strip()]
    last = lines[-1].strip() if lines else ""
    if worker.get("stopped"):
        return "stopped", str(worker.get("why", ""))
    if not worker or last.startswith("Stopped."):
        return "stopped", ""
    if any(line.startswith("Traceback") for line in lines):
        return "failed", f"Training broke off: {shorten(last, 200)}. All it said is in `{log}`."
    if not last or _PROGRESS_LINE.match(last):
        anew = "lexical" in worker and worker["lexical"].get("method") != "sae"
        again = "Start it again" if anew else "Resume goes on from the last report"
        return "stopped", (
            "Its process was ended from outside, as happens when memory runs out or the computer "
            f"restarts. {again}."
        )
    return "failed", last


def _reports(curve: list[dict[str, Any]]) -> tuple[TrainingReport, ...]:
    try:
        if not isinstance(curve, list):
            raise TypeError("no list of reports")
        return tuple(record_of(TrainingReport, report) for report in curve)
    except (TypeError, UnexpectedError) as problem:
        raise ModelError(
            f"The training curve was written by another version of Lexiscope ({problem}). "
            "Train anew to see one."
        ) from None


def _collection_of(fingerprint: str | None) -> str:
    """The name of the collection with this fingerprint; empty where there is none."""
    for folder in folders("collections"):
        try:
            card = read_json(folder / "collection.json", CollectionError)
        except (CollectionError, OSError):
            continue  # a broken one cannot be it, and is told where it is used
        if card.get("fingerprint") == fingerprint:
            return folder.name
    return ""


def read_worker(work: Path) -> dict[str, Any]:
    """Who was started for the run in `work`; empty where nobody was."""
    path = work / WORKER
    return read_json(path, ModelError) if path.exists() else {}


def works(worker: dict[str, Any]) -> bool:
    """Whether the worker's process runs; a later one of its number is another."""
    return bool(worker.get("mark")) and is_running(worker["pid"], str(worker["mark"]))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was finished or removed in this moment
        return 0.0
