import numpy as np
import pytest
import torch

from lsr.training.losses import adjusted_factor, df_weights, flops_penalty, warmed_up


def test_flops_penalty_is_the_sum_of_squared_means():
    means = torch.tensor([[1.0, 0.0, 2.0], [3.0, 0.0, 0.0]]).mean(dim=0)
    assert flops_penalty(means).item() == pytest.approx(2**2 + 0 + 1**2)
    shares = torch.tensor([0.5, 1.0, 0.0])
    assert flops_penalty(means, shares).item() == pytest.approx(0.5 * 4)


def test_df_weights_are_zero_half_and_one_at_their_marks():
    weights = df_weights(torch.tensor([0.0, 0.01, 0.1, 0.5, 1.0]))
    np.testing.assert_allclose(weights[[0, 2, 4]], [0, 0.5, 1], atol=1e-6)
    assert weights[1] < 1e-4
    assert weights[3] > 0.999


@pytest.mark.parametrize(("x", "cutoff", "steepness"), [(0.07, 0.1, 10.0), (0.3, 0.2, 4.0)])
def test_df_weights_follow_the_published_formula(x, cutoff, steepness):
    power = np.log(2) / np.log(cutoff)
    expected = 1 / (1 + (x**power - 1) ** steepness)
    ours = df_weights(torch.tensor([x]), cutoff, steepness)
    np.testing.assert_allclose(ours, [expected], rtol=1e-4)


def test_regularizer_warms_up_quadratically():
    assert [warmed_up(2.0, step, 4) for step in (0, 2, 4, 9)] == [0.0, 0.5, 2.0, 2.0]


def test_the_factor_rises_above_the_target_and_returns_to_one():
    assert adjusted_factor(1.0, 200, 100) == pytest.approx(1.02)
    assert adjusted_factor(2.0, 50, 100) == pytest.approx(2 / 1.02)
    assert adjusted_factor(1.0, 50, 100) == 1.0
    assert adjusted_factor(2.0, 100, 100) == 2.0
