"""Speed of the sweeps of `lsr.sweep`, beside a plain loop that scores every setting anew.

    python -m benchmarks.sweep                        demo: 1,000 images × 5,000 captions
    python -m benchmarks.sweep --shape coco           5,000 × 25,000 made vectors, ours alone
    python -m benchmarks.sweep --shape coco --loop    the loop too

Both search images by caption and give every measure: R@1, R@5, R@10, MRR@10, Exact@20, Semantic@20,
overlap@10, active terms, FLOPs, posting cost. For each setting and draw the loop masks the caption
matrix, multiplies blocks of 500 captions by the image matrix with scipy, counts ranks, ties against
the system, picks the ten best of each caption, and judges the 20 strongest terms of each one by
one, as `lsr.evaluation.measures` does. It runs on one thread, ours on `--threads`: give 1 to
compare threads.

Ours is the median of a few repetitions, each on a fresh task, so that it includes the inverted
index and the order by weight that a first sweep builds; a tiny task beforehand compiles the loops.
`make_task` is outside: it is timed once, and the second ratio has it on our side, because it holds
the cosines behind Semantic@20, which the loop computes at each setting. The teacher's ten are on
neither side. The loop would take minutes, so it runs only every Nth setting, in turns with ours,
and its time is scaled up.

At the caption level the loop draws one coin for each caption at each rate, once. That is the
cheapest it can do without the closed form; whoever averages 8 draws takes 8 times as long, and
whoever sees that two scorings make up all rates has the closed form. So this line compares an exact
curve with a noisy one: their distance is given in standard deviations of one draw. The other lines
have the same masks on both sides, so that their R@1 must agree; where it does not, the run fails.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numba
import numpy as np
import scipy
import scipy.sparse as sp

from lsr.ablation.run_process import peak_memory
from lsr.collection.collection import load_collection
from lsr.evaluation.evaluate import term_vectors_for
from lsr.evaluation.measures import exact_at, semantic_at, summarize
from lsr.evaluation.pairs import Pairs
from lsr.evaluation.projected import ProjectedSplit, project_split
from lsr.evaluation.task import Task, make_task
from lsr.model.expansion import term_draw
from lsr.model.loading import load_model
from lsr.model.sparse import SparseVectors, keep_strongest
from lsr.sweep.knobs import Knob
from lsr.sweep.measure import measure
from lsr.sweep.solve import LENGTHS, RATIOS
from lsr.sweep.sweep import Draws, sweep

N_TERMS, SIZE, SEED = 30_522, 64, 0
RAN_BY_LOOP = 12
_BLOCK, _TOP_TERMS = 500, 20


@dataclass(frozen=True)
class Shape:
    """What is swept: a projected split and the word vectors of its terms."""

    projected: ProjectedSplit
    term_vectors: np.ndarray

    def task(self) -> Task:
        return make_task(self.projected, term_vectors=self.term_vectors)

    def __str__(self) -> str:
        images, captions = self.projected.images, self.projected.captions
        said = self.projected.literal_flags.sum() / len(captions)
        return (
            f"{len(images):,} images × {len(captions):,} captions; {images.active_terms:.1f} terms "
            f"an image, {captions.active_terms:.1f} a caption, {said:.1f} of them literal"
        )


def demo() -> Shape:
    """The test split of the bundled collection, as the bundled model sees it."""
    collection = load_collection("demo")
    model = load_model("demo")
    vectors = term_vectors_for(model.vocabulary)
    if vectors is None:
        raise SystemExit("The model has another vocabulary than the bundled one.")
    return Shape(project_split(collection, model, "test"), vectors)


def coco() -> Shape:
    """As many images and captions as a test split of MSCOCO has, made at random."""
    return made(5_000)


def made(n_images: int, captions_each: int = 5) -> Shape:
    """Random vectors: about 100 terms an image; 30 a caption, 8 literal, a third its image's."""
    source = np.random.default_rng(SEED)
    popularity = 1 / (np.arange(N_TERMS) + 20)
    ends = np.cumsum(source.permutation(popularity / popularity.sum()))
    images = _rows(n_images, *_popular(source, ends, n_images, 106))
    image_of = np.repeat(np.arange(n_images, dtype=np.int32), captions_each)
    n = len(image_of)
    shared = np.repeat(np.arange(n), 9)
    lengths = np.diff(images.indptr)[image_of[shared]]
    picked = images.indptr[image_of[shared]] + (source.random(len(shared)) * lengths).astype(int)
    rows, terms, weights = _popular(source, ends, n, 22)
    captions = _rows(
        n,
        np.concatenate([shared, rows]),
        np.concatenate([images.indices[picked], terms]),
        np.concatenate([source.exponential(1.0, len(shared)), weights]),
    )
    literal = captions.copy()
    literal.data = (source.random(captions.nnz) < 8 / 30).astype(np.float32)
    literal.eliminate_zeros()
    pairs = Pairs(
        np.arange(n_images),
        np.arange(n),
        _unit(source, n_images),
        _unit(source, n),
        image_of,
        [""] * n,
    )
    projected = ProjectedSplit(
        pairs,
        SparseVectors(images, tuple(f"{row:05}" for row in range(n_images)), "made"),
        SparseVectors(captions, tuple(f"{row:06}" for row in range(n)), "made"),
        literal.astype(bool),
    )
    return Shape(projected, _unit(source, N_TERMS))


