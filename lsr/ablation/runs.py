"""Running an ablation: every run in a process of its own, its result in a file of its own.

The processes are this machine's, or Ray's on one machine or several.

Into FOLDER go runs.parquet, mismatch.parquet and ablation.json; finished runs are kept in
FOLDER/.runs, one JSON file each, and a killed ablation goes on from them.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lsr.ablation.grid import Grid
from lsr.ablation.processes import finished
from lsr.ablation.ray_tasks import finished_on_ray
from lsr.ablation.run_tables import MISMATCH_COLUMNS, RUN_COLUMNS, Row, write_table
from lsr.ablation.task import Task
from lsr.collection.collection import Collection
from lsr.evaluation.pairs import load_pairs
from lsr.exceptions import ModelError, QueryError
from lsr.storage.files import read_json, write_json
from lsr.storage.locks import exclusive
from lsr.training.device import training_device
from lsr.training.train_model import measured_split

ENGINES: dict[str, Callable[[dict[str, Task], int], Generator[str]]] = {
    "processes": finished,
    "ray": finished_on_ray,
}


@dataclass(frozen=True)
class AblationReport:
    """Where an ablation stands.

    done, planned: runs, those finished by an earlier call included.
    row: of the run that has just finished, as in runs.parquet but for `study`; None in the
        first report. seconds_left: an estimate; None before the first run has finished.
    """

    done: int
    planned: int
    row: Row | None
    seconds_left: float | None


def ablate(
    collection: Collection,
    folder: Path,
    grid: Grid,
    studies: Sequence[str],
    *,
    workers: int | None = None,
    command: str = "",
    engine: str = "processes",
) -> Generator[AblationReport]:
    """Train and measure the runs of some studies, a report at each; write tables at the end.

    Finished runs are not trained again. Stop by no longer iterating: the tables then hold what
    is finished, those of earlier calls into the same folder included.

    Args:
        folder: made when it is not there.
        workers: runs at once; each has cores / workers threads. None: `default_workers`.
        command: kept in ablation.json.
        engine: one of ENGINES. Ray is that of `$RAY_ADDRESS`, else one of its own; there each run
            asks for as many cores as here, and how many go at once is Ray's to say.

    Raises:
        EngineError: Ray cannot be used, or a run failed there three times.
        QueryError: a grid that cannot be trained, no worker, or a folder that holds an ablation
            of another collection or recipe, or that another ablation is writing.
        CollectionError, UnknownNameError: the collection cannot be trained on, or has no such
            query set.
        ModelError: a run could not be finished.
    """
    if engine not in ENGINES:
        raise QueryError(f"There is no engine `{engine}`. Use {' or '.join(ENGINES)}.")
    collection.check_captions()
    grid.check(len(collection.image_rows("train")))
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise QueryError(f"An ablation with {workers} workers is not possible. Use 1 or more.")
    # Captions without vectors are encoded here, once, and not by every worker.
    for split in {"train", "val", *collection.splits} & {"train", "val", "test"}:
        load_pairs(collection, split)
    if grid.queries:
        load_pairs(collection, measured_split(collection), queries=grid.queries)
    ablation = _Ablation(collection, folder, grid)
    with _alone(folder):
        ablation.plan(studies, command, workers)
        try:
            yield from ablation.run(ENGINES[engine](ablation.pending, workers))
        finally:
            ablation.write_tables()


def default_workers() -> int:
    """One for each core, four at most.

    On two busy cores two runs of one thread each took 92 s, one of two threads 110 s. A run takes
    2 to 4 GB of memory at the bundled vocabulary, hence the limit.
    """
    return min(_cores(), 4)


def threads_for(workers: int) -> int:
    """Threads of each worker: together they fill the cores."""
    return max(1, _cores() // workers)


def _cores() -> int:
    return os.cpu_count() or 1


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second ablation out of the folder; the lock goes with its process."""
    runs = folder / ".runs"
    try:
        runs.mkdir(parents=True, exist_ok=True)
        (runs / "lock").touch()
    except OSError as problem:
        raise QueryError(
            f"`{folder}` cannot be written to ({problem.strerror}). Give another --out."
        ) from None
    taken = QueryError(
        f"Another ablation is writing into `{folder}`. Wait for it, or give another --out."
    )
    with exclusive(runs / "lock", taken):
        yield


