"""Sums of few vectors: as scipy's NNLS without a penalty, as scikit-learn's lasso with one."""

import numpy as np
import pytest
from scipy.optimize import nnls

from lsr.model.decomposition import decompose


@pytest.fixture(scope="module")
def problem():
    """(9, 20) vectors and (60, 20) unit vectors to write them with."""
    rng = np.random.default_rng(0)
    atoms = rng.normal(size=(60, 20)).astype(np.float32)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    return rng.normal(size=(9, 20)), atoms


def test_without_a_penalty_it_misses_as_little_as_scipys_nnls(problem):
    vectors, atoms = problem
    found = decompose(vectors, atoms, 0.0)
    for vector, weights in zip(vectors, found.toarray(), strict=True):
        assert (weights >= 0).all()
        least = nnls(atoms.T.astype(float), vector)[1]
        assert np.linalg.norm(vector - weights @ atoms) == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("penalty", [0.3, 1.5])
def test_with_a_penalty_it_finds_the_weights_of_a_reference_solver(problem, penalty):
    from sklearn.linear_model import Lasso

    vectors, atoms = problem
    before = vectors.copy()
    found = decompose(vectors, atoms, penalty).toarray()
    assert np.array_equal(vectors, before)
    reference = Lasso(penalty / 20, positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000)
    for vector, weights in zip(vectors, found, strict=True):
        reference.fit(atoms.T.astype(float), vector)
        ours, theirs = (
            ((vector - one @ atoms) ** 2).sum() / 2 + penalty * one.sum()
            for one in (weights, reference.coef_)
        )
        assert ours == pytest.approx(theirs, rel=1e-5)
        assert np.abs(reference.coef_ - weights).max() < 5e-3


def test_a_large_penalty_leaves_nothing(problem):
    assert decompose(*problem, 100.0).nnz == 0


@pytest.mark.parametrize("apart", [1e-2, 1e-3, 1e-4])
def test_rows_that_nearly_repeat_each_other_do_not_stop_it_short(problem, apart):
    """Descent alone creeps along such rows: it stopped where slopes were 1e-4 off."""
    vectors, atoms = problem
    twins = atoms + apart * np.random.default_rng(1).normal(size=atoms.shape)
    both = np.vstack([atoms, twins]).astype(np.float32)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for vector, weights in zip(unit, decompose(unit, both, 0.05).toarray(), strict=True):
        # At the minimum no slope is above the penalty, and those of what is used equal it.
        slopes = both.astype(float) @ (vector - weights @ both.astype(float)) - 0.05
        assert slopes.max() < 2e-6
        assert np.abs(slopes[weights > 0]).max() < 2e-6


def test_equal_rows_share_what_one_would_weigh(problem):
    vectors, atoms = problem
    twice = decompose(vectors, np.vstack([atoms, atoms]), 0.3).toarray()
    once = decompose(vectors, atoms, 0.3).toarray()
    assert twice[:, :60] + twice[:, 60:] == pytest.approx(once, abs=1e-4)
