"""The cheapest setting that keeps a share of the accuracy, solved over all knobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lsr.evaluation.measures import RANK_MEASURES
from lsr.evaluation.passes import COSTS, Record
from lsr.evaluation.task import Task
from lsr.exceptions import QueryError
from lsr.sweep.engine_rules import window_size
from lsr.sweep.knobs import RATES as MIXING
from lsr.sweep.knobs import Knob, set_to
from lsr.sweep.measure import measure
from lsr.sweep.sweep import Draws, sweep

# Values tried of every knob: dense where few terms are left.
LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120, 200, 400)
RATIOS = tuple(round(0.05 * step, 2) for step in range(20))
RATES = tuple(round(0.05 * step, 2) for step in range(21))
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8)
_PHASES = RATIOS[::2]  # prune_ratios of two phases, which take the longest to measure
_DRAWS = Draws(8)

Setting = tuple[Knob, float]


@dataclass(frozen=True)
class OperatingPoint:
    """A setting with what it gives: fixed prunings, then the value of one knob.

    record: measures and costs, as in `lsr.evaluation.passes`.
    """

    fixed: tuple[Setting, ...]
    knob: Knob
    value: float
    record: Record

    def __str__(self) -> str:
        parts = [*self.fixed, (self.knob, self.value)]
        return ", ".join(f"{knob} = {value:g}" for knob, value in parts)

    def in_words(self) -> str:
        """What the setting does, in a sentence without its full stop."""
        parts = [in_words(knob, value) for knob, value in (*self.fixed, (self.knob, self.value))]
        text = "; ".join(part for part in parts if part) or "every term takes part"
        return text[0].upper() + text[1:]

    def options(self) -> str:
        """Options of `python -m lsr sweep` that measure this setting."""
        fixed = "".join(f" --fix {knob}={value:g}" for knob, value in self.fixed)
        value = f"{self.value:g}"
        return f"--control {self.knob} --from {value} --to {value} --steps 1{fixed}"


def in_words(knob: Knob, value: float) -> str:
    """What a knob does at a value; empty where it does nothing."""
    match knob.control:
        case "caption" | "word" | "mean" if value >= 1:
            return ""
        case "caption":
            return f"a caption expands with chance {value:g}"
        case "mean":
            return f"expansion terms of captions count {value:g} times"
        case "word":
            return f"each expansion term of a caption takes part with chance {value:g}"
        case "word-df":
            return f"each expansion term takes part with chance {value:g} × (1 − its share)"
        case "tokens_weight_threshold":
            return _token_words(value, knob.other)
        case "tokens_freq_ratio_threshold":
            return _token_words(knob.other, value)
        case "two_phase.prune_ratio":
            return _phase_words(value, knob.other)
        case "two_phase.expansion_rate":
            return _phase_words(knob.other, value)
        case "hybrid":
            return f"the score is {value:g} dense and {1 - value:g} sparse"
        case "bits":
            return f"weights of {knob.side} take {value:g} bits"
    kind = "" if knob.part == "all" else f"{knob.part} "
    kept = {
        "top-k": f"their {value:g} strongest {kind}terms",
        "threshold": f"{kind}terms of weight {value:g} or more",
        "max-ratio": f"{kind}terms of {value:.0%} of their strongest weight or more",
        "alpha_mass": f"the strongest {kind}terms with {value:.0%} of their weights",
    }[knob.control]
    who = "captions and images" if knob.side == "both" else knob.side
    none = value >= 1 if knob.control == "alpha_mass" else value <= 0
    return "" if none else f"{who} keep {kept}"


def _token_words(weight: float, often: float) -> str:
    return (
        f"queries lose terms of at most {weight:.0%} of their strongest weight that are {often:g} "
        "times as frequent as the average"
    )


def _phase_words(ratio: float, rate: float) -> str:
    return (
        f"terms of {ratio:.0%} of the strongest weight choose {window_size(rate)} documents, which "
        "all terms rank"
    )


@dataclass(frozen=True)
class Solution:
    """How far the search is, and the best it knows.

    target: the measure has to reach it. full: at full expansion, nothing pruned.
    best: the cheapest setting that does; None as long as there is none.
    """

    done: int
    planned: int
    measure: str
    cost: str
    target: float
    full: Record
    best: OperatingPoint | None
    tried: int


def solve(
    task: Task, keep: float = 0.98, measure_name: str = "R@1", cost: str = "posting_cost"
) -> Iterator[Solution]:
    """Settings from all knobs, alone and pruned on both sides; the last report is the answer.

    Tried are every rate of the caption level, the mean score and the word level; every pruning of
    captions, of all terms and of expansion terms only, alone and combined with every pruning of
    images; and 8-bit weights on top of the best, where bytes are the cost.

    Args:
        keep: share of the accuracy at full expansion that has to stay.
        cost: one of COSTS but `latency_us`, which is too noisy to rank by.

    Raises:
        QueryError: a share outside (0, 1], or another measure or cost.
    """
    if not 0 < keep <= 1:
        raise QueryError(f"A share of {keep:g} cannot be kept. Use one above 0 and up to 1.")
    if measure_name not in RANK_MEASURES:
        raise QueryError(f"`{measure_name[:40]}` cannot be kept. Use {', '.join(RANK_MEASURES)}.")
    costs = [name for name in COSTS if name != "latency_us"]
    if cost not in costs:
        raise QueryError(f"`{cost[:40]}` is no cost to solve for. Use {', '.join(costs)}.")
    full = measure(task, Knob("caption"), np.array([1.0]))[0]
    # What does not decide is measured for the answer alone.
    whole, task = task, task.without_teacher()
    target = keep * full[measure_name]
    prunings = _image_prunings()
    state = Solution(0, len(prunings) + 1, measure_name, cost, target, full, None, 0)
    state = _tried(state, (), [(Knob(control), RATES) for control in MIXING], task)
    yield state
    for fixed in prunings:
        pruned = under(task, fixed)
        state = _tried(state, fixed, _caption_prunings(pruned), pruned)
        yield state
    if cost == "index_bytes":
        state = _rounded(state, task)
    if (best := state.best) is not None:
        yield replace(state, best=replace(best, record=record_at(whole, best)))


def record_at(task: Task, best: OperatingPoint) -> Record:
    """What an operating point gives on a task, which may be another than it was chosen on."""
    return _records(under(task, best.fixed), best.knob, np.array([best.value]))[0]


def under(task: Task, fixed: tuple[Setting, ...]) -> Task:
    """The task with some prunings done."""
    for knob, value in fixed:
        task = set_to(task, knob, value)
    return task


def _image_prunings() -> list[tuple[Setting, ...]]:
    top = Knob("top-k", "images")
    ratio = Knob("max-ratio", "images")
    return [
        (),
        *(((top, float(k)),) for k in LENGTHS[3:]),
        *(((ratio, share),) for share in _SHARES[1:]),
    ]


def _caption_prunings(task: Task) -> list[tuple[Knob, tuple[float, ...]]]:
    weights = task.captions.matrix.data
    quantiles = np.quantile(weights, np.linspace(0, 0.95, 20)) if len(weights) else np.zeros(1)
    least = tuple(np.unique(np.round(quantiles.astype(np.float64), 4)))
    cut = [("top-k", LENGTHS), ("threshold", least), ("max-ratio", RATIOS), ("alpha_mass", RATES)]
    return [
        *(
            (Knob(control, "captions", part), values)
            for part in ("all", "expansion")
            for control, values in cut
        ),
        # As the engines have them: Elasticsearch's second threshold stays, and OpenSearch's window.
        (Knob("tokens_weight_threshold"), RATIOS),
        (Knob("two_phase.prune_ratio"), _PHASES),
    ]


def _tried(
    state: Solution,
    fixed: tuple[Setting, ...],
    knobs: list[tuple[Knob, tuple[float, ...]]],
    task: Task,
) -> Solution:
    """The state after every value of some knobs."""
    best, tried = state.best, state.tried
    for knob, values in knobs:
        for record in _records(task, knob, np.unique(np.array(values, np.float64))):
            tried += 1
            good = record[state.measure] >= state.target
            if good and (best is None or record[state.cost] < best.record[state.cost]):
                best = OperatingPoint(fixed, knob, record["value"], record)
    return replace(state, done=state.done + 1, best=best, tried=tried)


def _records(task: Task, knob: Knob, values: np.ndarray) -> list[Record]:
    if knob.random:
        return [row.as_dict() for row in sweep(task, knob, values, _DRAWS)]
    return measure(task, knob, values)


def _rounded(state: Solution, task: Task) -> Solution:
    """The best setting with weights of 8 bits on top, if that keeps the target."""
    if (best := state.best) is None:
        return state
    fixed = (*best.fixed, (Knob("bits", task.documents_are), 8.0))
    record = _records(under(task, fixed), best.knob, np.array([best.value]))[0]
    state = replace(state, tried=state.tried + 1)
    if record[state.measure] < state.target:
        return state
    return replace(state, best=OperatingPoint(fixed, best.knob, best.value, record))
