"""Measures of a task at every value of a knob, from as few passes over the postings as possible.

Word-level control and every pruning switch terms on in nested steps, so all their values come from
one staged pass. The caption level is exact in closed form: with text as queries from two stages,
with captions as documents from binomial numbers. The mean score and rounded weights are
deterministic.

A record is what one value gives in one draw: flat, with the keys of the command line.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsr.index import kernels as search_kernels
from lsr.measures import RANK_MEASURES, per_query
from lsr.sweep import kernels
from lsr.sweep.knobs import (
    Knob,
    drawn,
    literal_only,
    pruning_stages,
    set_to,
    stage_order,
    word_draw,
    word_stages,
)
from lsr.sweep.task import Postings, Side, Task

Record = dict[str, Any]

MEASURES = (*RANK_MEASURES, "exact@20", "semantic@20", "overlap@10")
COSTS = (
    "active_terms_query",
    "active_terms_document",
    "flops",
    "posting_cost",
    "index_bytes",
    "latency_us",
)
_TOP_TERMS = 20
_TIMED_QUERIES, _TIMED_RUNS = 300, 5


@dataclass(frozen=True)
class Staged:
    """What a staged pass gives, each (queries, stages); `shared` of the teacher's ten."""

    ranks: np.ndarray
    active: np.ndarray
    cost: np.ndarray
    shared: np.ndarray


def run_stages(
    task: Task,
    n_stages: int,
    query_stages: np.ndarray | None = None,
    document_stages: np.ndarray | None = None,
) -> Staged:
    """Rank every query's answer with terms switched on at their stages.

    Args:
        query_stages, document_stages: (nnz,) of `task.queries` and `task.documents`; n_stages =
            never; None = from the start.
    """
    queries, postings = task.queries, task.documents.postings
    posting_stages = np.zeros(len(postings.rows), np.int32)
    if document_stages is not None:
        postings, posting_stages = postings.staged(document_stages)
    if query_stages is None:
        query_stages = np.zeros(queries.matrix.nnz, np.int32)
    starts, rows = task.relevant
    with kernels.ONE_AT_A_TIME:
        results = kernels.staged_ranks(
            *_arrays(postings),
            posting_stages,
            len(task.documents),
            *_query_arrays(queries),
            query_stages.astype(np.int32),
            n_stages,
            starts,
            rows,
            task.teacher_top,
        )
    return Staged(*results)


