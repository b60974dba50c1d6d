"""The knobs that trade sparsity for accuracy at inference, and what each does to a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lsr.evaluation.task import Side, Task, Which, strongest_first
from lsr.exceptions import QueryError
from lsr.model.expansion import term_draw, word_rates

Sides = Literal["captions", "images", "both"]
Part = Literal["all", "literal", "expansion", "only_score_pruned_tokens"]

RATES = ("caption", "mean", "word", "word-df")
PRUNINGS = ("top-k", "threshold", "max-ratio", "alpha_mass")
# Rules of search engines, under the names that they have there: see `lsr.sweep.engine_rules`. Those
# that look at a query and at how frequent its terms are, and those that rank in a way of their own.
TOKEN_PRUNINGS = ("tokens_weight_threshold", "tokens_freq_ratio_threshold")
RANKINGS = ("two_phase.prune_ratio", "two_phase.expansion_rate", "hybrid")
CONTROLS = (*RATES, *PRUNINGS, "bits", *TOKEN_PRUNINGS, *RANKINGS)
# What OpenSearch calls the prunings that have a name here already.
ALSO = {"top_k": "top-k", "abs_value": "threshold", "max_ratio": "max-ratio"}
PRUNED = "only_score_pruned_tokens"
# What each knob may be set to: the tightest and the loosest value that make sense.
_LIMITS = {
    "top-k": (1.0, 1e6),
    "threshold": (0.0, 1e6),
    "bits": (1.0, 16.0),
    "tokens_freq_ratio_threshold": (0.0, 1e6),
    "two_phase.expansion_rate": (1.0, 1e6),
}
_WHOLE = ("top-k", "bits")
# The knob that stands beside one, and where it stands unless a knob says so, as in the engine.
OTHER = {
    "tokens_weight_threshold": ("tokens_freq_ratio_threshold", 5.0),
    "tokens_freq_ratio_threshold": ("tokens_weight_threshold", 0.4),
    "two_phase.prune_ratio": ("two_phase.expansion_rate", 5.0),
    "two_phase.expansion_rate": ("two_phase.prune_ratio", 0.4),
}


@dataclass(frozen=True)
class Knob:
    """One way to let fewer terms take part.

    control: caption, one coin for each caption: literal terms only, or all. mean: ranking by
        literal score + p × expansion score. word, one coin for each term of the vocabulary, which
        may be an expansion or not. word-df, the same at the rate p × (1 − share of images with
        the term). top-k, the k strongest terms. threshold, weights of at least this. max-ratio, of
        at least this share of the vector's strongest weight. alpha_mass, the strongest that
        together have at most this share of the vector's weights. bits, weights rounded to so many
        bits. tokens_weight_threshold and tokens_freq_ratio_threshold, only in queries: a term goes
        where it is both no heavier than a share of the strongest and more frequent than so many
        times the average. two_phase.prune_ratio and two_phase.expansion_rate: heavy terms choose
        the documents that all terms rank. hybrid: this share of the dense score, the rest sparse.
    side: whose terms a pruning cuts. The other controls act on captions, bits on any.
    part: which terms may be cut: all, or only literal or only expansion ones; of the tokens_
        prunings also only_score_pruned_tokens, which keeps what else would go.
    beside: where the other threshold of a pair stands; None is the engine's default.
    """

    control: str
    side: Sides = "captions"
    part: Part = "all"
    beside: float | None = None

    def __str__(self) -> str:
        part = "" if self.part == "all" else f"/{self.part}"
        beside = "" if self.beside is None else f":{self.beside:g}"
        return self.control + beside + ("" if self.side == "captions" else f"@{self.side}") + part

    @property
    def other(self) -> float:
        """Where the other knob of a pair stands."""
        return OTHER[self.control][1] if self.beside is None else self.beside

    @property
    def needs_words(self) -> bool:
        """Whether it tells a text's literal terms from its expansion terms."""
        return self.control in RATES or self.part in ("literal", "expansion")

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
        inside = np.isfinite(values).all() and (values >= low).all() and (values <= high).all()
        whole = self.control in _WHOLE
        if not (len(values) and inside and not (whole and (values % 1 != 0).any())):
            kind = "whole numbers" if whole else "values"
            most = f"{high:,.0f}" if high >= 1000 else f"{high:g}"
            raise QueryError(f"`{self.control}` takes {kind} from {low:g} to {most}.")


