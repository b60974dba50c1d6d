"""Rules by which search engines save work or mix scores, under the names that they have there.

OpenSearch: `prune_type` of the sparse_encoding processor, `two_phase_parameter` of the
neural_sparse_two_phase_processor, and the min_max technique of the normalization-processor.
Elasticsearch: `pruning_config` of the sparse_vector query.

Source: docs.opensearch.org, "Sparse encoding processor" and "Neural sparse query two-phase
processor"; elastic.co, "Sparse vector query"; where they say less than the engines do, the
engines' own code (PruneUtils of neural-search, WeightedTokensUtils of Elasticsearch).
"""

from __future__ import annotations

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES, per_query
from lsr.evaluation.passes import Record, arrays, nested, query_arrays
from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.index.protocol import Hit
from lsr.kernels import sweep_ranks, two_phase
from lsr.sweep.knobs import Knob

SIZE = 10
"""Hits that a query asks for; the window of the second phase is so many times its expansion."""
MAX_WINDOW_SIZE = 10_000
_BLOCK = 250


def window_size(expansion_rate: float) -> int:
    """Documents that the second phase ranks again: SIZE × expansion_rate, at most the maximum."""
    return int(min(SIZE * expansion_rate, MAX_WINDOW_SIZE))


def engine_ranks(task: Task, knob: Knob, values: np.ndarray) -> np.ndarray:
    """(q, values) int32: rank of every query's best right document; 0 where it is no hit.

    Raises:
        QueryError: `hybrid`, where there are no dense vectors.
    """
    return _ranked(task.without_teacher(), knob, values)[0]


def engine_records(task: Task, knob: Knob, values: np.ndarray) -> list[Record]:
    """A record for each value of a knob that ranks in a way of its own.

    `hybrid` costs what the sparse search costs; its dense scan of every document is in no cost.
    """
    ranks, cost, shared = _ranked(task, knob, values)
    whole = nested(task, 1, {}).records()[0]
    n = max(len(task.documents), 1)
    records = []
    for place, value in enumerate(values):
        record = {
            **whole,
            **{name: float(per_query(ranks[:, place], name).mean()) for name in RANK_MEASURES},
            "value": float(value),
        }
        if cost is not None:
            postings = float(cost[:, place].mean())
            record |= {"posting_cost": postings, "flops": postings / n}
        if not task.ranks_only:
            record["overlap@10"] = float(
                shared[:, place].mean() / max(task.teacher_top.shape[1], 1)
            )
        records.append(record)
    return records


def engine_hits(task: Task, query: Side, knob: Knob, value: float, k: int) -> list[Hit]:
    """The k best images of one query under a knob that ranks in a way of its own.

    Args:
        query: a single vector, with the dense vector of its text where the knob is `hybrid`.

    Raises:
        QueryError: `hybrid`, where there are no dense vectors.
    """
    images = task.images
    sparse = np.asarray((images.matrix @ query.matrix.T).toarray(), np.float64)[:, 0]
    rows = np.arange(len(images))
    if knob.control == "hybrid":
        _check_dense(images, query)
        scores = _mixed(query.dense @ images.dense.T, sparse[None], value)[0]
        order = np.lexsort((rows, -scores))
        return [Hit(images.ids[row], float(scores[row])) for row in order[:k] if scores[row] > 0]
    ratio, window = _phases(knob, np.array([value]))
    peak = float(query.matrix.data.max(initial=0.0))
    heavy = query.keep(query.matrix.data >= ratio[0] * peak)
    first = np.asarray((images.matrix @ heavy.matrix.T).toarray(), np.float64)[:, 0]
    order = np.lexsort((rows, -first))
    inside = [row for row in order[: window[0]] if first[row] > 0]
    again = sorted(inside, key=lambda row: (-sparse[row], row))
    rest = [row for row in order[len(inside) :] if first[row] > 0]
    told = [(row, sparse[row]) for row in again] + [(row, first[row]) for row in rest]
    return [Hit(images.ids[row], float(score)) for row, score in told[:k]]


def _ranked(
    task: Task, knob: Knob, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Ranks, postings touched where they change, and documents shared with the teacher."""
    if knob.control == "hybrid":
        ranks, shared = _hybrid(task, values)
        return ranks, None, shared
    ratios, windows = _phases(knob, values)
    starts, rows = task.relevant
    teacher_top = task.teacher_top  # before the lock, which working it out takes as well
    with sweep_ranks.ONE_AT_A_TIME:
        found: tuple[np.ndarray, np.ndarray, np.ndarray] = two_phase.two_phase_ranks(
            *arrays(task.documents.postings),
            len(task.documents),
            *query_arrays(task.queries),
            ratios,
            windows,
            starts,
            rows,
            teacher_top,
        )
    return found


def _phases(knob: Knob, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """prune_ratio (s,) float64 and window (s,) int64 at every value."""
    same = np.full(len(values), float(knob.other))
    of_ratio = knob.control == "two_phase.prune_ratio"
    ratios, rates = (values, same) if of_ratio else (same, values)
    return ratios.astype(np.float64), np.array([window_size(rate) for rate in rates], np.int64)


def _hybrid(task: Task, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    queries, documents = task.queries, task.documents
    _check_dense(documents, queries)
    starts, right = task.relevant
    reference = task.teacher_top
    ranks = np.zeros((len(queries), len(weights)), np.int32)
    shared = np.zeros((len(queries), len(weights)), np.int32)
    turned = documents.matrix.T.tocsc()
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(queries)))
        dense = queries.dense[block] @ documents.dense.T
        sparse = np.asarray((queries.matrix[block] @ turned).toarray())
        spans = starts[block.start : block.stop + 1]
        for place, weight in enumerate(weights):
            scores = _mixed(dense, sparse, float(weight)).astype(np.float32)
            depth = reference.shape[1]
            with sweep_ranks.ONE_AT_A_TIME:
                found, best = sweep_ranks.dense_ranks_and_best(scores, spans, right, max(depth, 1))
            own = np.maximum.reduceat(
                scores[
                    np.repeat(np.arange(len(scores)), np.diff(spans)), right[spans[0] : spans[-1]]
                ],
                spans[:-1] - spans[0],
            )
            ranks[block, place] = np.where(own > 0, found, 0)
            same = (best[:, :, None] == reference[block][:, None, :]).any(axis=2)
            hit = np.take_along_axis(scores, best.astype(np.int64), axis=1) > 0
            shared[block, place] = (same & hit).sum(axis=1)
    return ranks, shared


def _mixed(dense: np.ndarray, sparse: np.ndarray, weight: float) -> np.ndarray:
    """weight × dense + (1 − weight) × sparse (q, n), both brought to 0 … 1 before (min_max).

    OpenSearch does so over the hits of each query. Here the dense scores are those of all
    documents, and a document without a shared term has a sparse score of 0, which is the least.
    """
    low, high = dense.min(axis=1, keepdims=True), dense.max(axis=1, keepdims=True)
    top = sparse.max(axis=1, keepdims=True)
    dense_part = weight * (dense - low) / np.maximum(high - low, 1e-12)
    return np.asarray(dense_part + (1 - weight) * sparse / np.maximum(top, 1e-12))


def _check_dense(*sides: Side) -> None:
    if any(side.dense.shape[1] == 0 for side in sides):
        raise QueryError(
            "`hybrid` mixes dense and sparse scores, and this model reads no dense vectors. "
            "Choose another knob."
        )