def _popular(
    source: np.random.Generator, ends: np.ndarray, n: int, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, terms, weights) of n vectors, terms drawn by popularity."""
    rows = np.repeat(np.arange(n), source.poisson(length, n))
    terms = np.minimum(np.searchsorted(ends, source.random(len(rows))), N_TERMS - 1)
    return rows, terms, source.exponential(1.0, len(rows))


def _rows(n: int, rows: np.ndarray, terms: np.ndarray, weights: np.ndarray) -> sp.csr_matrix:
    """A term drawn twice adds its weights."""
    found = sp.csr_matrix((weights.astype(np.float32), (rows, terms)), shape=(n, N_TERMS))
    found.sort_indices()
    return found


def _unit(source: np.random.Generator, n: int) -> np.ndarray:
    vectors = source.standard_normal((n, SIZE), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass(frozen=True)
class Setting:
    """One value of a knob in one draw."""

    knob: Knob
    value: float
    draw: int


@dataclass(frozen=True)
class Line:
    """A line of the table: knobs with their values, and how fast the sweep is meant to be.

    target: seconds at most. target_ratio: times as fast as the loop at least; None = any.
    """

    name: str
    knobs: tuple[tuple[Knob, np.ndarray], ...]
    target: float
    target_ratio: float | None = None
    draws: int = 1

    def settings(self) -> list[Setting]:
        """All settings, by value before draw, so that every Nth is spread over the values."""
        return [
            Setting(knob, float(value), draw)
            for knob, values in self.knobs
            for value, draw in product(values, range(self.draws))
        ]

    def sample(self, step: int | None) -> list[Setting]:
        """Every Nth setting."""
        all_of_them = self.settings()
        step = min(step or math.ceil(len(all_of_them) / RAN_BY_LOOP), len(all_of_them))
        return all_of_them[step // 2 :: step]

    def sweep(self, task: Task) -> None:
        for knob, values in self.knobs:
            sweep(task, knob, values, Draws(self.draws))


def lines_of(shape: str, task: Task) -> dict[str, Line]:
    """The lines by name, `caption`, `word` and, of the small shape, `pruning`."""
    rates = ((Knob("caption"), np.linspace(0, 1, 101)),)
    if shape == "coco":
        word = ((Knob("word"), np.linspace(0, 1, 11)),)
        return {
            "caption": Line("caption level, 101 rates", rates, 3),
            "word": Line("word level, 11 rates × 8 draws", word, 60, draws=8),
        }
    word = ((Knob("word"), np.linspace(0, 1, 21)),)
    weights = task.captions.matrix.data.astype(np.float64)
    prunings = (
        (Knob("top-k"), np.array(LENGTHS, np.float64)),
        (Knob("threshold"), np.unique(np.quantile(weights, np.linspace(0, 0.95, 20)))),
        (Knob("max-ratio"), np.array(RATIOS)),
    )
    return {
        "caption": Line("caption level, 101 rates", rates, 0.3, 30),
        "word": Line("word level, 21 rates × 32 draws", word, 5, 15, draws=32),
        "pruning": Line("pruning, 3 knobs × 20 values", prunings, 3),
    }


@dataclass(frozen=True)
class Loop:
    """The straightforward way: each setting masks, scores and counts anew.

    terms_seconds: what Exact@20 and Semantic@20 took, one entry a setting.
    """

    shape: Shape
    terms_seconds: list[float] = field(default_factory=list)

    @cached_property
    def turned(self) -> sp.csr_matrix:
        """(V, n) images as scipy multiplies by them; as csc it would turn them at every block."""
        return self.shape.projected.images.matrix.T.tocsr()

    @cached_property
    def frequency(self) -> np.ndarray:
        return self.shape.projected.images.document_frequency

    @cached_property
    def said(self) -> np.ndarray:
        return self.shape.projected.literal_flags

    @cached_property
    def teacher(self) -> np.ndarray:
        """(m, 10) images that the dense vectors rank first."""
        pairs = self.shape.projected.pairs
        blocks = range(0, len(pairs.caption_vectors), _BLOCK)
        scores = (pairs.caption_vectors[at : at + _BLOCK] @ pairs.image_vectors.T for at in blocks)
        return np.concatenate([np.argsort(-one, axis=1, kind="stable")[:, :10] for one in scores])

    def prepare(self) -> None:
        """Compute what no setting changes."""
        _ = self.turned, self.frequency, self.said, self.teacher

    def measure(self, setting: Setting) -> dict[str, float]:
        """Every measure at one setting."""
        captions = self.masked(setting)
        found = self.ranking(captions)
        started = time.perf_counter()
        found |= self.term_quality(captions)
        self.terms_seconds.append(time.perf_counter() - started)
        return found

    def masked(self, setting: Setting) -> sp.csr_matrix:
        """The captions with the terms that the setting leaves."""
        matrix, value = self.shape.projected.captions.matrix, setting.value
        weights, rows = matrix.data.astype(np.float64), self.rows
        match setting.knob.control:
            case "caption":
                coins = np.random.default_rng((SEED, round(1000 * value))).random(matrix.shape[0])
                kept = self.said | (coins < value)[rows]
            case "word":
                uniform = term_draw(matrix.shape[1], setting.draw, SEED).astype(np.float64)
                kept = self.said | (uniform < value)[matrix.indices]
            case "top-k":
                return keep_strongest(matrix, int(value))
            case "threshold":
                kept = weights >= value
            case _:
                peaks = matrix.max(axis=1).toarray()[:, 0].astype(np.float64)
                kept = weights / peaks[rows] >= value
        masked = matrix.copy()
        masked.data[~kept] = 0
        masked.eliminate_zeros()
        return masked

    @cached_property
    def rows(self) -> np.ndarray:
        """(nnz,) caption of each entry."""
        matrix = self.shape.projected.captions.matrix
        return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))

    def ranking(self, captions: sp.csr_matrix) -> dict[str, float]:
        """Measures of the ranking, and costs."""
        m, relevant = captions.shape[0], self.shape.projected.pairs.relevant
        ranks, shared = np.zeros(m, np.int64), np.zeros(m, np.int64)
        for start in range(0, m, _BLOCK):
            block = slice(start, min(start + _BLOCK, m))
            scores = (captions[block] @ self.turned).toarray()
            places = np.arange(len(scores))[:, None]
            own = scores[places, relevant[block][:, None]]
            ranks[block] = np.where(own[:, 0] > 0, (scores >= own).sum(axis=1), 0)
            best = np.argpartition(-scores, 9, axis=1)[:, :10]
            hits = np.where(scores[places, best] > 0, best, -1)
            teacher = self.teacher[block]
            shared[block] = (hits[:, :, None] == teacher[:, None, :]).sum(axis=(1, 2))
        cost = float(np.bincount(captions.indices, minlength=captions.shape[1]) @ self.frequency)
        return {
            **summarize(ranks),
            "overlap@10": float(shared.mean() / 10),
            "active_terms_query": captions.nnz / m,
            "posting_cost": cost / m,
            "flops": cost / m / self.turned.shape[1],
        }

    def term_quality(self, captions: sp.csr_matrix) -> dict[str, float]:
        """Exact@20 and Semantic@20."""
        top, literal = keep_strongest(captions, _TOP_TERMS), self.shape.projected.literal
        return {
            "exact@20": exact_at(top, literal, _TOP_TERMS),
            "semantic@20": semantic_at(top, literal, _TOP_TERMS, self.shape.term_vectors),
        }


@dataclass(frozen=True)
class Compared:
    """ours: median seconds. loop: seconds, scaled up to all settings; None if it did not run.

    terms_share: of the loop's time, that of Exact@20 and Semantic@20. agreement: how far the
    measures of both are apart, in words. same: whether R@1 agrees.
    """

    ours: float
    loop: float | None = None
    ran: int = 0
    terms_share: float = 0.0
    agreement: str = ""
    same: bool = True


def compared(
    shape: Shape, line: Line, loop: Loop | None, step: int | None, repetitions: int
) -> Compared:
    """Ours and the loop in turns, so that a machine's slow minute meets both."""
    ours: list[float] = []
    sample = line.sample(step) if loop else []
    found: dict[Setting, dict[str, float]] = {}
    loop_seconds = 0.0
    for repetition in range(repetitions):
        task = shape.task()
        _ = task.teacher_top
        ours.append(seconds(lambda task=task: line.sweep(task)))
        if loop:
            started = time.perf_counter()
            found |= {one: loop.measure(one) for one in sample[repetition::repetitions]}
            loop_seconds += time.perf_counter() - started
    median = statistics.median(ours)
    if not loop:
        return Compared(median)
    terms_share = sum(loop.terms_seconds[-len(sample) :]) / loop_seconds
    scaled = loop_seconds * len(line.settings()) / len(sample)
    return Compared(median, scaled, len(sample), terms_share, *agreement(task, line, found))


