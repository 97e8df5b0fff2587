"""The Gaussian process of the Bayesian sampler against scikit-learn's, on the same kernel."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from overdrive.samplers.bayesian.gp import Likelihood, Posterior, Prior

M = 3
OWNER = np.array([0, 1, 1, 2])  # the second axis has two columns
FLAT = Prior(length=(0.0, 1e6), signal=(0.0, 1e6), noise=(0.0, 1e6), rough=(0.0, 1e6))


@pytest.fixture
def data():
    rng = np.random.RandomState(1)
    inputs = rng.rand(12, 4)
    return inputs, np.sin(5 * inputs[:, 0]) + inputs[:, 3] - inputs[:, 1], 0.1 * rng.rand(12)


def reference(theta, extra):
    """scikit-learn's process with the same kernel, and our mean's variance of 1."""
    lengths, signal, share = np.exp(theta[:M])[OWNER], np.exp(theta[M]), 0.4 / 1.4
    smooth, rough = Matern(lengths, nu=2.5), Matern(lengths / 8, nu=2.5)
    kernel = ConstantKernel(signal * (1 - share)) * smooth + ConstantKernel(signal * share) * rough
    kernel += ConstantKernel(1.0)
    return GaussianProcessRegressor(kernel, alpha=np.exp(theta[M + 1]) + extra, optimizer=None)


def test_likelihood_is_that_of_scikit_learn(data):
    inputs, y, extra = data
    theta = np.log([0.3, 0.5, 1.2, 0.8, 0.01, 0.4])
    found, _ = Likelihood(inputs, y, extra, OWNER, FLAT)(theta)
    prior, _ = FLAT.logdensity(theta)
    expected = reference(theta, extra).fit(inputs, y).log_marginal_likelihood_value_
    assert found - prior - len(y) / 2 * np.log(2 * np.pi) == pytest.approx(expected, rel=1e-10)


def test_posterior_is_that_of_scikit_learn(data):
    inputs, y, extra = data
    theta = np.log([0.3, 0.5, 1.2, 0.8, 0.01, 0.4])
    where = np.random.RandomState(2).rand(7, 4)
    mean, deviation = reference(theta, extra).fit(inputs, y).predict(where, return_std=True)
    found, variance = Posterior(inputs, y, extra, OWNER, theta)(where)
    assert found == pytest.approx(mean, rel=1e-9)
    assert variance == pytest.approx(deviation**2, rel=1e-7)
