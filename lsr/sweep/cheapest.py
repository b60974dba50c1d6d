"""The cheapest setting for a split: chosen on another one, so that its accuracy is no luck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lsr.collection.collection import Collection
from lsr.evaluation.passes import Record
from lsr.sweep.knobs import Knob
from lsr.sweep.laboratory import Laboratory, open_laboratory
from lsr.sweep.measure import measure
from lsr.sweep.points import Difference, Point, compare
from lsr.sweep.solve import OperatingPoint, Solution, record_at, solve, under


@dataclass(frozen=True)
class Confirmed:
    """An operating point where it was not chosen.

    full, best: at full expansion, nothing pruned, and at the point.
    difference: of the measure, with its interval; the point minus full expansion.
    """

    point: OperatingPoint
    full: Record
    best: Record
    difference: Difference


@dataclass(frozen=True)
class Cheapest:
    """How far the search is on the split `chosen_on`, and what its answer gives on one's own.

    confirmed: None until the search is over, and where no setting keeps enough.
    """

    chosen_on: str
    solution: Solution
    confirmed: Confirmed | None = None


def choosing_split(collection: Collection, split: str, queries: str = "") -> str:
    """The split to choose settings on for use on `split`: another one, `val` first.

    Images that a head was trained on flatter every setting, so `train` is never taken. Where
    nothing else is left, it is `split` itself.

    Args:
        queries: a query set; then it is a split whose images answer some of its queries.
    """
    if queries:
        answers = collection.query_set(queries).image_rows
        held = np.unique(collection.image_splits[answers]).tolist()
    else:
        held = [s for s in collection.vector_splits if len(collection.caption_rows(s))]
    others = [s for s in held if s not in (split, "train")]
    return min(others, key=lambda s: (s not in ("val", "dev"), s), default=split)


def cheapest(
    ready: Laboratory, keep: float = 0.98, measure_name: str = "R@1", cost: str = "posting_cost"
) -> Iterator[Cheapest]:
    """The cheapest setting that keeps a share of the accuracy; the last report is the answer.

    Args:
        keep, measure_name, cost: as `solve` takes them.

    Raises:
        QueryError: what cannot be kept or paid for.
    """
    split = choosing_split(ready.collection, ready.split, ready.queries)
    chooser = ready
    if split != ready.split:
        chooser = open_laboratory(
            ready.collection,
            ready.model,
            split,
            ready.direction,
            fixed=ready.fixed,
            null=ready.null,
            queries=ready.queries,
        )
    for solution in solve(chooser.task, keep, measure_name, cost):
        found = Cheapest(split, solution)
        yield found
    if (best := solution.best) is not None:
        yield replace(found, confirmed=_confirm(ready, best, measure_name))


def _confirm(ready: Laboratory, best: OperatingPoint, measure_name: str) -> Confirmed:
    full = measure(ready.task, Knob("caption"), np.array([1.0]))[0]
    before = Point(ready.task, Knob("caption"), 1.0)
    after = Point(under(ready.task, best.fixed), best.knob, best.value)
    difference = compare(before, after, ready.model.vocabulary, measure_name, most=0)
    return Confirmed(best, full, record_at(ready.task, best), difference)
