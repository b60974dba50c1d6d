"""How long a search takes in the compiled loop."""

from __future__ import annotations

import statistics
import time

import numpy as np

from lsr.evaluation.passes import arrays, query_arrays
from lsr.evaluation.task import Task
from lsr.exceptions import QueryError
from lsr.kernels import postings as search_kernels
from lsr.sweep.knobs import RANKINGS, Knob, drawn, literal_only, set_to

_TIMED_QUERIES, _TIMED_RUNS = 300, 5


def latency(task: Task) -> float:
    """Median microseconds that one query takes, in the compiled loop, on one thread, top 10.

    The machine's noise is in it: compare figures of one run only.
    """
    queries, postings = task.queries, task.documents.postings
    rows = np.linspace(0, len(queries) - 1, min(_TIMED_QUERIES, len(queries))).astype(int)
    sample = queries.pick(np.unique(rows)) if len(queries) else queries
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        search_kernels.search_all(*arrays(postings), len(task.documents), *query_arrays(sample), 10)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / max(len(sample), 1) * 1e6


def latencies(task: Task, knob: Knob, values: np.ndarray, seed: int = 0) -> list[float]:
    """`latency` at every value; of the first draw where the knob draws.

    Raises:
        QueryError: the knob ranks in a way that the compiled loop does not have.
    """
    if knob.control in RANKINGS:
        raise QueryError(
            f"`{knob}` is not timed: only the search loop itself is. Choose another cost."
        )
    if knob.control in ("caption", "mean"):
        low, high = latency(literal_only(task)), latency(task)
        if knob.control == "caption":
            return [(1 - p) * low + p * high for p in values]
        return [high if p > 0 else low for p in values]
    if knob.random:
        return [latency(drawn(task, knob, value, 0, seed)) for value in values]
    return [latency(set_to(task, knob, value)) for value in values]
