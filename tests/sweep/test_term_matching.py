"""Terms of two models matched one to one, against every assignment and a planted cipher."""

import itertools

import numpy as np
import pytest

from lsr.cli.main import main
from lsr.exceptions import ModelError, QueryError
from lsr.model.loading import load_model
from lsr.model.sparse import from_dense
from lsr.storage.places import find
from lsr.sweep import term_matching
from lsr.sweep.term_matching import learning_split, match_terms, matched, translate
from tests.conftest import few_scenes

CASES = 40


def images(rng: np.random.Generator, n: int, n_terms: int) -> np.ndarray:
    weights = rng.exponential(size=(n, n_terms)) * (rng.random((n, n_terms)) < 0.4)
    return weights.astype(np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / length) if length else 0.0


def test_pairs_are_the_assignment_with_the_largest_sum_of_cosines():
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        ours, theirs = images(rng, 12, 5), images(rng, 12, 6)
        held = images(rng, 9, 5), images(rng, 9, 6)
        pairs = matched(*map(from_dense, (ours, theirs, *held)))
        table = np.array([[cosine(ours[:, i], theirs[:, j]) for j in range(6)] for i in range(5)])
        best = max(
            sum(table[i, j] for i, j in enumerate(order))
            for order in itertools.permutations(range(6), 5)
        )
        assert sum(pair.cosine for pair in pairs) == pytest.approx(best, abs=1e-5)
        assert len({pair.other for pair in pairs}) == len(pairs)
        for pair in pairs:
            assert pair.cosine == pytest.approx(table[pair.term, pair.other], abs=1e-5)
            sure = cosine(held[0][:, pair.term], held[1][:, pair.other])
            assert pair.sureness == pytest.approx(sure, abs=1e-5)
            others = np.delete(np.arange(6), pair.other)
            near = table[pair.term, others]
            expected = others[near.argmax()] if near.max() > 0 else -1
            assert pair.runner_up == expected
        assert [pair.sureness for pair in pairs] == sorted(
            (pair.sureness for pair in pairs), reverse=True
        )


def test_a_planted_cipher_is_read_and_translation_keeps_every_score():
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        ours, held, queries = images(rng, 40, 9), images(rng, 20, 9), images(rng, 7, 9)
        order, scale = rng.permutation(14)[:9], rng.uniform(0.2, 3, 9).astype(np.float32)

        def hidden(block, order=order, scale=scale):
            secret = np.zeros((len(block), 14), np.float32)
            secret[:, order] = block * scale
            return from_dense(secret)

        pairs = matched(from_dense(ours), hidden(ours), from_dense(held), hidden(held))
        assert {pair.term: pair.other for pair in pairs} == dict(enumerate(order.tolist()))
        assert all(pair.sureness == pytest.approx(1, abs=1e-5) for pair in pairs)
        turned = translate(from_dense(queries), pairs, 14)
        scores = (turned @ hidden(held).T).toarray()
        assert scores == pytest.approx(queries @ held.T, rel=1e-4, abs=1e-4)


def test_terms_without_a_partner_are_left_out_of_queries():
    ours = np.array([[1, 0, 0], [1, 0, 2]], np.float32)
    theirs = np.array([[0, 3], [0, 3]], np.float32)
    (pair,) = matched(*map(from_dense, (ours, theirs, ours, theirs)))
    assert (pair.term, pair.other, pair.factor) == (0, 1, pytest.approx(3))
    assert pair.runner_up == -1
    turned = translate(from_dense(np.array([[6, 5, 4]], np.float32)), (pair,), 2).toarray()
    assert turned == pytest.approx(np.array([[0, 2]]))


def test_only_the_strongest_terms_are_matched_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(term_matching, "MOST_TERMS", 2)
    block = np.array([[1, 0, 3], [0, 1, 3], [2, 0, 0]], np.float32)
    pairs = matched(*[from_dense(block)] * 4)
    assert {pair.term for pair in pairs} == {0, 2}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return few_scenes(tmp_path_factory.mktemp("home") / "scenes")


@pytest.fixture(scope="module")
def pair():
    return [load_model(find("models", name)) for name in ("demo", "demo-uncontrolled")]


def test_a_cipher_that_training_made_gives_some_words_back(scenes, pair):
    matching = match_terms(scenes, *pair)
    assert (matching.learned_on, matching.measured_on) == ("val", "test")
    found = matching.found
    assert found.translated > 2 * found.plain
    assert found.translated_words > 2 * found.plain_words
    assert 0 < found.share < 1
    assert match_terms(scenes, *pair).pairs == matching.pairs


def test_one_model_and_one_split_are_refused(scenes, pair):
    with pytest.raises(ModelError, match="are one model"):
        match_terms(scenes, pair[0], pair[0])

    class Alone:
        name, vector_splits = "mine", ("test",)

    with pytest.raises(QueryError, match="vectors of split `test` alone"):
        learning_split(Alone(), "test")


def test_the_command_answers_with_the_dictionary(answer, tmp_path, capsys):
    folder = few_scenes(tmp_path / "scenes").folder
    asked = ("match-terms", "--collection", str(folder), "--against", "demo-uncontrolled")
    found = answer(*asked)
    assert set(found) == {
        "model", "against", "learned_on", "measured_on", "queries", "n_pairs", "R@1", "pairs",
        "seconds",
    }  # fmt: skip
    assert found["n_pairs"] == len(found["pairs"]) > 100
    assert found["R@1"]["translated"] > found["R@1"]["plain"]
    first = found["pairs"][0]
    assert answer(*asked, "--term", first["term"])["pairs"] == [first]
    assert main(list(asked)) == 0
    assert "more; --json has all" in capsys.readouterr().out
    assert main([*asked, "--term", "nosuchterm"]) == 2
