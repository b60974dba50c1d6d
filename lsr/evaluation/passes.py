"""One pass over the postings of a task with terms switched on stage by stage, and its records.

A record is what one setting gives in one draw: flat, with the keys of the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES, per_query
from lsr.evaluation.task import Postings, Side, Task
from lsr.kernels import sweep_ranks, sweep_terms

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
TOP_TERMS = 20


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
    teacher_top = task.teacher_top  # before the lock, which working it out takes as well
    with sweep_ranks.ONE_AT_A_TIME:
        results = sweep_ranks.staged_ranks(
            *arrays(postings),
            posting_stages,
            len(task.documents),
            *query_arrays(queries),
            query_stages.astype(np.int32),
            n_stages,
            starts,
            rows,
            teacher_top,
        )
    return Staged(*results)


def arrays(postings: Postings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Postings as the compiled loops take them."""
    return postings.starts, postings.rows, postings.weights


def query_arrays(queries: Side) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries as the compiled loops take them."""
    return queries.starts, queries.terms, queries.matrix.data


@dataclass(frozen=True)
class Pass:
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
        values["overlap@10"] = self.found.shared / depth
        if self.task.says:
            values["exact@20"] = self.exact
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


def nested(task: Task, n_stages: int, stages: dict[str, np.ndarray]) -> Pass:
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
    return Pass(task, found, *_term_quality(task, n_stages, stages.get("captions")), kept)


def _of_asking(task: Task, stages: np.ndarray) -> np.ndarray:
    """Stages of the entries of `task.queries`, given those of its whole side."""
    starts = task.side(task.queries_are).starts
    spans = [np.arange(starts[row], starts[row + 1]) for row in task.asking]
    return stages[np.concatenate(spans)] if spans else stages[:0]


def rank_means(ranks: np.ndarray) -> dict[str, float]:
    """Every measure of a ranking, averaged over queries (q,)."""
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
    with sweep_ranks.ONE_AT_A_TIME:
        exact, semantic = sweep_terms.staged_term_quality(
            captions.starts,
            captions.by_weight,
            stages.astype(np.int32),
            n_stages,
            captions.said,
            np.zeros(captions.matrix.nnz, np.float32) if closeness is None else closeness,
            TOP_TERMS,
        )
    return exact, None if closeness is None else semantic
