"""Every knob against a brute-force recomputation on small random data."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from lsr.exceptions import QueryError
from lsr.expansion import term_draws
from lsr.judged import JudgedSplit
from lsr.pairs import Pairs
from lsr.sparse import SparseVectors, from_dense
from lsr.sweep import sweep, values_between

N_IMAGES, N_CAPTIONS, V = 9, 20, 14


@pytest.fixture(scope="module")
def judged() -> JudgedSplit:
    rng = np.random.default_rng(11)
    weights = [0, 0, 0, 0.25, 0.5, 1.0]
    images = rng.choice(weights, size=(N_IMAGES, V)).astype(np.float32)
    captions = rng.choice(weights, size=(N_CAPTIONS, V)).astype(np.float32)
    literal = (rng.random((N_CAPTIONS, V)) < 0.4) & (captions > 0)
    captions[0], literal[0] = 0, False
    ids = [f"i{n}" for n in rng.permutation(N_IMAGES)]
    relevant = rng.integers(0, N_IMAGES, N_CAPTIONS).astype(np.int32)
    pairs = Pairs(
        np.arange(N_IMAGES), np.arange(N_CAPTIONS), images, captions, relevant, [""] * N_CAPTIONS
    )
    names = tuple(f"c{n}" for n in range(N_CAPTIONS))
    return JudgedSplit(
        pairs,
        SparseVectors(from_dense(images), tuple(ids), "v"),
        SparseVectors(from_dense(captions), names, "v"),
        sp.csr_matrix(literal),
    )


def brute_force(judged: JudgedSplit, queries: np.ndarray) -> dict[str, float]:
    images = judged.images.matrix.toarray().astype(np.float64)
    firsts, fives, reciprocal = [], [], []
    for query, relevant in zip(queries.astype(np.float64), judged.pairs.relevant, strict=True):
        scores = images @ query
        rank = (scores >= scores[relevant]).sum() if scores[relevant] > 0 else np.inf
        firsts.append(rank <= 1)
        fives.append(rank <= 5)
        reciprocal.append(1 / rank if rank <= 10 else 0)
    touched = (queries > 0).astype(int) @ (images > 0).sum(axis=0)
    return {
        "R@1": np.mean(firsts),
        "R@5": np.mean(fives),
        "MRR@10": np.mean(reciprocal),
        "flops": ((queries > 0).mean(axis=0) * (images > 0).mean(axis=0)).sum(),
        "active_terms_query": (queries > 0).sum(axis=1).mean(),
        "posting_cost": touched.mean(),
    }


def check(row: dict[str, float], expected: dict[str, float]) -> None:
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_caption_level_is_the_exact_mean_over_all_outcomes(judged):
    full = judged.captions.matrix.toarray()
    said = full * judged.literal.toarray()
    ends = brute_force(judged, said), brute_force(judged, full)
    for row in sweep(judged, "caption", [0.0, 0.3, 1.0]):
        p = row.value
        check(row.as_dict(), {k: (1 - p) * ends[0][k] + p * ends[1][k] for k in ends[0]})


def test_caption_level_deviation_is_that_of_all_coin_tosses(judged):
    few = 6
    part = JudgedSplit(
        Pairs(
            judged.pairs.image_rows,
            judged.pairs.caption_rows[:few],
            judged.pairs.image_vectors,
            judged.pairs.caption_vectors[:few],
            judged.pairs.relevant[:few],
            [""] * few,
        ),
        judged.images,
        judged.captions.select(range(few)),
        judged.literal[:few],
    )
    full, literal = part.captions.matrix.toarray(), part.literal.toarray()
    p, values, chances = 0.3, [], []
    for tosses in itertools.product([0, 1], repeat=few):
        expands = np.array(tosses, bool)[:, None]
        values.append(brute_force(part, np.where(expands, full, full * literal))["MRR@10"])
        chances.append(p ** sum(tosses) * (1 - p) ** (few - sum(tosses)))
    mean = np.dot(chances, values)
    deviation = np.sqrt(np.dot(chances, (np.array(values) - mean) ** 2))
    row = sweep(part, "caption", [p])[0]
    assert row.mean["MRR@10"] == pytest.approx(mean)
    assert row.std["MRR@10"] == pytest.approx(deviation)
    assert deviation > 0.01


def test_word_level_equals_masking_every_draw(judged):
    full, literal = judged.captions.matrix.toarray(), judged.literal.toarray()
    rates = [0.0, 0.2, 0.7, 1.0]
    rows = sweep(judged, "word", rates, draws=5, seed=3)
    for rate, row in zip(rates, rows, strict=True):
        outcomes = [
            brute_force(judged, np.where(literal | (uniform < rate), full, 0))
            for uniform in term_draws(V, 5, seed=3)
        ]
        check(row.as_dict(), {k: np.mean([o[k] for o in outcomes]) for k in outcomes[0]})
        assert row.std["R@1"] == pytest.approx(np.std([o["R@1"] for o in outcomes]))


@pytest.mark.parametrize(
    ("control", "values"),
    [("top-k", [1, 2, 3, 6]), ("threshold", [0.0, 0.3, 0.5, 2.0]), ("max-ratio", [0, 0.5, 0.9, 1])],
)
def test_pruning_equals_cutting_every_query(judged, control, values):
    full = judged.captions.matrix.toarray()
    rows = sweep(judged, control, values)
    assert [row.value for row in rows] == values
    for value, row in zip(values, rows, strict=True):
        cut = np.zeros_like(full)
        for query, kept in zip(full, cut, strict=True):
            if control == "top-k":
                order = sorted(range(V), key=lambda j: (-query[j], j))[:value]
            else:
                bar = value * (query.max() if control == "max-ratio" else 1)
                order = [j for j in range(V) if query[j] >= bar]
            kept[order] = query[order]
        check(row.as_dict(), brute_force(judged, cut))


def test_rate_0_is_literal_and_rate_1_applies_no_mask(judged):
    for control in ("caption", "word"):
        low, high = sweep(judged, control, [0.0, 1.0])
        assert low.active_terms_query == pytest.approx(judged.literal.nnz / N_CAPTIONS)
        assert high.active_terms_query == pytest.approx(judged.captions.active_terms)
        assert low.std["R@1"] == high.std["R@1"] == 0.0


def test_the_same_seed_gives_the_same_curve(judged):
    rates = [0.2, 0.5]
    assert sweep(judged, "word", rates, seed=1) == sweep(judged, "word", rates, seed=1)
    assert sweep(judged, "word", rates, seed=1) != sweep(judged, "word", rates, seed=2)


@pytest.mark.parametrize(
    ("control", "start", "stop", "steps", "message"),
    [
        ("phrase", 0, 1, 5, "`phrase` is no control"),
        ("caption", 0, 1.5, 5, "caption sweep from 0 to 1.5"),
        ("caption", 0.9, 0.1, 5, "the smaller one first"),
        ("word", float("nan"), 1, 5, "from nan to 1"),
        ("top-k", 0, 10, 5, "values from 1 to"),
        ("caption", 0, 1, 0, "0 steps"),
    ],
)
def test_impossible_axes_are_refused(control, start, stop, steps, message):
    with pytest.raises(QueryError, match=message):
        values_between(control, start, stop, steps)


def test_top_k_values_are_whole_numbers():
    assert values_between("top-k", 1, 4, 10).tolist() == [1, 2, 3, 4]


def test_no_draw_is_refused(judged):
    with pytest.raises(QueryError, match="at least one value and one draw"):
        sweep(judged, "word", [0.5], draws=0)