def _arrays(postings: Postings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return postings.starts, postings.rows, postings.weights


def _query_arrays(queries: Side) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return queries.starts, queries.terms, queries.matrix.data


@dataclass(frozen=True)
class _Pass:
    """A staged pass with all that records are made of.

    exact, semantic: (m, stages) of the captions. kept: (stages,) postings of the index.
    """

    task: Task
    found: Staged
    exact: np.ndarray
    semantic: np.ndarray | None
    kept: np.ndarray

    def per_query(self) -> dict[str, np.ndarray]:
        """(queries or captions, stages) values of every measure."""
        depth = max(self.task.teacher_top.shape[1], 1)
        values = {name: per_query(self.found.ranks, name) for name in RANK_MEASURES}
        if self.task.ranks_only:
            return values
        values |= {"exact@20": self.exact, "overlap@10": self.found.shared / depth}
        return values if self.semantic is None else {**values, "semantic@20": self.semantic}

    def records(self) -> list[Record]:
        """One for each stage, without its value."""
        n_documents = max(len(self.task.documents), 1)
        means = {name: values.mean(axis=0) for name, values in self.per_query().items()}
        cost, active = self.found.cost.mean(axis=0), self.found.active.mean(axis=0)
        return [
            {
                **{name: float(means[name][at]) if name in means else None for name in MEASURES},
                "active_terms_query": float(active[at]),
                "active_terms_document": float(self.kept[at] / n_documents),
                "flops": float(cost[at] / n_documents),
                "posting_cost": float(cost[at]),
                "index_bytes": index_bytes(self.task, float(self.kept[at])),
                "draw": 0,
            }
            for at in range(len(cost))
        ]


def measure(
    task: Task, knob: Knob, values: np.ndarray, *, draw: int = 0, seed: int = 0
) -> list[Record]:
    """A record for each of ascending `values`; of one draw where the knob draws."""
    match knob.control:
        case "caption" if task.direction == "text-to-image":
            return _coin_of_queries(task, values)
        case "caption":
            return _coin_of_documents(task, values)
        case "mean":
            return _mean_score(task, values)
        case "bits":
            # Rounding does not switch terms on in steps, so every value is a task of its own.
            tasks = [set_to(task, knob, value) for value in values]
            passes = [_nested(changed, 1, {}).records()[0] for changed in tasks]
            return [{**r, "value": float(v)} for r, v in zip(passes, values, strict=True)]
    if knob.random:
        uniform = word_draw(task, knob, draw, seed)
        stages = {"captions": word_stages(task.captions, values, uniform)}
    else:
        stages = {which: pruning_stages(task.side(which), knob, values) for which in knob.sides}
    records = _nested(task, len(values), stages).records()
    named = zip(stage_order(knob, values), records, strict=True)
    ordered = sorted(((float(value), record) for value, record in named), key=lambda pair: pair[0])
    return [{**record, "value": value, "draw": draw} for value, record in ordered]


def _nested(task: Task, n_stages: int, stages: dict[str, np.ndarray]) -> _Pass:
    """One pass over stages.

    Args:
        stages: (nnz,) by side, for the sides that have any.
    """
    asked = stages.get(task.queries_are)
    if asked is not None and len(task.queries) != len(task.side(task.queries_are)):
        asked = _of_asking(task, asked)
    joined = stages.get(task.documents_are)
    kept = np.full(n_stages, task.documents.matrix.nnz)
    if joined is not None:
        kept = np.cumsum(np.bincount(joined, minlength=n_stages + 1)[:n_stages])
    found = run_stages(task, n_stages, asked, joined)
    return _Pass(task, found, *_term_quality(task, n_stages, stages.get("captions")), kept)


def _of_asking(task: Task, stages: np.ndarray) -> np.ndarray:
    """Stages of the entries of `task.queries`, given those of its whole side."""
    starts = task.side(task.queries_are).starts
    spans = [np.arange(starts[row], starts[row + 1]) for row in task.asking]
    return stages[np.concatenate(spans)] if spans else stages[:0]


def _rank_means(ranks: np.ndarray) -> dict[str, float]:
    return {name: float(per_query(ranks, name).mean()) for name in RANK_MEASURES}


def index_bytes(task: Task, postings: float) -> float:
    """Bytes of an index of so many postings: 4 for an id, and the weight; 8 for each term."""
    return postings * (4 + task.weight_bits / 8) + 8 * (task.documents.matrix.shape[1] + 1)


def _term_quality(
    task: Task, n_stages: int, stages: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Exact@20 and Semantic@20 of every caption, (m, stages) each; none where nobody asks."""
    captions = task.captions
    if task.ranks_only:
        return np.zeros((0, n_stages)), None
    if stages is None:
        stages = np.zeros(captions.matrix.nnz, np.int32)
    closeness = task.closeness
    with kernels.ONE_AT_A_TIME:
        exact, semantic = kernels.staged_term_quality(
            captions.starts,
            captions.by_weight,
            stages.astype(np.int32),
            n_stages,
            captions.said,
            np.zeros(captions.matrix.nnz, np.float32) if closeness is None else closeness,
            _TOP_TERMS,
        )
    return exact, None if closeness is None else semantic


def _overlap(task: Task, shared: np.ndarray) -> float | None:
    """Mean share of the teacher's ten, given how many each query shares."""
    if task.ranks_only:
        return None
    return float(shared.mean() / max(task.teacher_top.shape[1], 1))


def _mixed(ends: list[Record], p: float) -> Record:
    """Expectation over one coin: the first record with probability 1 − p, else the second."""
    low, high = ends
    mixed = {
        name: None if low[name] is None else (1 - p) * low[name] + p * high[name]
        for name in (*MEASURES, *COSTS)
        if name in low
    }
    return {**mixed, "value": float(p), "draw": 0}


def _literal_then_all(task: Task) -> _Pass:
    return _nested(task, 2, {"captions": np.where(task.captions.said, 0, 1).astype(np.int32)})


def _coin_of_queries(task: Task, rates: np.ndarray) -> list[Record]:
    """Exact: with probability 1 − p a query is its literal part A, with p it is A + B.

    E[M] = (1 − p) M(A) + p M(A + B); Var = p (1 − p) / N² Σ_q (M_q(A + B) − M_q(A))².
    """
    ends = _literal_then_all(task)
    spread = {
        name: float(np.sqrt(((v[:, 1] - v[:, 0]) ** 2).sum()) / max(len(v), 1))
        for name, v in ends.per_query().items()
    }
    records = ends.records()
    return [
        {
            **_mixed(records, p),
            **{f"{name}_std": float(np.sqrt(p * (1 - p))) * s for name, s in spread.items()},
        }
        for p in rates
    ]


def _coin_of_documents(task: Task, rates: np.ndarray) -> list[Record]:
    """Exact means where every caption of the index tosses a coin; deviations have no closed form,
    because all queries meet the same coins."""
    ends = _literal_then_all(task).records()
    found, shared = _coins(task, rates)
    at = found.mean(axis=0)
    first = np.diff(at, axis=1, prepend=0.0)
    return [
        {
            **_mixed(ends, p),
            **dict.fromkeys((f"{name}_std" for name in MEASURES), None),
            **{f"R@{k}": float(at[place, k - 1]) for k in (1, 5, 10)},
            "MRR@10": float(first[place] @ (1 / np.arange(1, 11))),
            "overlap@10": _overlap(task, shared[:, place]),
        }
        for place, p in enumerate(rates)
    ]


def chances_of_documents(task: Task, rates: np.ndarray) -> np.ndarray:
    """(q, rates, 10): the chance that the best right caption's rank is at most 1 … 10."""
    return _coins(task.without_teacher(), rates)[0]


def _coins(task: Task, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    postings = task.documents.postings
    starts, rows = task.relevant
    with kernels.ONE_AT_A_TIME:
        found: tuple[np.ndarray, np.ndarray] = kernels.coin_measures(
            *_arrays(postings),
            task.documents.said[postings.entries],
            len(task.documents),
            *_query_arrays(task.queries),
            np.asarray(rates, np.float64),
            starts,
            rows,
            task.teacher_top,
            10,
        )
    return found


def _mean_score(task: Task, rates: np.ndarray) -> list[Record]:
    """Ranking by literal score + p × expansion score; all terms take part as soon as p > 0."""
    postings, queries = task.documents.postings, task.queries
    starts, rows = task.relevant
    captions_ask = task.queries_are == "captions"
    query_said = queries.said if captions_ask else np.ones(queries.matrix.nnz, bool)
    posting_said = (
        np.ones(len(postings.rows), bool) if captions_ask else task.documents.said[postings.entries]
    )
    with kernels.ONE_AT_A_TIME:
        ranks, shared = kernels.mean_ranks(
            *_arrays(postings),
            posting_said,
            len(task.documents),
            *_query_arrays(queries),
            query_said,
            np.asarray(rates, np.float32),
            starts,
            rows,
            task.teacher_top,
        )
    ends = _literal_then_all(task).records()
    exact, semantic = _mean_quality(task, rates)
    records = []
    for place, p in enumerate(rates):
        record = {
            **ends[1 if p > 0 else 0],
            **_rank_means(ranks[:, place]),
            "overlap@10": _overlap(task, shared[:, place]),
            "value": float(p),
        }
        if p > 0 and not task.ranks_only:
            record["exact@20"] = float(exact[:, place].mean())
            record["semantic@20"] = None if semantic is None else float(semantic[:, place].mean())
        records.append(record)
    return records


def _mean_quality(task: Task, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Exact@20 and Semantic@20 of every caption at every rate, (m, rates) each."""
    captions, closeness = task.captions, task.closeness
    with kernels.ONE_AT_A_TIME:
        exact, semantic = kernels.mean_term_quality(
            captions.starts,
            captions.by_weight,
            captions.terms,
            captions.matrix.data,
            captions.said,
            np.zeros(captions.matrix.nnz, np.float32) if closeness is None else closeness,
            np.asarray(rates, np.float32),
            _TOP_TERMS,
        )
    return exact, None if closeness is None else semantic


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
        search_kernels.search_all(
            *_arrays(postings), len(task.documents), *_query_arrays(sample), 10
        )
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / max(len(sample), 1) * 1e6


def latencies(task: Task, knob: Knob, values: np.ndarray, seed: int = 0) -> list[float]:
    """`latency` at every value; of the first draw where the knob draws."""
    if knob.control in ("caption", "mean"):
        low, high = latency(literal_only(task)), latency(task)
        if knob.control == "caption":
            return [(1 - p) * low + p * high for p in values]
        return [high if p > 0 else low for p in values]
    if knob.random:
        return [latency(drawn(task, knob, value, 0, seed)) for value in values]
    return [latency(set_to(task, knob, value)) for value in values]
