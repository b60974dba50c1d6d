"""Sparsity against accuracy: knobs of expansion and pruning moved over a range, exactly.

`make_task` turns a judged split into captions and images that search each other; `sweep` measures
it at every value of a `Knob`; `compare` sets two points against each other; `solve` finds the
cheapest setting that keeps an accuracy; `null_split` and `null_query` undo a model's work for
comparison.
"""

from lsr.sweep.cheapest import OperatingPoint, Solution, solve
from lsr.sweep.knobs import CONTROLS, Knob, parse_knob, parse_setting, set_to
from lsr.sweep.nulls import NULLS, null_query, null_split
from lsr.sweep.passes import COSTS, MEASURES, Staged, run_stages
from lsr.sweep.points import Difference, Flip, Point, compare
from lsr.sweep.store import SweepStore
from lsr.sweep.sweeping import Draws, SweepReport, SweepRow, sweep, sweeping
from lsr.sweep.task import DIRECTIONS, Side, Task, check_direction, make_task

__all__ = [
    "CONTROLS",
    "COSTS",
    "DIRECTIONS",
    "MEASURES",
    "NULLS",
    "Difference",
    "Draws",
    "Flip",
    "Knob",
    "OperatingPoint",
    "Point",
    "Side",
    "Solution",
    "Staged",
    "SweepReport",
    "SweepRow",
    "SweepStore",
    "Task",
    "check_direction",
    "compare",
    "make_task",
    "null_query",
    "null_split",
    "parse_knob",
    "parse_setting",
    "run_stages",
    "set_to",
    "solve",
    "sweep",
    "sweeping",
]
