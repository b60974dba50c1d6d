"""The caption's coin and the mean score: knobs that mix literal and expansion terms."""

from __future__ import annotations

import numpy as np

from lsr.evaluation.passes import (
    COSTS,
    MEASURES,
    TOP_TERMS,
    Pass,
    Record,
    arrays,
    nested,
    query_arrays,
    rank_means,
)
from lsr.evaluation.task import Task
from lsr.kernels import sweep_coins, sweep_ranks, sweep_terms


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


def _literal_then_all(task: Task) -> Pass:
    return nested(task, 2, {"captions": np.where(task.captions.said, 0, 1).astype(np.int32)})


def coin_of_queries(task: Task, rates: np.ndarray) -> list[Record]:
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


def coin_of_documents(task: Task, rates: np.ndarray) -> list[Record]:
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
    teacher_top = task.teacher_top  # before the lock, which working it out takes as well
    with sweep_ranks.ONE_AT_A_TIME:
        found: tuple[np.ndarray, np.ndarray] = sweep_coins.coin_measures(
            *arrays(postings),
            task.documents.said[postings.entries],
            len(task.documents),
            *query_arrays(task.queries),
            np.asarray(rates, np.float64),
            starts,
            rows,
            teacher_top,
            10,
        )
    return found


def mean_score(task: Task, rates: np.ndarray) -> list[Record]:
    """Ranking by literal score + p × expansion score; all terms take part as soon as p > 0."""
    postings, queries = task.documents.postings, task.queries
    starts, rows = task.relevant
    captions_ask = task.queries_are == "captions"
    query_said = queries.said if captions_ask else np.ones(queries.matrix.nnz, bool)
    posting_said = (
        np.ones(len(postings.rows), bool) if captions_ask else task.documents.said[postings.entries]
    )
    teacher_top = task.teacher_top
    with sweep_ranks.ONE_AT_A_TIME:
        ranks, shared = sweep_ranks.mean_ranks(
            *arrays(postings),
            posting_said,
            len(task.documents),
            *query_arrays(queries),
            query_said,
            np.asarray(rates, np.float32),
            starts,
            rows,
            teacher_top,
        )
    ends = _literal_then_all(task).records()
    exact, semantic = _mean_quality(task, rates)
    records = []
    for place, p in enumerate(rates):
        record = {
            **ends[1 if p > 0 else 0],
            **rank_means(ranks[:, place]),
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
    with sweep_ranks.ONE_AT_A_TIME:
        exact, semantic = sweep_terms.mean_term_quality(
            captions.starts,
            captions.by_weight,
            captions.terms,
            captions.matrix.data,
            captions.said,
            np.zeros(captions.matrix.nnz, np.float32) if closeness is None else closeness,
            np.asarray(rates, np.float32),
            TOP_TERMS,
        )
    return exact, None if closeness is None else semantic
