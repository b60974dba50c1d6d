"""How often the named causes of failures are true, by the descriptions of the bundled scenes.

    python -m benchmarks.causes [--models demo demo-lexical] [--write]

The rules read captions, terms and dense vectors. The truth reads none of these: it comes from the
scenes that the pictures were drawn from (`benchmarks/scene_truth.py`). Text to image; the captions
and the query set of paraphrases, each by every model. A cause that is true by definition (no shared
term, pruning, teacher) is counted and not judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from benchmarks.scene_truth import Mentions, mentions, overlap, test_scenes, true_words
from lsr.collection.collection import Collection, load_collection
from lsr.failures.cases import Cases, find_cases, gaps
from lsr.failures.causes import CAUSE_NAMES, LEAST_SHARE, Causes, find_causes
from lsr.failures.measured import MEASURED
from lsr.failures.shares import HUB_SHARE
from lsr.model.loading import load_model
from lsr.search.audit import stem
from lsr.storage.files import write_json
from lsr.sweep.laboratory import Laboratory, open_laboratory
from lsr.world.scene_tables import SPLITS
from lsr.world.scenes import Scene

COMMAND = "python -m benchmarks.causes --write"
QUERY_SETS = ("", "paraphrased")
# Jaccard similarity of two descriptions from which on two scenes count as near-duplicates: they
# have at least as much in common as apart.
NEAR = 0.5
JUDGED = (
    "word in pieces",
    "under-activation",
    "unsupported rival",
    "unsupported query",
    "generic terms",
    "number or order",
    "ambiguous text",
    "near-duplicate",
)


class World(NamedTuple):
    """The test scenes with the words that are true of each, and the share they are true of."""

    scenes: list[Scene]
    words: list[frozenset[str]]
    common: frozenset[str]


def test_world() -> World:
    """The scenes of the test split."""
    scenes = test_scenes(SPLITS["test"])
    words = [true_words(scene) for scene in scenes]
    everything = frozenset().union(*words)
    n = len(scenes)
    common = {one for one in everything if sum(one in some for some in words) >= HUB_SHARE * n}
    return World(scenes, words, frozenset(common))


def number(image_id: str) -> int:
    """Which scene of its split an image shows."""
    return int(image_id.rpartition("-")[2])


def truths(
    cases: Cases, row: int, lab: Laboratory, world: World, told: Mapping[str, Mentions]
) -> dict[str, bool]:
    """What is true of a failure by the descriptions, for each cause that can be judged."""
    documents = cases.task.documents
    answer, rival = (number(documents.ids[one[row]]) for one in (cases.answers, cases.rivals))
    true_of_answer, true_of_rival = world.words[answer], world.words[rival]
    own, other = world.scenes[answer], world.scenes[rival]
    ahead = [
        (stem(one.term), one)
        for one in gaps(cases, row, lab.model.vocabulary.terms)
        if one.difference > 0
    ]
    whole = sum(one.difference for _, one in ahead) or 1

    def explains(*parts: float) -> bool:
        return sum(parts) >= LEAST_SHARE * whole

    said = told[cases.ids[row]]
    shown = said.things_shown(other) and said.place_fits(other, own)
    fits = said.fits(other, own)
    pieces = [
        word
        for word, terms in lab.model.vocabulary.read_words(cases.texts[row])
        if len(terms) != 1 and stem(word.lower()) in true_of_answer - true_of_rival
    ]
    return {
        "word in pieces": bool(pieces),
        "under-activation": explains(
            *(g.difference for word, g in ahead if not g.answer and word in true_of_answer)
        ),
        "unsupported rival": explains(
            *(g.difference for word, g in ahead if word not in true_of_rival)
        ),
        "unsupported query": explains(
            *(g.difference for word, g in ahead if not g.literal and word not in true_of_answer)
        ),
        "generic terms": explains(*(g.difference for word, g in ahead if word in world.common)),
        "number or order": shown and not fits,
        "ambiguous text": fits,
        "near-duplicate": overlap(own, other) >= NEAR,
    }


class Counts(NamedTuple):
    """(causes,) int64 each: named, named and true, true."""

    named: np.ndarray
    right: np.ndarray
    true: np.ndarray


def measure(
    lab: Laboratory, world: World, told: Mapping[str, Mentions]
) -> tuple[Cases, Causes, Counts]:
    """The causes of a laboratory's failures beside the truth."""
    cases = find_cases(lab)
    found = find_causes(cases, lab)
    named, right, true = (np.zeros(len(CAUSE_NAMES), np.int64) for _ in range(3))
    for row in np.flatnonzero((cases.ranks != 1) & (cases.rivals >= 0)):
        truth = truths(cases, int(row), lab, world, told)
        holds = found.holds[row]
        is_true = np.array([truth.get(name, False) for name in CAUSE_NAMES])
        named += holds
        right += holds & is_true
        true += is_true
    return cases, found, Counts(named, right, true)


