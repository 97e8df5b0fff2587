"""The Gaussian process: its gradients against finite differences, its pieces by hand. Its likelihood and posterior are
held against scikit-learn's in `tests/contract/test_gaussian_process.py`."""

import numpy as np
import pytest

from overdrive.samplers.bayesian import lbfgs
from overdrive.samplers.bayesian.gp import Likelihood, Posterior, Prior, fit, matern, squared_distances

M = 3
OWNER = np.array([0, 1, 1, 2])  # the second axis has two columns
FLAT = Prior(length=(0.0, 1e6), signal=(0.0, 1e6), noise=(0.0, 1e6), rough=(0.0, 1e6))
ROUGH = Prior(rough=(-3.0, 2.0))


@pytest.fixture
def data():
    rng = np.random.RandomState(1)
    inputs = rng.rand(12, 4)
    return inputs, np.sin(5 * inputs[:, 0]) + inputs[:, 3] - inputs[:, 1], 0.1 * rng.rand(12)


def test_gradient_of_the_log_posterior(data):
    inputs, y, extra = data
    likelihood = Likelihood(inputs, y, extra, OWNER, ROUGH)
    theta = np.log([0.3, 0.5, 1.2, 0.8, 0.01, 0.4])
    _, gradient = likelihood(theta)
    for place in range(M + 3):
        step = np.zeros(M + 3)
        step[place] = 1e-5
        slope = (likelihood(theta + step)[0] - likelihood(theta - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_gradients_of_mean_and_variance(data):
    inputs, y, extra = data
    posterior = Posterior(inputs, y, extra, OWNER, np.log([0.3, 0.5, 1.2, 0.8, 0.01, 0.4]), inputs[:2] + 0.05)
    where = np.random.RandomState(3).rand(5, 4)
    mean, variance, mean_slope, variance_slope = posterior.with_gradients(where)
    assert mean == pytest.approx(posterior(where)[0]) and variance == pytest.approx(posterior(where)[1])
    for column in range(4):
        step = np.zeros(4)
        step[column] = 1e-6
        (up, wide), (down, narrow) = posterior(where + step), posterior(where - step)
        assert mean_slope[:, column] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-7)
        assert variance_slope[:, column] == pytest.approx((wide - narrow) / 2e-6, rel=1e-4, abs=1e-7)


def test_a_pending_run_leaves_the_mean_and_takes_variance_away(data):
    inputs, y, extra = data
    theta = np.log([0.3, 0.5, 1.2, 0.8, 0.01, 0.4])
    where = np.random.RandomState(4).rand(6, 4)
    mean, variance = Posterior(inputs, y, extra, OWNER, theta)(where)
    believed, narrowed = Posterior(inputs, y, extra, OWNER, theta, where[:2])(where)
    assert believed == pytest.approx(mean, abs=1e-9)
    assert np.all(narrowed <= variance + 1e-12) and np.all(narrowed[:2] < 0.02)


def test_matern_by_hand():
    # r = 1: (1 + sqrt5 + 5/3) exp(-sqrt5) = 4.902735 x 0.106878 = 0.523994
    value, slope = matern(np.array([0.0, 1.0]))
    assert value == pytest.approx([1.0, 0.5239941], rel=1e-6)
    # d/d(r^2) = -5/6 (1 + sqrt5 r) exp(-sqrt5 r); at 1: -5/6 x 3.2360680 x 0.1068779 = -0.288220
    assert slope == pytest.approx([-5 / 6, -0.288220], rel=2e-6)
    assert squared_distances(np.array([[0.0, 3.0]]), np.array([[4.0, 0.0]])).tolist() == [[25.0]]


def test_prior_by_hand():
    prior = Prior(length=(1.0, 2.0), signal=(0.0, 1.0), noise=(-4.0, 2.0), rough=(-3.0, 2.0))
    # One axis, l = e: its density counts z = 0 and -log l = -1; signal z = 1; noise z = 1; rough z = -2.
    value, gradient = prior.logdensity(np.array([1.0, 1.0, -2.0, -7.0]))
    assert value == pytest.approx(-1.0 - 0.5 - 0.5 - 2.0)
    assert gradient == pytest.approx([-1.0, -1.0, -0.5, 1.0])


def test_the_length_scale_prior_grows_with_the_root_of_the_dimension():
    mean, deviation = Prior().centre(16)
    assert mean[0] == pytest.approx(2**0.5 + 2 * np.log(2)) and deviation[0] == pytest.approx(3**0.5)


def test_without_a_rough_part_a_fit_gives_it_no_share():
    inputs = np.random.RandomState(6).rand(9, 2)
    theta = fit(inputs, inputs[:, 0], np.zeros(9), np.arange(2), Prior(), 20)
    assert np.exp(theta[-1]) < 1e-12


def test_a_fit_finds_which_axis_counts():
    rng = np.random.RandomState(5)
    inputs = rng.rand(25, 3)
    y = np.sin(6 * inputs[:, 0])
    y = (y - y.mean()) / y.std()
    prior = Prior()
    owner = np.arange(3)
    theta = fit(inputs, y, np.zeros(25), owner, prior, 40)
    assert theta[0] < theta[1] - 1 and theta[0] < theta[2] - 1
    likelihood = Likelihood(inputs, y, np.zeros(25), owner, prior)
    assert likelihood(theta)[0] > likelihood(prior.start(3))[0]


def test_a_posterior_of_equal_inputs_is_still_one():
    inputs = np.full((30, 2), 0.5)
    theta = np.log([1.0, 1.0, 1.0, 1e-30, 1e-30])
    mean, variance = Posterior(inputs, np.ones(30), np.zeros(30), np.arange(2), theta)(inputs[:1])
    assert mean == pytest.approx([1.0], abs=1e-3) and 0 < variance[0] < 1e-3


def test_minimise_solves_a_quadratic_in_a_box_from_every_start():
    # Minimum of (x - 2)^2 + 10 (y + 1)^2 + x y inside [0, 1] x [0, 1]: slope in x is 2 (x - 2) + y < 0 and in
    # y is 20 (y + 1) + x > 0 everywhere, so it lies in the corner (1, 0), with value 1 + 10 = 11.
    def function(points):
        x, y = points.T
        return (x - 2) ** 2 + 10 * (y + 1) ** 2 + x * y, np.stack([2 * (x - 2) + y, 20 * (y + 1) + x], axis=1)

    starts = np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]])
    found, values = lbfgs.minimise(function, starts, np.zeros(2), np.ones(2), 30)
    assert found == pytest.approx(np.array([[1.0, 0.0]] * 3), abs=1e-6) and values == pytest.approx(
        [11.0] * 3
    )


def test_minimise_follows_a_curved_valley():
    def rosenbrock(points):
        x, y = points.T
        slope = np.stack([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)], axis=1)
        return 100 * (y - x**2) ** 2 + (1 - x) ** 2, slope

    starts = np.array([[-1.2, 1.0], [2.0, -1.0]])
    found, _ = lbfgs.minimise(rosenbrock, starts, np.full(2, -3.0), np.full(2, 3.0), 120, tolerance=1e-14)
    assert found == pytest.approx(np.ones((2, 2)), abs=1e-3)


def test_minimise_steps_back_from_where_the_function_ends():
    def root(points):
        with np.errstate(invalid="ignore"):
            return np.sqrt(points[:, 0] - 0.1), 0.5 / np.sqrt(points - 0.1)

    found, _ = lbfgs.minimise(root, np.array([[0.9]]), np.zeros(1), np.ones(1), 60)
    assert 0.1 < found[0, 0] < 0.2
