"""The runs of an ablation as tasks of Ray, which schedules, moves and retries them."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numba
import torch

from lsr.ablation.run_process import train_and_measure
from lsr.ablation.task import Task, run_name
from lsr.collection.collection import load_collection
from lsr.exceptions import EngineError, InputError
from lsr.storage.cluster import RETRIES, opened_ray, result_of
from lsr.storage.files import write_json
from lsr.training.device import training_device


def finished_on_ray(tasks: dict[str, Task], workers: int) -> Generator[str]:
    """Names of the tasks in the order in which Ray finishes them, each file written.

    The collection's folder must be the same on every machine; files are written here alone.

    Raises:
        EngineError: as `opened_ray`.
        EngineError: a run refused its settings, or its worker ended three times.
    """
    if not tasks:
        return
    threads = next(iter(tasks.values())).threads
    with opened_ray(threads * workers, threads) as ray:
        # A worker for each run alone, so that its peak memory is its own too.
        remote = ray.remote(max_calls=1, max_retries=RETRIES, retry_exceptions=[OSError])(do_task)
        gpus = 1 / workers if training_device() == "cuda" else 0
        pending = {
            remote.options(num_cpus=threads, num_gpus=gpus, name=run).remote(task): run
            for run, task in tasks.items()
        }
        try:
            while pending:
                (ready,), _ = ray.wait(list(pending), num_returns=1)
                run = pending.pop(ready)
                write_json(tasks[run].file, _result(ray, ready, tasks[run]))
                yield run
        finally:
            for unfinished in pending:
                ray.cancel(unfinished, force=True)


def do_task(task: Task) -> dict[str, Any] | str:
    """Train and measure one run; in place of its result, what a user can mend."""
    torch.set_num_threads(task.threads)
    numba.set_num_threads(min(task.threads, numba.config.NUMBA_NUM_THREADS))
    with tempfile.TemporaryDirectory() as unfinished:
        try:
            return train_and_measure(
                load_collection(task.collection),
                task.settings,
                task.n_images,
                Path(unfinished, "run"),
                task.queries,
            )
        except InputError as problem:
            return str(problem)


def _result(ray: Any, ready: Any, task: Task) -> dict[str, Any]:
    what = f"The run {run_name(task)}"
    result = result_of(ray, ready, what)
    if isinstance(result, str):
        raise EngineError(f"{what} was not finished. {result} The same command goes on.")
    return dict(result)
