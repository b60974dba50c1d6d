"""A sweep: every value of one knob, over as many draws as it takes, kept once measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from lsr.evaluation.passes import COSTS, MEASURES, Record
from lsr.evaluation.task import Task
from lsr.exceptions import QueryError
from lsr.storage.spreading import Spread
from lsr.sweep.knobs import Knob
from lsr.sweep.latency import latencies
from lsr.sweep.measuring import measuring
from lsr.sweep.store import SweepStore

MOST_DRAWS, FEWEST_DRAWS = 1000, 8
# Rates from 0 to 1 that pages, reports and the shipped records are measured at.
RATE_STOPS = tuple(round(0.05 * step, 2) for step in range(21))
_NAMES = (*MEASURES, *COSTS)  # the half width is that of the first


@dataclass(frozen=True)
class SweepRow:
    """Measures at one value of a knob, means over the queries of a task and over draws.

    std: standard deviation of each measure over random draws; 0 for deterministic knobs, None
        where it has no closed form.
    half_width: half of the 95 % confidence interval of the mean R@1 over draws, Student's t.
    flops: active terms that a random query and a random document share.
    posting_cost: postings touched by a query. index_bytes: of an index of the documents.
    latency_us: microseconds in the compiled search loop; None where it was not measured.
    """

    value: float
    mean: dict[str, float | None]
    std: dict[str, float | None]
    flops: float
    active_terms_query: float
    active_terms_document: float
    posting_cost: float
    index_bytes: float
    latency_us: float | None = None
    draws: int = 1
    half_width: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Flat, with the keys of the command line; the plain keys are the means."""
        spread = {f"{name}_std": value for name, value in self.std.items()}
        costs = {name: getattr(self, name) for name in COSTS}
        rest = {"draws": self.draws, "R@1_half_width": self.half_width}
        return {"value": self.value, **self.mean, **spread, **costs, **rest}

    def get(self, name: str) -> float | None:
        """A measure's mean, or a cost."""
        return self.mean[name] if name in self.mean else getattr(self, name)


@dataclass(frozen=True)
class SweepReport:
    """How far a sweep is: draws done of those planned at most, and what is known so far."""

    done: int
    planned: int
    rows: list[SweepRow]