def agreement(task: Task, line: Line, found: dict[Setting, dict[str, float]]) -> tuple[str, bool]:
    """How far what the loop found is from ours, and whether R@1 is the same."""
    apart: dict[str, float] = defaultdict(float)
    deviations: list[float] = []
    for knob, values in line.knobs:
        for draw in {one.draw for one in found if one.knob == knob}:
            for record in measure(task, knob, values, draw=draw, seed=SEED):
                theirs = found.get(Setting(knob, record["value"], draw))
                if theirs is None:
                    continue
                if spread := record.get("R@1_std", 0.0):
                    deviations.append(abs(record["R@1"] - theirs["R@1"]) / spread)
                for name, value in theirs.items():
                    apart[name] = max(apart[name], abs(record[name] - value) / max(abs(value), 1))
    if deviations:
        worst = max(deviations)
        return f"R@1 of each draw within {worst:.1f} deviations of the exact mean", worst < 5
    worst = max(apart, key=lambda name: apart[name])
    same = apart["R@1"] <= 1e-9
    return (
        f"R@1 {'equal within' if same else 'DIFFERS by'} {apart['R@1']:.1e}, "
        f"all measures within {apart[worst]:.1e} ({worst})"
    ), same


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes, once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def warm_up() -> float:
    """Seconds that compiling takes, or loading what was compiled before."""
    task = made(20, 2).task()
    knobs = [Knob("caption"), Knob("word"), Knob("top-k")]
    return seconds(lambda: [sweep(task, knob, [1.0], Draws(1)) for knob in knobs])


