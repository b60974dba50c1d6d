"""Two points of a sweep against each other: which queries flip, why, and is it chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES, per_query
from lsr.evaluation.passes import run_stages
from lsr.evaluation.task import Task
from lsr.exceptions import QueryError
from lsr.model.vocabulary import Vocabulary
from lsr.sweep.engine_rules import engine_ranks
from lsr.sweep.knobs import RANKINGS, Knob, drawn, literal_only, set_to
from lsr.sweep.mixing import chances_of_documents

_RESAMPLES = 2000
_DRAWS = 8
_TERMS = 4


@dataclass(frozen=True)
class Point:
    """A task under one setting of a knob."""

    task: Task
    knob: Knob
    value: float
    seed: int = 0


@dataclass(frozen=True)
class Flip:
    """A query that one point answers and the other does not.

    before, after: the measure's expected value at the baseline and at the point.
    rank_before, rank_after: of its best right document in one draw; 0 where it was no hit.
    rival: the document that beats the right one, where that is so; empty where nothing does.
    terms: the terms responsible, with the change of their share in the margin between the right
        document and the rival; what the flip owes most comes first.
    """

    query_id: str
    answer_id: str
    before: float
    after: float
    rank_before: int
    rank_after: int
    rival: str
    terms: list[tuple[str, float]]


@dataclass(frozen=True)
class Difference:
    """Point minus baseline: a mean with its 95 % interval by a paired bootstrap over images.

    Captions of one image are resampled together, because they are not independent; so are queries
    of a set that the same images answer.
    lost, gained: queries whose expected value falls or rises.
    """

    measure: str
    mean: float
    low: float
    high: float
    lost: int
    gained: int
    n_queries: int
    flips: list[Flip]


def compare(
    baseline: Point,
    point: Point,
    vocabulary: Vocabulary,
    measure: str = "R@1",
    most: int = 20,
) -> Difference:
    """The difference that a point makes.

    Args:
        most: flips described at most: the largest losses, then the largest gains, half of each
            where there are enough of both.

    Raises:
        QueryError: the points search with other queries, or the measure is none of a ranking.
    """
    if measure not in RANK_MEASURES:
        raise QueryError(f"`{measure[:40]}` is not compared. Use {', '.join(RANK_MEASURES)}.")
    tasks = baseline.task, point.task
    if tasks[0].direction != tasks[1].direction or tasks[0].queries.ids != tasks[1].queries.ids:
        raise QueryError("Two points compare on the same queries only. Choose one direction.")
    before = expected_values(baseline, measure)
    after = expected_values(point, measure)
    change = after - before
    low, high = _interval(change, point.task.groups)
    chosen = _largest(change, most)
    return Difference(
        measure,
        float(change.mean()),
        low,
        high,
        int((change < -1e-9).sum()),
        int((change > 1e-9).sum()),
        len(change),
        _flips(baseline, point, vocabulary, chosen, before, after),
    )


def _largest(change: np.ndarray, most: int) -> list[int]:
    """Queries of the largest losses, then of the largest gains; ties in their order."""
    falling = np.argsort(change.round(9), kind="stable")
    rising = np.argsort(-change.round(9), kind="stable")
    losses = [int(row) for row in falling if change[row] < -1e-9]
    gains = [int(row) for row in rising if change[row] > 1e-9]
    losses = losses[: max(most - len(gains), (most + 1) // 2)]
    return [*losses, *gains[: most - len(losses)]]


def state(point: Point) -> Task:
    """The task of a point in one outcome: a coin that forbids expansion, the first draw.

    A knob that ranks in a way of its own leaves every vector as it is.
    """
    knob, task = point.knob, point.task
    if knob.control in RANKINGS:
        return task
    if knob.control == "caption":
        return task if point.value >= 1 else literal_only(task)
    if knob.control == "mean":
        if point.value <= 0:
            return literal_only(task)
        factor = np.where(task.captions.said, 1.0, point.value).astype(np.float32)
        everything = np.ones(task.captions.matrix.nnz, bool)
        return task.keep("captions", everything, task.captions.matrix.data * factor)
    if knob.random:
        return drawn(task, knob, point.value, 0, point.seed)
    return set_to(task, knob, point.value)


def expected_values(point: Point, measure: str) -> np.ndarray:
    """(q,) float64: the measure of every query, expected over the point's coins or draws."""
    knob, task = point.knob, point.task
    if knob.control == "caption" and task.direction == "text-to-image":
        low = _values(literal_only(task), measure)
        return (1 - point.value) * low + point.value * _values(task, measure)
    if knob.control == "caption" and 0 < point.value < 1:
        found = chances_of_documents(task, np.array([point.value]))[:, 0]
        return _of_chances(found, measure)
    if knob.random:
        draws = [
            _values(drawn(task, knob, point.value, draw, point.seed), measure)
            for draw in range(_DRAWS)
        ]
        return np.mean(draws, axis=0)
    return per_query(_ranks_at(point), measure)


