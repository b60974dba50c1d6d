"""Many queries, or the parts of one, over several threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from lsr.exceptions import QueryError

# Small parts keep all threads busy to the end.
_PARTS_EACH = 8
# Starting threads takes about as long as work of so many seconds; a few queries tell its length.
_WORTH_THREADS, _FEW = 0.003, 16


def each_part(work: Callable[[int, int], None], n: int, threads: int | None) -> None:
    """Call `work(first, last)` for parts of 0 … n that together are all of it.

    Raises:
        QueryError: fewer than one thread.
    """
    if threads is not None and threads < 1:
        raise QueryError(f"{threads} threads cannot search. Use 1 or more.")
    threads = threads or processors()
    first = min(n, _FEW)
    started = time.perf_counter()
    work(0, first)
    left = (time.perf_counter() - started) * (n - first) / max(first, 1)
    if threads == 1 or left < _WORTH_THREADS:
        work(first, n)
        return
    size = max(1, -(-(n - first) // (threads * _PARTS_EACH)))
    with ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(work, at, min(at + size, n)) for at in range(first, n, size)]
        for part in parts:
            part.result()


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers of a few short works, done at once where processors are free.

    Other threads begin at the front, the calling one at the end: it waits for none but those that
    have been begun when nothing else is left.
    """
    others = [_others().submit(work) for work in works[:-1]]
    answers = [works[-1]()]
    for work, other in zip(reversed(works[:-1]), reversed(others), strict=True):
        answers.append(work() if other.cancel() else other)
    return [one.result() if isinstance(one, Future) else one for one in reversed(answers)]


@cache
def _others() -> ThreadPoolExecutor:
    """Threads that stay: to start one takes a good part of a query."""
    return ThreadPoolExecutor(max(1, processors() - 1), "search")


def processors() -> int:
    """How many this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