class _Ablation:
    """The runs planned for a folder, and which of them are finished."""

    def __init__(self, collection: Collection, folder: Path, grid: Grid) -> None:
        self.collection, self.folder, self.grid = collection, folder, grid
        self.card: dict[str, Any] = {}
        self.pending: dict[str, Task] = {}

    def file(self, run: str) -> Path:
        return self.folder / ".runs" / f"{run}.json"

    def plan(self, studies: Sequence[str], command: str, workers: int) -> None:
        """Write into ablation.json what is to be run, beside what was planned before."""
        mark, path = self.collection.fingerprint, self.folder / "ablation.json"
        before = read_json(path, QueryError) if path.exists() else {}
        # A plan of which no run was ever finished binds nobody.
        if before.get("finished_runs") or any(path.parent.glob(".runs/*.json")):
            self._check(before)
        else:
            before = {}
        planned: dict[str, list[str]] = dict(before.get("studies", {}))
        for study in studies:
            runs = {self.grid.key(settings, mark): settings for settings in self.grid.runs(study)}
            planned[study] = list(dict.fromkeys([*planned.get(study, []), *runs]))
            for run, settings in runs.items():
                if not self.file(run).exists():
                    self.pending[run] = Task(
                        self.collection.folder,
                        settings,
                        self.grid.n_images,
                        self.grid.queries,
                        self.file(run),
                        threads_for(workers),
                    )
        self.card = {
            "commands": list(dict.fromkeys([*before.get("commands", []), command])),
            "collection": {"name": self.collection.name, "fingerprint": mark},
            "constants": self.grid.constants(),
            "studies": planned,
            "workers": workers,
            "threads_per_worker": threads_for(workers),
            "device": training_device(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "finished_runs": before.get("finished_runs", 0),
        }
        write_json(path, self.card)

    def _check(self, before: dict[str, Any]) -> None:
        theirs = before.get("collection", {"name": "unknown", "fingerprint": "none"})
        if theirs["fingerprint"] != self.collection.fingerprint:
            raise QueryError(
                f"`{self.folder}` holds an ablation of collection `{theirs['name']}` "
                f"({theirs['fingerprint']}), not of `{self.collection.name}` "
                f"({self.collection.fingerprint}). Give another --out."
            )
        ours, old = self.grid.constants(), before.get("constants", {})
        if differing := sorted(name for name in ours if ours[name] != old.get(name, "")):
            values = ", ".join(f"{n.replace('_', ' ')} {old.get(n)}" for n in differing)
            raise QueryError(
                f"`{self.folder}` holds an ablation with other settings ({values}). "
                "Use the same ones, or give another --out."
            )

    @property
    def runs(self) -> list[str]:
        """The planned runs, each once."""
        return list(dict.fromkeys(run for runs in self.card["studies"].values() for run in runs))

    def run(self, finishing: Generator[str]) -> Iterator[AblationReport]:
        """Do what is pending.

        Args:
            finishing: names of the runs as they are finished.
        """
        total, started, work_done = len(self.runs), time.perf_counter(), 0
        done = total - len(self.pending)
        left = sum(_work(task) for task in self.pending.values())
        yield AblationReport(done, total, None, None)
        with closing(finishing) as runs:
            for run in runs:
                one = _work(self.pending[run])
                work_done, left, done = work_done + one, left - one, done + 1
                seconds_left = (time.perf_counter() - started) / work_done * left
                yield AblationReport(done, total, self.result(run)["row"], seconds_left)

    def result(self, run: str) -> dict[str, Any]:
        return read_json(self.file(run), ModelError)

    def write_tables(self) -> None:
        """Write what is finished, unless the tables there hold more."""
        results = {run: self.result(run) for run in self.runs if self.file(run).exists()}
        if len(results) < max(1, self.card["finished_runs"]):
            return
        studies = self.card["studies"]
        trained = {"controls": [*studies.get("controls", []), *studies.get("mismatch", [])]}
        rows = [
            {"study": study, "run": run, **results[run]["row"]}
            for study, runs in {**trained, "size": studies.get("size", [])}.items()
            for run in dict.fromkeys(runs)
            if run in results
        ]
        cells = [
            {"run": run, **cell}
            for run in studies.get("mismatch", [])
            if run in results
            for cell in results[run]["mismatch"]
        ]
        write_table(self.folder / "runs.parquet", rows, RUN_COLUMNS)
        write_table(self.folder / "mismatch.parquet", cells, MISMATCH_COLUMNS)
        write_json(self.folder / "ablation.json", {**self.card, "finished_runs": len(results)})


def _work(task: Task) -> int:
    """How long a run takes, in no unit: a step at hidden size 768 about twice one at 128."""
    return task.settings.hidden_size + 500
