"""The knobs that trade sparsity for accuracy at inference, and what each does to a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from lsr.evaluation.task import Side, Task, Which, strongest_first
from lsr.exceptions import QueryError, shorten
from lsr.model.expansion import term_draw, word_rates

Sides = Literal["captions", "images", "both"]
Part = Literal["all", "literal", "expansion"]

RATES = ("caption", "mean", "word", "word-df")
PRUNINGS = ("top-k", "threshold", "max-ratio")
CONTROLS = (*RATES, *PRUNINGS, "bits")
# What each knob may be set to: the tightest and the loosest value that make sense.
_LIMITS = {"top-k": (1.0, 1e6), "threshold": (0.0, 1e6), "bits": (1.0, 16.0)}
_WHOLE = ("top-k", "bits")


@dataclass(frozen=True)
class Knob:
    """One way to let fewer terms take part.

    control: caption, one coin for each caption: literal terms only, or all. mean: ranking by
        literal score + p × expansion score. word, one coin for each term of the vocabulary, which
        may be an expansion or not. word-df, the same at the rate p × (1 − share of images with
        the term). top-k, the k strongest terms. threshold, weights of at least this. max-ratio, of
        at least this share of the vector's strongest weight. bits, weights rounded to so many bits.
    side: whose terms a pruning cuts. The other controls act on captions, bits on any.
    part: which terms may be cut: all, or only literal or only expansion ones.
    """

    control: str
    side: Sides = "captions"
    part: Part = "all"

    def __str__(self) -> str:
        part = "" if self.part == "all" else f"/{self.part}"
        return self.control + ("" if self.side == "captions" else f"@{self.side}") + part

    @property
    def needs_words(self) -> bool:
        """Whether it tells a text's literal terms from its expansion terms."""
        return self.control in RATES or self.part != "all"

    @property
    def random(self) -> bool:
        """Whether a sweep has to draw."""
        return self.control in ("word", "word-df")

    @property
    def sides(self) -> tuple[Which, ...]:
        return ("captions", "images") if self.side == "both" else (self.side,)

    @property
    def limits(self) -> tuple[float, float]:
        """Least and largest value."""
        return _LIMITS.get(self.control, (0.0, 1.0))

    def values(self, start: float, stop: float, steps: int) -> np.ndarray:
        """`steps` evenly spaced values, ascending; whole numbers where the knob has no others.

        Raises:
            QueryError: fewer than 1 step or more than 1,001, or a value the knob does not have.
        """
        if not 1 <= steps <= 1001:
            raise QueryError(f"A sweep of {steps} steps is not possible. Use 1 to 1001 steps.")
        low, high = self.limits
        if not (np.isfinite([start, stop]).all() and low <= start <= stop <= high):
            raise QueryError(
                f"A {self.control} sweep from {start:g} to {stop:g} is not possible. Use values "
                f"from {low:g} to {high:g}, the smaller one first."
            )
        values = np.linspace(start, stop, steps)
        return np.unique(values.round()) if self.control in _WHOLE else values

    def check(self, values: np.ndarray) -> None:
        """Refuse values that the knob does not have.

        Raises:
            QueryError: naming the limits.
        """
        low, high = self.limits
        if not (len(values) and np.isfinite(values).all() and (values >= low).all()):
            raise QueryError(f"A {self.control} sweep needs values from {low:g} to {high:g}.")
        if (values > high).any():
            raise QueryError(f"A {self.control} sweep needs values from {low:g} to {high:g}.")
        if self.control in _WHOLE and (values % 1 != 0).any():
            raise QueryError(f"A {self.control} sweep needs whole numbers.")


def parse_knob(text: str) -> Knob:
    """The knob that `control[@side][/part]` names, such as `top-k@images/expansion`.

    Raises:
        QueryError: an unknown word, or a side or part that the control does not have.
    """
    head, slash, part = text.partition("/")
    control, at, side = head.partition("@")
    side, part = side if at else "captions", part if slash else "all"
    if control not in CONTROLS:
        raise QueryError(f"`{shorten(control)}` is no control. Use {', '.join(CONTROLS)}.")
    if side not in get_args(Sides) or part not in get_args(Part):
        raise QueryError(
            f"`{shorten(text)}` is no control. After @ write captions, images or both; after / "
            "write all, literal or expansion."
        )
    knob = Knob(control, side, part)  # type: ignore[arg-type]
    if (control in RATES and head != control) or (slash and control not in PRUNINGS):
        raise QueryError(
            f"`{shorten(text)}` is no control: {control} acts on "
            + ("the expansion terms of captions." if control in RATES else "all terms of a side.")
        )
    return knob


def parse_setting(text: str) -> tuple[Knob, float]:
    """The pruning that `knob=value` fixes, such as `top-k@images=40`.

    Raises:
        QueryError: another form, a knob that draws or mixes, or a value it does not have.
    """
    name, _, number = text.partition("=")
    knob = parse_knob(name)
    if knob.control in RATES:
        raise QueryError(
            f"{knob.control} can only be swept. Fix top-k, threshold, max-ratio, bits."
        )
    try:
        value = float(number)
    except ValueError:
        raise QueryError(f"`{shorten(text)}` fixes nothing. Write it as top-k@images=40.") from None
    knob.check(np.array([value]))
    return knob, value


