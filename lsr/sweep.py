"""Sparsity against accuracy: one knob of expansion or pruning moved over a range.

Every control switches a caption's terms on stage by stage, so all values of a knob come from
one pass over the postings (`lsr.index.kernels.staged_ranks`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lsr.exceptions import QueryError
from lsr.expansion import term_draws
from lsr.index import kernels
from lsr.judged import JudgedSplit
from lsr.measures import RANK_MEASURES, per_query
from lsr.sparse import strongest

CONTROLS = ("caption", "word", "top-k", "threshold", "max-ratio")
# numba's fallback threading layer must not run two parallel loops at once.
_PARALLEL_LOOPS = threading.Lock()
_RATES = ("caption", "word", "max-ratio")


@dataclass(frozen=True)
class SweepRow:
    """Measures at one value of a knob, means over the queries of a split (and over draws).

    std: standard deviation of each measure over random draws; 0 for deterministic knobs.
    flops: active terms that a random query and a random image share.
    posting_cost: postings touched by a query.
    """

    value: float
    mean: dict[str, float]
    std: dict[str, float]
    flops: float
    active_terms_query: float
    posting_cost: float

    def as_dict(self) -> dict[str, Any]:
        """Flat, with the keys of the command line; the plain keys are the means."""
        spread = {f"{name}_std": value for name, value in self.std.items()}
        rest = {k: v for k, v in asdict(self).items() if k not in ("value", "mean", "std")}
        return {"value": self.value, **self.mean, **spread, **rest}


@dataclass(frozen=True)
class Staged:
    """Ranks, active terms and posting cost, each (queries, stages)."""

    ranks: np.ndarray
    active: np.ndarray
    cost: np.ndarray


def values_between(control: str, start: float, stop: float, steps: int) -> np.ndarray:
    """`steps` evenly spaced values of a knob, ascending; whole numbers for top-k.

    Raises:
        QueryError: an unknown control, fewer than 1 step, or a value the knob does not have.
    """
    if control not in CONTROLS:
        raise QueryError(f"`{control[:40]}` is no control. Use {', '.join(CONTROLS)}.")
    if not 1 <= steps <= 1001:
        raise QueryError(f"A sweep of {steps} steps is not possible. Use 1 to 1001 steps.")
    low, high = (1.0, 1e6) if control == "top-k" else (0.0, 1.0 if control in _RATES else 1e6)
    if not (np.isfinite([start, stop]).all() and low <= start <= stop <= high):
        raise QueryError(
            f"A {control} sweep from {start:g} to {stop:g} is not possible. Use values from "
            f"{low:g} to {high:g}, the smaller one first."
        )
    values = np.linspace(start, stop, steps)
    return np.unique(values.round()) if control == "top-k" else values


def sweep(
    judged: JudgedSplit,
    control: str,
    values: Sequence[float] | np.ndarray,
    *,
    draws: int = 8,
    seed: int = 0,
) -> list[SweepRow]:
    """Measures at every value of a knob, text to image, in the order of `values` ascending.

    caption: rate p of one Bernoulli variable per query; mean and deviation are exact.
    word: rate p of one Bernoulli variable per term, over `draws` draws from `seed`.
    top-k: the k strongest terms of a query. threshold: terms of at least this weight.
    max-ratio: terms of at least this share of the query's strongest weight.

    Raises:
        QueryError: no value or no draw.
    """
    axis = np.unique(np.asarray(values, np.float64))
    if not len(axis) or draws < 1:
        raise QueryError("A sweep needs at least one value and one draw.")
    if control == "caption":
        return _caption_level(judged, axis)
    if control == "word":
        return _word_level(judged, axis, draws, seed)
    stages = _pruning_stages(judged, control, axis)
    # Stages run from few terms to many: ascending k, but descending threshold and ratio.
    order = slice(None) if control == "top-k" else slice(None, None, -1)
    staged = run_stages(judged, stages, len(axis))
    rows = [_row(v, [staged], stage, judged) for stage, v in enumerate(axis[order])]
    return sorted(rows, key=lambda row: row.value)


def run_stages(judged: JudgedSplit, stages: np.ndarray, n_stages: int) -> Staged:
    """Rank every caption's image with its terms switched on at their stages.

    Args:
        stages: (nnz,) stage of each entry of `judged.captions.matrix`; n_stages = never.
    """
    index, captions = judged.index, judged.captions.matrix
    with _PARALLEL_LOOPS:
        results = kernels.staged_ranks(
            index.starts,
            index.rows,
            index.weights,
            len(index),
            captions.indptr.astype(np.int64),
            captions.indices.astype(np.int32),
            captions.data,
            stages.astype(np.int32),
            n_stages,
            judged.relevant,
        )
    return Staged(*results)


def literal_then_all(judged: JudgedSplit) -> Staged:
    """Two stages: literal terms only, then every term."""
    return run_stages(judged, np.where(judged.literal_flags, 0, 1), 2)


def _caption_level(judged: JudgedSplit, rates: np.ndarray) -> list[SweepRow]:
    """Exact: with probability 1 − p a query is its literal part A, with p it is A + B.

    E[M] = (1 − p) M(A) + p M(A + B); Var = p (1 − p) / N² Σ_q (M_q(A + B) − M_q(A))².
    """
    staged = literal_then_all(judged)
    n = len(staged.ranks)
    by_measure = {name: per_query(staged.ranks, name) for name in RANK_MEASURES}
    spread = {m: np.sqrt(((v[:, 1] - v[:, 0]) ** 2).sum()) / n for m, v in by_measure.items()}
    active, cost = staged.active.mean(axis=0), staged.cost.mean(axis=0)

    def mix(p: float, pair: np.ndarray) -> float:
        return float((1 - p) * pair[0] + p * pair[1])

    return [
        SweepRow(
            float(p),
            {name: mix(p, values.mean(axis=0)) for name, values in by_measure.items()},
            {name: float(np.sqrt(p * (1 - p)) * s) for name, s in spread.items()},
            mix(p, cost) / len(judged.index),
            mix(p, active),
            mix(p, cost),
        )
        for p in rates
    ]


def _word_level(judged: JudgedSplit, rates: np.ndarray, draws: int, seed: int) -> list[SweepRow]:
    terms = judged.captions.matrix.indices
    results = []
    for uniform in term_draws(judged.captions.matrix.shape[1], draws, seed):
        # The first rate above a term's number is where it joins; above all of them, never.
        joins = np.searchsorted(rates, uniform, side="right")
        stages = np.where(judged.literal_flags, 0, joins[terms])
        results.append(run_stages(judged, stages, len(rates)))
    return [_row(rate, results, stage, judged) for stage, rate in enumerate(rates)]


def _pruning_stages(judged: JudgedSplit, control: str, axis: np.ndarray) -> np.ndarray:
    matrix = judged.captions.matrix
    lengths = np.diff(matrix.indptr)
    if control == "top-k":
        position = np.empty(matrix.nnz, np.int64)
        for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
            span = slice(start, stop)
            order = strongest(matrix.indices[span], matrix.data[span], stop - start)
            position[start + order] = np.arange(stop - start)
        return np.searchsorted(axis, position, side="right")
    values = matrix.data.astype(np.float64)
    if control == "max-ratio":
        peaks = np.zeros(len(lengths))
        filled = lengths > 0
        peaks[filled] = np.maximum.reduceat(values, matrix.indptr[:-1][filled])
        values = values / np.repeat(peaks, lengths)
    # A term is kept where the knob is at most its value; stage 0 is the highest knob.
    return len(axis) - np.searchsorted(axis, values, side="right")


def _row(value: float, results: list[Staged], stage: int, judged: JudgedSplit) -> SweepRow:
    """Mean over queries within each result, then mean and deviation over results."""
    means = {
        name: [per_query(r.ranks[:, stage], name).mean() for r in results] for name in RANK_MEASURES
    }
    cost = float(np.mean([r.cost[:, stage].mean() for r in results]))
    return SweepRow(
        float(value),
        {name: float(np.mean(v)) for name, v in means.items()},
        {name: float(np.std(v)) for name, v in means.items()},
        cost / len(judged.index),
        float(np.mean([r.active[:, stage].mean() for r in results])),
        cost,
    )
