"""Word-level coins without a draw: the exact chances of every rank, for one query or a split.

Every term that a caption does not say has a coin of its own, on with probability p. Counting the
outcomes by how many coins are on gives the chances at every p at once: of m coins, k are on with
the binomial chance of k, and given k all outcomes are equally likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import stdtrit

from lsr.evaluation.measures import CUTOFFS, RANK_MEASURES, per_query
from lsr.evaluation.passes import arrays, query_arrays, run_stages
from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.index.memory.index import MemoryIndex
from lsr.index.memory.threads import each_part
from lsr.kernels import word_coins
from lsr.sweep.knobs import Knob, word_draw, word_stages

DEPTH = 10
MOST_BRANCHES, MOST_BRANCHES_OF_A_SPLIT = 2**24, 2**18
_BLOCK = 200
_DRAWS = 16
_HELD = 2**22  # scores of draws held at once: 32 MB


@dataclass(frozen=True, eq=False)
class WordChances:
    """Ranks of a query's answer over all outcomes of its coins.

    shares: (depth + 1, m + 1) float64. Of the outcomes with k of the m coins on, column k holds the
        share in which the rank is 1, 2 … depth, and last the share in which it is below or there
        is no hit. branches: of the tree that counted them.
    """

    shares: np.ndarray
    branches: int

    @property
    def coins(self) -> int:
        """How many terms have a coin that can change a score."""
        return self.shares.shape[1] - 1

    def at(self, rate: float) -> np.ndarray:
        """(depth + 1,) float64: the chance of every rank where coins are on with this chance."""
        return np.asarray(self.shares @ _on(self.coins, rate))

    def within(self, k: int, rate: float) -> float:
        """The chance that the answer is among the first k."""
        return float(self.at(rate)[:-1][:k].sum())

    def reciprocal_rank(self, rate: float) -> float:
        """The expected reciprocal rank, 0 below the depth."""
        chances = self.at(rate)[:-1]
        return float(chances @ (1 / np.arange(1, len(chances) + 1)))


def word_chances(
    index: MemoryIndex,
    terms: np.ndarray,
    weights: np.ndarray,
    said: np.ndarray,
    answers: Sequence[int],
    depth: int = DEPTH,
    most: int = MOST_BRANCHES,
) -> WordChances | None:
    """The chances of a query's ranks, or None where they take more branches than `most`.

    Ties count against the answer; of several answers the best one counts.

    Args:
        terms, weights: (t,) of the query. said: (t,) bool, terms without a coin.
        answers: rows of the index. depth: ranks that are told apart.

    Raises:
        QueryError: no answer, or a depth below 1.
    """
    if not len(answers) or depth < 1:
        raise QueryError("Exact chances need an answer and a depth of 1 or more.")
    images = index.images
    side = Side(images.ids, images.matrix, np.zeros(images.matrix.nnz, bool), np.zeros((0, 0)))
    postings = side.postings
    shares, _, branches = word_coins.ranks_of_outcomes(
        *arrays(postings),
        np.ones(len(postings.rows), bool),
        len(side),
        terms.astype(np.int32),
        weights.astype(np.float32),
        said.astype(bool),
        np.asarray(answers, np.int32),
        depth,
        most,
    )
    return None if branches > most else WordChances(shares, branches)


def drawn_chances(
    index: MemoryIndex,
    terms: np.ndarray,
    weights: np.ndarray,
    said: np.ndarray,
    answers: Sequence[int],
    rate: float,
    draws: int = 4096,
    seed: int = 0,
    depth: int = DEPTH,
) -> np.ndarray:
    """(depth + 1,) float64: `WordChances.at` by draws, for a query that has too many outcomes."""
    rng = np.random.default_rng(seed)
    literal = np.asarray(index.score_all(terms[said], weights[said]), np.float64)
    free = np.flatnonzero(~said)
    parts = np.zeros((len(free), len(index)))
    for place, i in enumerate(free):
        parts[place] = index.score_all(terms[[i]], weights[[i]])
    counts = np.zeros(depth + 1)
    right = np.asarray(answers, np.int64)
    block = max(1, _HELD // max(len(index), 1))
    for start in range(0, draws, block):
        joins = rng.random((min(block, draws - start), len(free))) < rate
        scores = literal + joins @ parts
        own = scores[:, right].max(axis=1, keepdims=True)
        ahead = (scores >= own).sum(axis=1) - (scores[:, right] >= own).sum(axis=1)
        ahead[own[:, 0] <= 0] = depth
        counts += np.bincount(np.minimum(ahead, depth), minlength=depth + 1)
    return counts / draws


@dataclass(frozen=True, eq=False)
class SplitChances:
    """Every query of a task over all outcomes of its coins, where they can be counted.

    given: (q, measures, width) float64: the expected value of each of RANK_MEASURES given how many
        coins are on. coins, branches: (q,) int64. most: branches at most.
    done: queries that were looked at so far, of all q.
    """

    given: np.ndarray
    coins: np.ndarray
    branches: np.ndarray
    most: int
    done: int

    @property
    def fit(self) -> np.ndarray:
        """(q,) bool: the queries whose outcomes are all counted."""
        return np.asarray((self.branches > 0) & (self.branches <= self.most))

    def expected(self, measure: str, rate: float) -> np.ndarray:
        """(q,) float64: the exact expected value at a rate; NaN where a query does not fit."""
        place = RANK_MEASURES.index(measure)
        on = np.array([_on(m, rate, self.given.shape[2]) for m in range(self.coins.max() + 1)])
        values = (self.given[:, place] * on[self.coins]).sum(axis=1)
        return np.where(self.fit, values, np.nan)


def split_chances(task: Task, most: int = MOST_BRANCHES_OF_A_SPLIT) -> Iterator[SplitChances]:
    """Count the outcomes of every query of a task; the last report has all of them."""
    postings, queries = task.documents.postings, task.queries
    captions_ask = task.queries_are == "captions"
    query_said = queries.said if captions_ask else np.ones(queries.matrix.nnz, bool)
    posting_said = (
        np.ones(len(postings.rows), bool) if captions_ask else task.documents.said[postings.entries]
    )
    starts, right = task.relevant
    n, width = len(queries), int(np.diff(queries.starts).max(initial=0)) + 1
    given = np.zeros((n, len(RANK_MEASURES), width))
    coins, branches = np.zeros(n, np.int64), np.zeros(n, np.int64)
    query_starts, terms, weights = query_arrays(queries)
    within = np.arange(DEPTH) < np.array(CUTOFFS)[:, None]
    gains = np.vstack([within, 1 / np.arange(1, DEPTH + 1)])  # (measures, ranks)

    def count(first: int, last: int, begin: int) -> None:
        for query in range(begin + first, begin + last):
            span = slice(query_starts[query], query_starts[query + 1])
            shares, m, branches[query] = word_coins.ranks_of_outcomes(
                *arrays(postings),
                posting_said,
                len(task.documents),
                terms[span],
                weights[span],
                query_said[span],
                right[starts[query] : starts[query + 1]],
                DEPTH,
                most,
            )
            given[query, :, : m + 1], coins[query] = gains @ shares[:-1], m

    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        each_part(partial(count, begin=begin), size, None)
        yield SplitChances(given, coins, branches, most, begin + size)


@dataclass(frozen=True)
class Expected:
    """The expected value of a measure over a split at one rate.

    mean: exact where queries fit, drawn where they do not. half_width: of its 95 % interval, which
        the draws leave; 0 where every query fits.
    exact, drawn: over the queries that fit, both ways; None where none does. band: half of the
        95 % interval of `drawn`.
    """

    value: float
    mean: float
    half_width: float
    exact: float | None
    drawn: float | None
    band: float


def expected_over(
    task: Task,
    chances: SplitChances,
    rates: Sequence[float],
    measure: str = "R@1",
    draws: int = _DRAWS,
    seed: int = 0,
) -> list[Expected]:
    """A measure over a split at some rates, with the same draws as a sweep for what does not fit.

    Raises:
        QueryError: no measure of a ranking, fewer than 2 draws, or a rate outside [0, 1].
    """
    if measure not in RANK_MEASURES:
        raise QueryError(f"`{measure[:40]}` is not expected. Use {', '.join(RANK_MEASURES)}.")
    if draws < 2:
        raise QueryError(f"{draws} draws have no spread. Use 2 or more.")
    axis, knob = np.unique(np.asarray(rates, np.float64)), Knob("word")
    knob.check(axis)
    alone, fit = task.without_teacher(), chances.fit
    values = np.empty((draws, len(axis), 2))
    shares = np.array([fit.mean(), 1 - fit.mean()]) if len(fit) else np.zeros(2)
    for draw in range(draws):
        stages = word_stages(task.captions, axis, word_draw(task, knob, draw, seed))
        asking = task.queries_are == "captions"
        ranks = run_stages(
            alone, len(axis), stages if asking else None, None if asking else stages
        ).ranks
        found = per_query(ranks, measure)
        for part, chosen in enumerate((fit, ~fit)):
            values[draw, :, part] = found[chosen].mean(axis=0) if chosen.any() else 0.0
    means = values.mean(axis=0)
    bands = stdtrit(draws - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(draws)
    rows = []
    for place, rate in enumerate(axis):
        exact = float(np.nanmean(chances.expected(measure, rate))) if fit.any() else None
        rows.append(
            Expected(
                float(rate),
                float(shares[0] * (exact or 0.0) + shares[1] * means[place, 1]),
                float(shares[1] * bands[place, 1]),
                exact,
                float(means[place, 0]) if fit.any() else None,
                float(bands[place, 0]),
            )
        )
    return rows


@dataclass(frozen=True, eq=False)
class ExactSweep:
    """How far an exact sweep is. rows: ascending by rate; empty until every query is looked at."""

    chances: SplitChances
    rows: list[Expected]


def exact_sweep(
    task: Task, rates: Sequence[float], measure: str = "R@1", seed: int = 0
) -> Iterator[ExactSweep]:
    """`split_chances`, then `expected_over`, as one piece of work; the last report has the rows.

    Raises:
        QueryError: as `expected_over`.
    """
    for chances in split_chances(task):
        yield ExactSweep(chances, [])
    yield ExactSweep(chances, expected_over(task, chances, rates, measure, seed=seed))


def _on(coins: int, rate: float, width: int = 0) -> np.ndarray:
    """The chance that k of the coins are on, k = 0 … coins, then zeros up to `width`.

    Raises:
        QueryError: a rate outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise QueryError(f"A coin has no rate of {rate:g}. Use one from 0 to 1.")
    from scipy.stats import binom  # takes a second to load

    return np.asarray(binom.pmf(np.arange(max(coins + 1, width)), coins, rate))
