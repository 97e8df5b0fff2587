"""log EI against plain EI where that is exact, against its tail where it is not, and against its own slopes."""

import numpy as np
import pytest
from scipy.special import erfc, ndtr

from overdrive.samplers.bayesian.acquisition import below, log_ei, log_ei_slopes, log_h


def test_near_the_incumbent_it_is_the_logarithm_of_expected_improvement():
    z = np.linspace(-4, 6, 41)
    plain = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) + z * ndtr(z)
    assert log_h(z) == pytest.approx(np.log(plain), abs=1e-9)


def test_by_hand():
    # z = 0: EI = deviation / sqrt(2 pi) = 2 x 0.398942
    assert log_ei(np.array([1.0]), np.array([4.0]), 1.0) == pytest.approx([np.log(0.7978846)])
    # Certain improvement by 3
    assert log_ei(np.array([-2.0]), np.array([1e-12]), 1.0) == pytest.approx([np.log(3.0)])


def test_far_out_it_follows_the_tail():
    # h(z) = phi(z) / z^2 (1 - 3 / z^2 + 15 / z^4 ...): the expansion of Mills's ratio
    for z in (-20.0, -1e3, -9.9e4, -1.1e5, -1e8):
        tail = -z * z / 2 - np.log(2 * np.pi) / 2 - 2 * np.log(-z) + np.log1p(-3 / z**2 + 15 / z**4)
        assert log_h(np.array([z])) == pytest.approx([tail], rel=1e-9, abs=1e-4)
    assert erfc(40.0) == 0.0  # where the plain form has nothing left


def test_it_rises_everywhere_without_a_jump():
    z = np.concatenate([-np.logspace(7, -3, 4000), np.logspace(-3, 3, 1000)])
    assert np.all(np.diff(log_h(z)) > 0)


def test_slopes():
    mean, variance = np.array([0.0, 1.0, 3.0, 30.0, -2.0]), np.array([1.0, 0.2, 0.5, 1.0, 1e-4])
    value, by_mean, by_variance = log_ei_slopes(mean, variance, 0.5)
    assert value == pytest.approx(log_ei(mean, variance, 0.5))
    h = 1e-6
    up, down = log_ei(mean + h, variance, 0.5), log_ei(mean - h, variance, 0.5)
    assert by_mean == pytest.approx((up - down) / (2 * h), rel=1e-4)
    wide, narrow = (log_ei(mean, variance * (1 + s), 0.5) for s in (h, -h))
    assert by_variance == pytest.approx((wide - narrow) / (2 * h * variance), rel=1e-4, abs=1e-5)


def test_what_is_known_to_lie_below_a_bound():
    # Half a normal curve: mean -sqrt(2 / pi), variance 1 - 2 / pi. A bound far above tells nothing, one far below all.
    means, variances = below(
        np.array([0.0, 5.0, 0.0]), np.array([1.0, 4.0, 1.0]), np.array([0.0, 99.0, -50.0])
    )
    assert means == pytest.approx([-0.7978846, 5.0, -50.02], abs=1e-3)
    assert variances == pytest.approx([0.3633802, 4.0, 0.0], abs=1e-3)
