"""Processes that train the runs of an ablation, some at a time."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

from lsr.ablation.run_process import do
from lsr.ablation.task import Task, run_name
from lsr.exceptions import ModelError


@dataclass(frozen=True)
class _Running:
    run: str
    process: SpawnProcess
    complaints: Connection


def finished(tasks: dict[str, Task], workers: int) -> Generator[str]:
    """Names of the tasks in the order in which their processes finish them."""
    waiting = list(tasks)
    running: dict[int, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                one = _start(waiting[0], tasks[waiting.pop(0)])
                running[one.process.sentinel] = one
            for sentinel in wait(list(running)):
                one = running.pop(cast(int, sentinel))
                _check_ended(one, tasks[one.run])
                yield one.run
    finally:
        for one in running.values():
            one.process.terminate()
            one.process.join()
        for task in tasks.values():
            shutil.rmtree(task.file.with_suffix(".training"), ignore_errors=True)


def _start(run: str, task: Task) -> _Running:
    """A process of its own, so that its peak memory is its own too."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=do, args=(task, theirs))
    with _ctrl_c_stays_here():
        process.start()
    theirs.close()
    return _Running(run, process, ours)


@contextmanager
def _ctrl_c_stays_here() -> Iterator[None]:
    """A terminal sends Ctrl+C to every process; one that starts meanwhile is not to end by it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _check_ended(one: _Running, task: Task) -> None:
    """Refuse a process that ended without a result.

    Raises:
        ModelError: with what it said, or how it ended.
    """
    one.process.join()
    if task.file.exists():
        return
    try:
        reason = str(one.complaints.recv())
    except EOFError:
        reason = (
            f"Its process ended with code {one.process.exitcode} (−9 is often too little memory: "
            "use fewer --workers)."
        )
    raise ModelError(
        f"The run {run_name(task)} was not finished. {reason} The same command goes on."
    )