def told_by(world: World, queries: str) -> dict[str, Mentions]:
    """What every caption, or query of the set, mentions; by id."""
    found = {}
    for place, scene in enumerate(world.scenes):
        for turn, (_, said) in enumerate(mentions(scene, paraphrased=bool(queries))):
            per_scene = 5 * place + turn + 1
            name = f"paraphrased-{per_scene:05d}" if queries else f"test-{place:05d}-{turn}"
            found[name] = said
    return found


def laboratory(collection: Collection, model: str, queries: str) -> Laboratory:
    """A model on the test split."""
    return open_laboratory(collection, load_model(model), "test", queries=queries)


def interval(right: int, named: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    low, high = binomtest(right, named).proportion_ci(method="wilson")
    return float(low), float(high)


def as_json(total: Counts, failures: int, models: list[str]) -> dict[str, object]:
    """What the page shows."""
    judged = [CAUSE_NAMES.index(name) for name in JUDGED]
    rows = {}
    for place in judged:
        named, right, true = (int(part[place]) for part in total)
        rows[CAUSE_NAMES[place]] = {
            "named": named,
            "right": right,
            "true": true,
            "precision": right / named if named else None,
            "recall": right / true if true else None,
            "always": true / failures,
        }
    named, right = (int(part[judged].sum()) for part in total[:2])
    return {
        "command": COMMAND,
        "models": models,
        "queries": ["captions", *QUERY_SETS[1:]],
        "failures": failures,
        "precision": right / named,
        "interval": interval(right, named),
        "causes": rows,
    }


def show(name: str, counts: Counts, failures: int) -> None:
    """Print a table of one setting; always: the precision of a rule that names every failure."""
    print(f"\n{name}: {failures:,} failures")
    print(
        f"{'cause':20}{'named':>7}{'right':>7}{'true':>7}{'precision':>11}{'always':>8}{'recall':>8}"
    )
    judged = [CAUSE_NAMES.index(one) for one in JUDGED]
    for place, cause in enumerate(CAUSE_NAMES):
        named, right, true = (int(part[place]) for part in counts)
        if place not in judged:
            print(f"{cause:20}{named:7}")
            continue
        precision = f"{right / named:.2f}" if named else "-"
        recall = f"{right / true:.2f}" if true else "-"
        print(
            f"{cause:20}{named:7}{right:7}{true:7}{precision:>11}{true / failures:8.2f}{recall:>8}"
        )
    named, right, true = (int(part[judged].sum()) for part in counts)
    low, high = interval(right, named)
    print(
        f"{'all judged':20}{named:7}{right:7}{true:7}{right / named:11.3f}"
        f"{true / failures / len(judged):8.2f}{right / true:8.2f}"
        f"   95 % interval of the precision {low:.3f} to {high:.3f}"
    )


def main() -> None:
    """Print precision and recall by cause and over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["demo", "demo-lexical"])
    parser.add_argument("--write", action="store_true", help="keep the figures that the page shows")
    options = parser.parse_args()
    collection, world = load_collection("demo"), test_world()
    total, failures = Counts(*(np.zeros(len(CAUSE_NAMES), np.int64) for _ in range(3))), 0
    for queries in QUERY_SETS:
        told = told_by(world, queries)
        for model in options.models:
            lab = laboratory(collection, model, queries)
            cases, found, counts = measure(lab, world, told)
            failed = np.flatnonzero(cases.ranks != 1)
            failures += len(failed)
            show(f"{model}, {queries or 'captions'}", counts, len(failed))
            unexplained = found.of(failed)[-1]
            print(f"unexplained: {unexplained:.1%} of the gap, in the mean")
            total = Counts(*(one + other for one, other in zip(total, counts, strict=True)))
    show("Together", total, failures)
    if options.write:
        write_json(MEASURED, as_json(total, failures, options.models))


if __name__ == "__main__":
    main()
