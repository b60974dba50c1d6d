"""The folder of an unfinished training run: one process at a time, its settings and its curve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lsr.collection.collection import Collection
from lsr.exceptions import ModelError
from lsr.storage.files import read_json, write_json
from lsr.storage.folders import remove_folder
from lsr.storage.locks import exclusive, is_held
from lsr.storage.records import fits
from lsr.storage.room import told_when_full
from lsr.training.settings import TrainingSettings, settings_as_json

WORKER = "worker.json"
"""Who trains, where that is a process of its own."""
PROGRESS = "progress.json"
"""The last report of a model that such a process makes in one go."""


def run_folder(folder: Path) -> Path:
    """Where the unfinished run of the model `folder` lives."""
    return folder.with_name(f".{folder.name}-training")


def holds_run(work: Path) -> bool:
    """Whether there is an unfinished run in `work`.

    On Windows a run that is over cannot remove its own lock, nor what it is still writing into.
    """
    tells = (work / "run.json").exists() or (work / WORKER).exists()
    return tells or is_held(lock_file(work))


def lock_file(work: Path) -> Path:
    """What a training process holds a lock on while it is at the run in `work`."""
    return work / "lock"


@contextmanager
def run_to_itself(work: Path) -> Iterator[None]:
    """Keep a second training of that name out, in this process or another, for the block."""
    name = name_of(work)
    taken = ModelError(
        f"Model `{name}` is being trained already. Wait for it, stop it, or choose another name."
    )
    with told_when_full(work):
        work.mkdir(parents=True, exist_ok=True)
        lock_file(work).touch()
    with exclusive(lock_file(work), taken):
        for half_written in work.glob(".*"):  # by a process that was killed
            if half_written.suffix != ".json":  # others than trainers write those
                half_written.unlink(missing_ok=True)
        try:
            yield
        finally:
            if work.exists() and [path.name for path in work.iterdir()] == ["lock"]:
                remove_folder(work)


def is_followed(work: Path) -> bool:
    """Whether a process of its own makes a model in `work` in one go, and a page follows it."""
    path = work / WORKER
    return path.exists() and "lexical" in read_json(path, ModelError)


def name_of(work: Path) -> str:
    """The model that the run in `work` makes."""
    return work.name.removeprefix(".").removesuffix("-training")


def open_run(work: Path, settings: TrainingSettings, collection: Collection, resume: bool) -> None:
    """Start a run's folder, or make sure that the one there may be gone on with."""
    wanted = {**settings_as_json(settings), "collection": collection.fingerprint}
    path = work / "run.json"
    if not path.exists():
        write_json(path, wanted)
        return
    name = name_of(work)
    if not resume:
        raise ModelError(
            f"An unfinished training run of model `{name}` exists. Add --resume to go on with it, "
            f"or remove `{work}`."
        )
    started = read_json(path, ModelError)
    # Tuples become lists in JSON; compare what JSON keeps.
    differing = sorted(k for k in wanted if started.get(k) != wanted[k])
    if differing:
        raise ModelError(
            f"The unfinished run of model `{name}` has other settings ({', '.join(differing)}). "
            f"Use the same ones, or remove `{work}`."
        )


def read_curve(work: Path) -> list[dict[str, Any]]:
    """The reports of an unfinished run so far.

    Raises:
        ModelError: their file is damaged.
    """
    path = work / "curve.json"
    if not path.exists():
        return []
    reports: Any = read_json(path, ModelError).get("reports")
    whole = fits(reports, list[dict[str, Any]])
    if not whole or not all(fits(one.get("step"), int) for one in reports):
        raise ModelError(
            f"`{path}` is damaged: it holds no list of reports. Restore the file, or discard the "
            "run."
        )
    return list(reports)