def prepared(shape: Shape) -> tuple[Task, float]:
    """A task, and the seconds of `make_task`; prints what it takes to prepare one."""
    made_in = seconds(shape.task)
    task = shape.task()
    teacher = seconds(lambda: task.teacher_top)
    index = seconds(lambda: (task.documents.postings, task.captions.by_weight, task.relevant))
    print(
        f"once a task: make_task {made_in:.2f} s, teacher's ten {teacher:.2f} s, index and order "
        f"by weight {index:.2f} s (the last is in `ours` too)"
    )
    return task, made_in


def print_line(line: Line, one: Compared, made_in: float) -> None:
    """One line of the table."""
    target = f"under {line.target:g} s"
    good = one.ours < line.target
    loop = f"{'–':>9}{'–':>9}{'–':>9}{'–':>11}"
    if one.loop is not None:
        ran = f"{one.ran}/{len(line.settings())}"
        loop = f"{one.loop:9.1f}{ran:>9}{_times(one.loop / one.ours):>9}"
        loop += f"{_times(one.loop / (one.ours + made_in)):>11}"
        if line.target_ratio:
            good = good and one.loop >= line.target_ratio * one.ours
    if line.target_ratio:
        target += f", {line.target_ratio:g} ×"
    print(f"{line.name:32}{one.ours:8.3f}{loop}  {target}: {'met' if good else 'MISSED'}")
    if one.loop is not None:
        print(f"    {one.agreement}; Exact and Semantic@20 take {one.terms_share:.0%} of the loop")
    sys.stdout.flush()


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} ×"