def pruning_stages(side: Side, knob: Knob, values: np.ndarray) -> np.ndarray:
    """(nnz,) int32: the tightest stage of a pruning at which each entry takes part.

    Stage 0 is the tightest value: the least k, or the largest threshold or ratio. Entries outside
    the part that is cut are there from the start.

    Args:
        values: ascending.
    """
    matrix = side.matrix
    cut: dict[str, np.ndarray] = {
        "all": np.ones(matrix.nnz, bool),
        "literal": side.said,
        "expansion": ~side.said,
    }
    chosen = cut[knob.part]
    if knob.control == "top-k":
        place = strongest_first(side if chosen.all() else side.keep(chosen))
        stages = np.zeros(matrix.nnz, np.int32)
        stages[chosen] = np.searchsorted(values, place, side="right")
        return stages
    if knob.control == "alpha_mass":
        stages = np.zeros(matrix.nnz, np.int32)
        shares = mass_up_to(side if chosen.all() else side.keep(chosen))
        stages[chosen] = np.searchsorted(values, shares, side="left")
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


def mass_up_to(side: Side) -> np.ndarray:
    """(nnz,) float64: the share of its vector's weights that each entry and all stronger have."""
    matrix = side.matrix
    shares = np.empty(matrix.nnz)
    ordered = matrix.data[side.by_weight].astype(np.float64)
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        total = np.cumsum(ordered[start:stop])
        shares[side.by_weight[start:stop]] = total / total[-1] if stop > start else total
    return shares


def token_stages(
    side: Side, knob: Knob, values: np.ndarray, frequency: np.ndarray, n_documents: int
) -> np.ndarray:
    """(nnz,) int32: as `pruning_stages`, by the rule of Elasticsearch's pruning_config.

    A term goes where more than tokens_freq_ratio_threshold times the average share of documents
    have it, and its weight is at most tokens_weight_threshold times the query's largest, or where
    no document has it.

    Args:
        frequency: (V,) documents with each term, of `n_documents`.
    """
    heavy = to_peak(side)
    used = int((frequency > 0).sum())
    average = frequency.sum() / max(n_documents, 1) / max(used, 1)
    often = frequency[side.terms] / max(n_documents, 1) / max(average, 1e-12)
    known = frequency[side.terms] > 0
    n = len(values)
    if knob.control == "tokens_weight_threshold":
        # Kept at the thresholds below its share; the largest come first.
        kept_at = np.where(often < knob.other, n, np.searchsorted(values, heavy, side="left"))
        stages = n - np.where(known, kept_at, 0)
        pruned = np.where(known, kept_at, 0)
    else:
        # Kept at the thresholds above its frequency; the smallest come first.
        first = np.where(heavy > knob.other, 0, np.searchsorted(values, often, side="right"))
        stages = np.where(known, first, n)
        pruned = n - stages
    return np.asarray(pruned if knob.part == PRUNED else stages, np.int32)


def stage_order(knob: Knob, values: np.ndarray) -> np.ndarray:
    """`values` (ascending) from the tightest to the loosest."""
    falling = knob.control in ("threshold", "max-ratio", "tokens_weight_threshold")
    return values[::-1] if falling != (knob.part == PRUNED) else values


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
    check_fixable(knob)
    values = np.array([float(value)])
    knob.check(values)
    for which in sides_in(task, knob):
        side = task.side(which)
        if knob.control == "bits":
            weights = rounded(side, value)
            task = task.keep(which, weights > 0, weights)
            if which == task.documents_are:
                task = task.weighed(8 if value <= 8 else 16)
        else:
            task = task.keep(which, stages_in(task, which, knob, values) == 0)
    return task


def check_fixable(knob: Knob) -> None:
    """Refuse to fix a knob that draws, mixes or ranks.

    Raises:
        QueryError: naming what can be fixed.
    """
    if knob.control in (*RATES, *RANKINGS):
        raise QueryError(
            f"{knob.control} can only be swept. Fix top-k, threshold, max-ratio or bits."
        )


def sides_in(task: Task, knob: Knob) -> tuple[Which, ...]:
    """The sides of a task that a pruning cuts; an engine's token pruning cuts whoever searches."""
    return (task.queries_are,) if knob.control in TOKEN_PRUNINGS else knob.sides


def stages_in(task: Task, which: Which, knob: Knob, values: np.ndarray) -> np.ndarray:
    """`pruning_stages` of a side of a task, or `token_stages` against its documents."""
    side = task.side(which)
    if knob.control not in TOKEN_PRUNINGS:
        return pruning_stages(side, knob, values)
    return token_stages(side, knob, values, document_frequency(task), _filled(task.documents))


def document_frequency(task: Task) -> np.ndarray:
    """(V,) int64: how many documents of a task activate each term."""
    return np.bincount(task.documents.terms, minlength=task.documents.matrix.shape[1])


def _filled(side: Side) -> int:
    """Vectors with a term, which is what Elasticsearch counts."""
    return int((np.diff(side.starts) > 0).sum())


def literal_only(task: Task) -> Task:
    """The task with nothing but literal terms in its captions."""
    return task.keep("captions", task.captions.said)


def drawn(task: Task, knob: Knob, rate: float, draw: int, seed: int) -> Task:
    """The task in one draw of a word-level knob."""
    uniform = word_draw(task, knob, draw, seed)
    return task.keep("captions", word_stages(task.captions, np.array([rate]), uniform) == 0)