def _ranks_at(point: Point) -> np.ndarray:
    """(q,) ranks of a point in one outcome."""
    if point.knob.control in RANKINGS:
        values = np.array([point.value])
        return engine_ranks(point.task, point.knob, values)[:, 0]
    return _ranks(state(point))


def _of_chances(found: np.ndarray, measure: str) -> np.ndarray:
    """(q,) a measure of the chances (q, 10) that a rank is at most 1 … 10."""
    name, _, cutoff = measure.partition("@")
    if name == "R":
        return found[:, int(cutoff) - 1]
    return np.diff(found, axis=1, prepend=0.0) @ (1 / np.arange(1, found.shape[1] + 1))


def _values(task: Task, measure: str) -> np.ndarray:
    return per_query(_ranks(task), measure)


def _ranks(task: Task) -> np.ndarray:
    return run_stages(task.without_teacher(), 1).ranks[:, 0]


def _interval(change: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean change, resampling whole groups."""
    if not len(change) or not np.any(change):
        return 0.0, 0.0
    _, member = np.unique(groups, return_inverse=True)
    sums = np.bincount(member, weights=change)
    counts = np.bincount(member).astype(np.float64)
    if len(sums) < 2:
        return float(change.mean()), float(change.mean())

    def mean(total: np.ndarray, n: np.ndarray, axis: int = -1) -> np.ndarray:
        return total.sum(axis=axis) / n.sum(axis=axis)

    from scipy.stats import bootstrap  # takes half a second to load

    found = bootstrap(
        (sums, counts),
        mean,
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def _flips(
    baseline: Point,
    point: Point,
    vocabulary: Vocabulary,
    rows: list[int],
    before: np.ndarray,
    after: np.ndarray,
) -> list[Flip]:
    if not rows:
        return []
    old, new = state(baseline), state(point)
    ranks_old, ranks_new = _ranks_at(baseline), _ranks_at(point)
    starts, right = new.relevant
    flips = []
    for row in rows:
        answers = right[starts[row] : starts[row + 1]]
        worse = new if after[row] < before[row] else old
        answer, rival = _answer_and_rival(worse, row, answers)
        terms: list[tuple[str, float]] = []
        if rival is not None:
            change = _margin(new, row, answer, rival)
            for term, value in _margin(old, row, answer, rival).items():
                change[term] = change.get(term, 0.0) - value
            sign = -1.0 if worse is new else 1.0
            order = sorted(change, key=lambda term: (-sign * change[term], term))
            terms = [
                (vocabulary.terms[term], change[term])
                for term in order[:_TERMS]
                if sign * change[term] > 1e-6
            ]
        flips.append(
            Flip(
                new.queries.ids[row],
                new.documents.ids[answer],
                float(before[row]),
                float(after[row]),
                int(ranks_old[row]),
                int(ranks_new[row]),
                "" if rival is None else new.documents.ids[rival],
                terms,
            )
        )
    return flips


def _answer_and_rival(task: Task, row: int, answers: np.ndarray) -> tuple[int, int | None]:
    """The best right document, and the best other one that scores as much, if any."""
    scores = np.asarray(task.documents.matrix @ task.queries.matrix[row].T.toarray())[:, 0]
    answer = int(answers[np.argmax(scores[answers])])
    own = scores[answer]
    scores[answers] = -1
    rival = int(np.argmax(scores))
    return answer, rival if scores[rival] > 0 and scores[rival] >= own else None


def _margin(task: Task, row: int, answer: int, rival: int) -> dict[int, float]:
    """By how much each term puts the answer ahead of the rival."""
    query = task.queries.matrix[row]
    documents = task.documents.matrix
    lead = (documents[answer] - documents[rival]).multiply(query).tocoo()
    return {int(term): float(value) for term, value in zip(lead.col, lead.data, strict=True)}
