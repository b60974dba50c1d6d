"""Sums of few vectors: as scipy's NNLS without a penalty, as scikit-learn's lasso with one."""

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.linear_model import Lasso

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
        assert np.linalg.norm(vector - weights @ atoms) == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("penalty", [0.3, 1.5])
def test_with_a_penalty_it_finds_the_weights_of_a_reference_solver(problem, penalty):
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