def options_of_command_line() -> argparse.Namespace:
    """What the options ask for."""
    most = numba.config.NUMBA_NUM_THREADS
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", choices=["demo", "coco"], default="demo")
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help=f"the loop runs every Nth setting (as many as make about {RAN_BY_LOOP} settings)",
    )
    parser.add_argument("--threads", type=int, default=most, help=f"of ours, 1 to {most} ({most})")
    parser.add_argument("--repetitions", type=int, default=3, help="of ours (3)")
    parser.add_argument("--only", choices=["caption", "word", "pruning"], help="one line only")
    parser.add_argument("--loop", action="store_true", help="run the loop for coco too")
    options = parser.parse_args()
    if not 1 <= options.threads <= most:
        parser.error(f"--threads: use 1 to {most}")
    if options.repetitions < 1 or (options.sample is not None and options.sample < 1):
        parser.error("--repetitions and --sample: use 1 or more")
    return options


def main() -> None:
    """Measure and print the table."""
    options = options_of_command_line()
    numba.set_num_threads(options.threads)
    compiling = warm_up()
    shape = {"demo": demo, "coco": coco}[options.shape]()
    print(f"{options.shape}: {shape}")
    print(
        f"ours {options.threads} threads ({numba.threading_layer()}), the loop 1; numpy "
        f"{np.__version__}, scipy {scipy.__version__}, numba {numba.__version__}"
    )
    print(f"compiling, or loading what was compiled: {compiling:.2f} s")
    task, made_in = prepared(shape)
    lines = lines_of(options.shape, task)
    if options.only and options.only not in lines:
        raise SystemExit(f"Shape {options.shape} has no line `{options.only}`.")
    loop = Loop(shape) if options.shape == "demo" or options.loop else None
    if loop:
        loop.prepare()
    print(f"\n{'':32}{'ours s':>8}{'loop s':>9}{'it ran':>9}{'ratio':>9}{'+make_task':>11}  target")
    same = True
    for name, line in lines.items():
        if options.only in (None, name):
            one = compared(shape, line, loop, options.sample, options.repetitions)
            print_line(line, one, made_in)
            same = same and one.same
    print(
        f"\nours: median of {options.repetitions}. loop: scaled up from the settings it ran. "
        "ratio: loop / ours;\n+make_task: loop / (make_task + ours)."
    )
    print(f"peak memory: {peak_memory() / 1e9:.2f} GB{' with the loop' if loop else ''}")
    if not same:
        raise SystemExit("Ours and the loop do not agree.")


if __name__ == "__main__":
    main()
