"""Many queries over several threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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
    threads = threads or _processors()
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


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
