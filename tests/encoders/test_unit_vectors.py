"""Vectors of any length become unit vectors, against exact decimal arithmetic."""

from decimal import Decimal, getcontext

import numpy as np
import pytest

from lsr.encoders.unit_vectors import unit_vectors


def exactly(vector: np.ndarray) -> tuple[list[float], float]:
    getcontext().prec = 60
    numbers = [Decimal(float(one)) for one in vector]
    norm = sum(one * one for one in numbers).sqrt()
    return [float(one / norm) for one in numbers], float(norm)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("power", [-38, -37, -20, -3, 0, 1, 19, 20, 37])
def test_lengths_from_the_smallest_to_the_largest(power, kind):
    vectors = (np.random.default_rng(3).normal(size=(5, 8)) * 10.0**power).astype(kind)
    unit, norms = unit_vectors(vectors)
    for row, vector in enumerate(vectors):
        expected, norm = exactly(vector)
        np.testing.assert_allclose(unit[row], expected, rtol=1e-12)
        assert norms[row] == pytest.approx(norm, rel=1e-12)


def test_lengths_beyond_single_precision():
    unit, norms = unit_vectors(np.array([[3e300, 4e300], [3e-300, 4e-300]]))
    np.testing.assert_allclose(unit, [[0.6, 0.8]] * 2, rtol=1e-12)
    np.testing.assert_allclose(norms, [5e300, 5e-300], rtol=1e-12)


def test_what_has_no_direction_is_told_by_its_length():
    _, norms = unit_vectors(np.array([[0, 0], [np.nan, 1], [np.inf, 1], [-np.inf, 0], [1, 0]]))
    usable = np.isfinite(norms) & (norms > 0)
    assert usable.tolist() == [False, False, False, False, True]


def test_what_has_length_1_already_is_left_alone():
    vectors = np.array([[0.6, 0.8], [0.6004, 0.8]])
    unit, _ = unit_vectors(vectors)
    assert unit.tolist() == vectors.tolist()
    unit, _ = unit_vectors(vectors, tolerance=0.0)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-15)
