"""Blocks of work as tasks of Ray, on any core of any machine; their results come in order."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lsr.exceptions import InputError, QueryError, shorten
from lsr.storage.cluster import RETRIES, opened_ray, result_of

Block = TypeVar("Block")
Made = TypeVar("Made")
ENGINES = ("threads", "ray")
# Blocks in flight for each that is being worked on: one is computed while the next waits for it.
_AHEAD = 2


class Spread:
    """Calls a function with blocks, anywhere; the results come in their order.

    Only a bounded number of blocks is in flight, so memory here does not grow with their number.

    threads: cores of a task that is to compute the same floats as the plain command. A sum is
        rounded otherwise by another number of threads.
    gpus: in all. threads_a_gpu: cores of a task beside a GPU.
    """

    def __init__(self, ray: Any) -> None:
        import torch

        self._ray = ray
        there = [one["Resources"] for one in ray.nodes() if one["Alive"]]
        machines = [int(one["CPU"]) for one in there if one.get("CPU", 0) >= 1]
        self._cores = max(1, sum(machines))
        self.threads = max(1, min(torch.get_num_threads(), *machines))
        with_gpus = [one for one in there if one.get("GPU", 0) >= 1]
        self.gpus = int(sum(one["GPU"] for one in with_gpus))
        shares = [int(one.get("CPU", 1) // one["GPU"]) for one in with_gpus]
        self.threads_a_gpu = max(1, min(shares, default=1))

    def __call__(
        self,
        work: Callable[[Block], Made],
        blocks: Iterable[Block],
        noun: str,
        *,
        threads: int = 1,
        on_gpus: bool = False,
    ) -> Generator[Made]:
        """What `work` makes of each block.

        Args:
            work: sent to every machine once. noun: of a block, for messages. threads: of a task,
                which waits for as many cores. on_gpus: a task waits for a GPU too.

        Raises:
            InputError: what `work` raised, or a block that failed three times.
        """
        at_once = max(1, self.gpus if on_gpus else self._cores // threads)
        remote = self._ray.remote(max_retries=RETRIES, retry_exceptions=[OSError])(_worked)
        remote = remote.options(num_cpus=threads, num_gpus=1 if on_gpus else 0)
        sent = self._ray.put(work)
        flying: deque[tuple[str, Any]] = deque()
        try:
            for number, block in enumerate(blocks, 1):
                if len(flying) == _AHEAD * at_once:
                    yield self._landed(*flying.popleft())
                flying.append((f"Block {number:,} of {noun}", remote.remote(sent, block, threads)))
            while flying:
                yield self._landed(*flying.popleft())
        finally:
            for _, task in flying:
                self._ray.cancel(task, force=True)

    def _landed(self, label: str, task: Any) -> Any:
        kind, made = result_of(self._ray, task, label)
        if kind is not None:
            raise kind(made)
        return made


@contextmanager
def spreading(engine: str) -> Iterator[Spread | None]:
    """What spreads work over Ray; None where it is to stay in this process.

    Args:
        engine: one of ENGINES. Ray is that of `$RAY_ADDRESS`, else one of its own.

    Raises:
        EngineError: Ray cannot be used.
        QueryError: another engine.
    """
    check_engine(engine)
    if engine != "ray":
        yield None
        return
    with opened_ray(os.cpu_count() or 1, 1) as ray:
        yield Spread(ray)


def check_engine(engine: str) -> None:
    """Refuse what is none of ENGINES.

    Raises:
        QueryError: it is not.
    """
    if engine not in ENGINES:
        raise QueryError(f"There is no engine `{shorten(engine)}`. Use {' or '.join(ENGINES)}.")


def this_machine() -> str:
    """What messages call the machine of a task."""
    return socket.gethostname()


def _worked(
    work: Callable[[Any], Any], block: Any, threads: int
) -> tuple[type[InputError] | None, Any]:
    """(None, what was made), or the class and text of what a user can mend."""
    import numba
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(threads, user_api="blas"):
            return None, work(block)
    except InputError as problem:
        return type(problem), str(problem)