@dataclass(frozen=True)
class Draws:
    """How often a random knob is drawn.

    most: draws at most. half_width: stop as soon as the mean R@1 of every value is known this well
    (95 %), after FEWEST_DRAWS; None draws `most` times.
    """

    most: int = 8
    half_width: float | None = None
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            QueryError: naming the number and what it may be.
        """
        if not 1 <= self.most <= MOST_DRAWS:
            raise QueryError(f"{self.most} draws are not possible. Use 1 to {MOST_DRAWS:,}.")
        if self.half_width is not None and not 0 < self.half_width < 1:
            raise QueryError(
                f"A half width of {self.half_width:g} is not possible. Use one between 0 and 1, "
                "such as 0.005."
            )
        if not 0 <= self.seed < 2**32:
            raise QueryError(f"Seed {self.seed} is not possible. Use 0 to {2**32 - 1}.")


UNTIL_KNOWN = Draws(most=64, half_width=0.005)
"""Until the mean R@1 of every rate is known to half a point, or so many are done."""


def sweep(
    task: Task,
    knob: Knob,
    values: Sequence[float] | np.ndarray,
    draws: Draws | None = None,
    *,
    latency: bool = False,
) -> list[SweepRow]:
    """Every value of a knob, ascending, measured now.

    Raises:
        QueryError: no value, or one that the knob does not have, or no draw.
    """
    rows: list[SweepRow] = []
    for report in sweeping(task, knob, values, draws, latency=latency):
        rows = report.rows
    return rows


def sweeping(
    task: Task,
    knob: Knob,
    values: Sequence[float] | np.ndarray,
    draws: Draws | None = None,
    *,
    latency: bool = False,
    store: SweepStore | None = None,
) -> Iterator[SweepReport]:
    """A sweep draw by draw. To stop it, ask for no more reports.

    Args:
        latency: measure `latency_us` too.
        store: where records are kept; what it has already is not measured again.

    Raises:
        QueryError: as for `sweep`.
        DiskFullError: there is no room for the records.
    """
    return sweeping_of(lambda: task, knob, values, draws, latency=latency, store=store)


def sweeping_of(
    task: Callable[[], Task],
    knob: Knob,
    values: Sequence[float] | np.ndarray,
    draws: Draws | None = None,
    *,
    latency: bool = False,
    store: SweepStore | None = None,
    spread: Spread | None = None,
) -> Iterator[SweepReport]:
    """As `sweeping`, over a task that is made only when the store lacks something.

    Args:
        spread: measures the draws elsewhere.

    Raises:
        EngineError: a block of draws failed there three times.
    """
    draws = draws or Draws()
    draws.check()
    axis = np.unique(np.asarray(values, np.float64))
    knob.check(axis)
    known = store.read() if store else {}
    planned = draws.most if knob.random else 1
    lacking = _lacking(axis, planned, known)
    measured = measuring(task, knob, list(lacking.items()), draws.seed, spread)
    seen = _Seen()
    with closing(measured):
        for draw in range(planned):
            fresh = next(measured) if draw in lacking else []
            fresh += _timed(task, knob, axis, draw, draws.seed, known, fresh) if latency else []
            for record in fresh:
                known[record["value"], draw] = record
            if store and fresh:
                store.append(fresh)
            seen.add([known[float(value), draw] for value in axis])
            rows = seen.rows()
            enough = draws.half_width is not None and (
                seen.draws >= min(FEWEST_DRAWS, planned)
                and all(row.half_width <= draws.half_width for row in rows)
            )
            yield SweepReport(draw + 1, draw + 1 if enough else planned, rows)
            if enough:
                return


def _lacking(
    axis: np.ndarray, planned: int, known: dict[tuple[float, int], Record]
) -> dict[int, np.ndarray]:
    """The values that are not known yet, of each draw that lacks some."""
    draws = {
        draw: np.array([value for value in axis if (float(value), draw) not in known])
        for draw in range(planned)
    }
    return {draw: values for draw, values in draws.items() if len(values)}


def _timed(
    task: Callable[[], Task],
    knob: Knob,
    axis: np.ndarray,
    draw: int,
    seed: int,
    known: dict[tuple[float, int], Record],
    fresh: list[Record],
) -> list[Record]:
    """Records of the first draw with the latency that they lack; they replace those without."""
    if draw > 0:
        return []
    mine = {record["value"]: record for record in fresh}
    records = [mine.get(float(value)) or known[float(value), 0] for value in axis]
    if all(record.get("latency_us") is not None for record in records):
        return []
    # All values anew: figures of two runs do not compare.
    times = latencies(task(), knob, axis, seed)
    return [{**r, "latency_us": us} for r, us in zip(records, times, strict=True)]


class _Seen:
    """Means and deviations over the draws so far, by Welford's way: each draw costs the same."""

    def __init__(self) -> None:
        self.draws = 0
        self._first: list[Record] = []
        self._mean = self._square = np.zeros((0, 0))

    def add(self, records: list[Record]) -> None:
        """The records of one more draw, in the order of their values."""
        # What is not measured is NaN on the way, and None in the end.
        new = np.array([[_number(r.get(name)) for name in _NAMES] for r in records])
        self.draws += 1
        if self.draws == 1:
            self._first, self._mean, self._square = records, new, np.zeros_like(new)
            return
        step = new - self._mean
        self._mean = self._mean + step / self.draws
        self._square = self._square + step * (new - self._mean)

    def rows(self) -> list[SweepRow]:
        """A row for each value."""
        deviation = np.sqrt(self._square / self.draws)
        widths = np.zeros(len(self._first))
        if self.draws > 1:
            error = np.sqrt(self._square[:, 0] / (self.draws - 1) / self.draws)
            widths = stdtrit(self.draws - 1, 0.975) * error
        return [
            self._row(place, deviation[place], float(widths[place]))
            for place in range(len(self._first))
        ]

    def _row(self, place: int, deviation: np.ndarray, half_width: float) -> SweepRow:
        first = self._first[place]
        means = dict(zip(_NAMES, map(_known, self._mean[place]), strict=True))
        spread = dict(zip(_NAMES, map(_known, deviation), strict=True))
        if self.draws == 1:
            spread = {name: first.get(f"{name}_std", 0.0) for name in MEASURES}
        # Only the first draw is timed.
        costs = {name: means[name] for name in COSTS} | {"latency_us": first.get("latency_us")}
        return SweepRow(
            value=first["value"],
            mean={name: means[name] for name in MEASURES},
            std={name: spread[name] for name in MEASURES},
            draws=self.draws,
            half_width=half_width,
            **costs,  # type: ignore[arg-type]
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
