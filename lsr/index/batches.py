"""Many queries over several threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lsr.exceptions import QueryError

# Small parts keep all threads busy to the end.
_PARTS_EACH = 8


def each_part(work: Callable[[int, int], None], n: int, threads: int | None) -> None:
    """Call `work(first, last)` for parts of 0 … n that together are all of it.

    Raises:
        QueryError: fewer than one thread.
    """
    if threads is not None and threads < 1:
        raise QueryError(f"{threads} threads cannot search. Use 1 or more.")
    threads = threads or _processors()
    if threads == 1 or n <= 1:
        work(0, n)
        return
    size = max(1, -(-n // (threads * _PARTS_EACH)))
    with ThreadPoolExecutor(threads) as pool:
        parts = [pool.submit(work, at, min(at + size, n)) for at in range(0, n, size)]
        for part in parts:
            part.result()


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
