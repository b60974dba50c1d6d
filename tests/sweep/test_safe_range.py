"""How far a pruning may go, against searching under every value that cuts another entry."""

import math

import numpy as np
import pytest

from lsr.evaluation.task import Side, Task
from lsr.exceptions import QueryError
from lsr.model.sparse import from_dense
from lsr.sweep.safe_range import safe_ranges

CASES = 20
N_IMAGES, N_TERMS = 12, 10


def world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and a query; weights of few levels make ties, in scores and at values."""
    rng = np.random.default_rng(seed)
    images = rng.choice([0, 0, 0.25, 0.5, 0.75, 1.0, 3.75], size=(N_IMAGES, N_TERMS))
    query = rng.choice([0, 0.25, 0.5, 1.0, 1.5], size=N_TERMS)
    if seed % 2:
        images *= rng.uniform(0.5, 1, images.shape)
        query *= rng.uniform(0.5, 1, query.shape)
    query[rng.integers(N_TERMS)] = 3.75
    return images.astype(np.float32), query.astype(np.float32)


def side_of(block: np.ndarray, name: str) -> Side:
    matrix = from_dense(block)
    ids = tuple(f"{name}{row:02d}" for row in range(len(block)))
    return Side(ids, matrix, np.zeros(matrix.nnz, bool), np.zeros((len(block), 1), np.float32))


def task_of(images: np.ndarray, query: np.ndarray) -> tuple[Task, Side]:
    asked = side_of(query[None], "c")
    task = Task("text-to-image", asked, side_of(images, "i"), np.zeros(1, np.int32))
    return task, asked


def hits(images: np.ndarray, query: np.ndarray, k: int) -> list[int]:
    products = images.astype(np.float32).astype(np.float64) * query.astype(np.float32)
    scores = [math.fsum(row) for row in products]  # the same however they are added up
    order = sorted(range(len(images)), key=lambda row: (-scores[row], row))
    return [row for row in order if scores[row] > 0][:k]


def cut(block: np.ndarray, control: str, value: float) -> np.ndarray:
    if control == "bits":
        step = float(block.max()) / (2 ** int(value) - 1)
        return np.round(block.astype(np.float64) / step) * step
    kept = block.astype(np.float64)
    for row in kept:
        if control == "alpha_mass":
            order = np.argsort(-row, kind="stable")
            sums = np.cumsum(row[order])
            row[order[sums / (sums[-1] or 1) > value]] = 0
        elif control == "top-k":
            row[np.argsort(-row, kind="stable")[int(value) :]] = 0
        else:
            row[row / (row.max() or 1 if control == "max-ratio" else 1) < value] = 0
    return kept


def values_of(images: np.ndarray, query: np.ndarray, control: str) -> list[float]:
    """Every value that may matter, loosest first."""
    if control in ("top-k", "bits"):
        return [float(n) for n in range(N_TERMS if control == "top-k" else 16, 0, -1)]
    both = [images.astype(np.float64), query[None].astype(np.float64)]
    if control == "alpha_mass":
        sums = [np.cumsum(-np.sort(-block, axis=1), axis=1) for block in both]
        shares = [block / np.maximum(block[:, -1:], 1e-30) for block in sums]
        return np.unique([0, *shares[0].ravel(), *shares[1].ravel()])[::-1].tolist()
    if control == "max-ratio":
        both = [block / np.maximum(block.max(axis=1, keepdims=True), 1e-30) for block in both]
    steps = np.unique(np.concatenate([block.ravel() for block in both]))
    return [*steps.tolist(), float(np.nextafter(steps[-1], np.inf))]


@pytest.mark.parametrize("k", [1, 3, 20])  # 3 × 20 worlds × 15 knobs
def test_up_to_the_value_named_hits_stay_and_beyond_it_they_do_not(k):
    ended, apart = 0, 0
    for seed in range(CASES):
        images, query = world(seed)
        first = hits(images, query, k)
        for one in safe_ranges(*task_of(images, query), k):
            control, side = one.knob.control, one.knob.side
            order = members = True
            for value in values_of(images, query, control):
                asked, kept = query[None], images
                if side in ("captions", "both"):
                    asked = cut(query[None], control, value)
                if side in ("images", "both"):
                    kept = cut(images, control, value)
                now = hits(kept, asked[0], k)
                order &= now == first
                members &= set(now) == set(first)
                loose = control in ("top-k", "alpha_mass", "bits")
                for stays, named in ((order, one.order), (members, one.members)):
                    safe = named is not None and (value >= named if loose else value <= named)
                    assert safe == stays, (seed, str(one.knob), value, named)
            ended += not members
            apart += one.order != one.members
    assert ended > 8 * CASES  # of 15: most lose something at the tightest value
    assert (apart > 0) == (k > 1)


def test_every_control_and_side_has_a_range():
    found = safe_ranges(*task_of(*world(3)), 5)
    assert [str(one.knob) for one in found] == [
        f"{control}{side}"
        for control in ("top-k", "threshold", "max-ratio", "alpha_mass", "bits")
        for side in ("", "@images", "@both")
    ]


def test_without_a_hit_nothing_can_stay():
    images, query = world(3)
    assert safe_ranges(*task_of(images * 0, query), 5) == []
    assert safe_ranges(*task_of(images, query * 0), 5) == []


@pytest.mark.parametrize("k", [0, 101])
def test_another_number_of_hits_is_refused(k):
    with pytest.raises(QueryError, match=f"first {k} hits cannot be followed"):
        safe_ranges(*task_of(*world(3)), k)