def pruning_stages(side: Side, knob: Knob, values: np.ndarray) -> np.ndarray:
    """(nnz,) int32: the tightest stage of a pruning at which each entry takes part.

    Stage 0 is the tightest value: the least k, or the largest threshold or ratio. Entries outside
    the part that is cut are there from the start.

    Args:
        values: ascending.
    """
    matrix = side.matrix
    cut = {"all": np.ones(matrix.nnz, bool), "literal": side.said, "expansion": ~side.said}
    chosen = cut[knob.part]
    if knob.control == "top-k":
        place = strongest_first(side if chosen.all() else side.keep(chosen))
        stages = np.zeros(matrix.nnz, np.int32)
        stages[chosen] = np.searchsorted(values, place, side="right")
        return stages
    weights = to_peak(side) if knob.control == "max-ratio" else matrix.data.astype(np.float64)
    stages = (len(values) - np.searchsorted(values, weights, side="right")).astype(np.int32)
    stages[~chosen] = 0
    return stages


def to_peak(side: Side) -> np.ndarray:
    """(nnz,) float64: every weight as a share of the strongest one of its vector."""
    matrix = side.matrix
    weights = matrix.data.astype(np.float64)
    lengths = np.diff(matrix.indptr)
    peaks = np.ones(len(lengths))
    filled = lengths > 0
    if matrix.nnz:
        peaks[filled] = np.maximum.reduceat(weights, matrix.indptr[:-1][filled])
    return np.asarray(weights / np.repeat(peaks, lengths))


def stage_order(knob: Knob, values: np.ndarray) -> np.ndarray:
    """`values` (ascending) from the tightest to the loosest."""
    return values[::-1] if knob.control in ("threshold", "max-ratio") else values


def word_stages(side: Side, rates: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """(nnz,) int32: the first of ascending `rates` at which a caption term takes part in a draw.

    Args:
        uniform: (V,) a number for each term; it may be an expansion at rates above it.
    """
    joins = np.searchsorted(rates, uniform, side="right").astype(np.int32)
    return np.where(side.said, 0, joins[side.terms])


def word_draw(task: Task, knob: Knob, draw: int, seed: int) -> np.ndarray:
    """(V,) float32: the number of each term in one draw; the same draw serves every rate.

    For `word-df` it is divided by 1 − the share of images that activate the term, so that a term
    joins where rate × (1 − share) passes the number drawn.
    """
    frequency = np.bincount(task.images.terms, minlength=task.images.matrix.shape[1])
    return word_numbers(knob, frequency, len(task.images), draw, seed)


def word_numbers(
    knob: Knob, frequency: np.ndarray, n_images: int, draw: int, seed: int
) -> np.ndarray:
    """`word_draw`, given how many of the images activate each term (V,)."""
    uniform = term_draw(len(frequency), draw, seed)
    if knob.control == "word":
        return uniform
    allowed = word_rates(frequency, n_images)
    return np.where(allowed > 0, uniform / np.maximum(allowed, 1e-12), np.inf)


def rounded(side: Side, bits: float, top: float | None = None) -> np.ndarray:
    """(nnz,) float32 weights on 2^bits − 1 even steps up to `top`; some become 0.

    Args:
        top: the side's largest weight, if not given.
    """
    top = float(side.matrix.data.max(initial=0.0)) if top is None else top
    steps = 2 ** int(bits) - 1
    whole = np.rint(side.matrix.data.astype(np.float64) * (steps / max(top, 1e-12)))
    return (whole * (top / steps)).astype(np.float32)


def set_to(task: Task, knob: Knob, value: float) -> Task:
    """The task with a pruning or a rounding fixed.

    Raises:
        QueryError: the knob mixes or draws, or the value is outside its limits.
    """
    if knob.control in RATES:
        raise QueryError(
            f"{knob.control} can only be swept. Fix top-k, threshold, max-ratio or bits."
        )
    values = np.array([float(value)])
    knob.check(values)
    for which in knob.sides:
        side = task.side(which)
        if knob.control == "bits":
            weights = rounded(side, value)
            task = task.keep(which, weights > 0, weights)
            if which == task.documents_are:
                task = task.weighed(8 if value <= 8 else 16)
        else:
            task = task.keep(which, pruning_stages(side, knob, values) == 0)
    return task


def literal_only(task: Task) -> Task:
    """The task with nothing but literal terms in its captions."""
    return task.keep("captions", task.captions.said)


def drawn(task: Task, knob: Knob, rate: float, draw: int, seed: int) -> Task:
    """The task in one draw of a word-level knob."""
    uniform = word_draw(task, knob, draw, seed)
    return task.keep("captions", word_stages(task.captions, np.array([rate]), uniform) == 0)
