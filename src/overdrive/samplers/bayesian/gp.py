"""An exact Gaussian process: Matern-5/2 with a length scale for each axis and, if wanted, a rough part of an
eighth of these; a constant mean and noise; fitted to its posterior mode with analytic gradients, one Cholesky
factor for each likelihood.

Notation: n observations, m axes, c input columns (`Encoding.inputs`); owner[j] is the axis of column j;
r^2 = sum_j (x_j - x'_j)^2 / l_owner[j]^2; M(r) = (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r);
k = s ((1 - w) M(r) + w M(8 r)); K = k + diag(noise). Hyperparameters
theta = (log l_1 .. log l_m, log s, log noise, log(w / (1 - w))). Priors: l ~ LogNormal(sqrt2 + log(m)/2, sqrt3)
(Hvarfner, Hellsten and Nardi 2024, arXiv 2402.02229), the others log-normal; the mean is N(0, 1), so it is part
of the covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dtrtri  # type: ignore[import-untyped]

from . import lbfgs
from .arrays import Array

_OTHERS = 3
"""Hyperparameters beside the length scales."""

_MEAN_VARIANCE = 1.0

_FINER = 8.0
"""The rough part's length scales are shorter by this factor."""

_NO_SHARE = -30.0
"""log(w / (1 - w)) of a process without a rough part."""


@dataclass(frozen=True)
class Prior:
    """Log-normal priors (mean and deviation of the logarithm) and the box that the fit keeps to. `rough` is that of
    w / (1 - w); without one there is no rough part."""

    length: tuple[float, float] = (math.sqrt(2.0), math.sqrt(3.0))
    signal: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] = (-8.0, 3.0)
    rough: tuple[float, float] | None = None
    low: tuple[float, ...] = (math.log(0.02), math.log(0.05), math.log(1e-6), -12.0)
    high: tuple[float, ...] = (math.log(1e3), math.log(20.0), math.log(1.0), 7.0)

    def box(self, m: int) -> tuple[Array, Array]:
        """The least and the greatest theta."""
        low, high = np.full(m + _OTHERS, self.low[0]), np.full(m + _OTHERS, self.high[0])
        low[m:], high[m:] = self.low[1:], self.high[1:]
        if self.rough is None:
            low[-1] = high[-1] = _NO_SHARE
        return low, high

    def centre(self, m: int) -> tuple[Array, Array]:
        """Mean and deviation of theta."""
        others = self.signal, self.noise, self.rough or (_NO_SHARE, 1.0)
        mean = np.full(m + _OTHERS, self.length[0] + math.log(max(m, 1)) / 2)
        deviation = np.full(m + _OTHERS, self.length[1])
        mean[m:], deviation[m:] = np.array(others).T
        return mean, deviation

    def start(self, m: int) -> Array:
        """Where a fit begins: the densest length scale, unit signal, little noise."""
        theta, _ = self.centre(m)
        theta[:m] -= self.length[1] ** 2
        low, high = self.box(m)
        return np.clip(theta, low, high)

    def logdensity(self, theta: Array) -> tuple[float, Array]:
        """Of theta, up to a constant, and its gradient. Length scales count by their own density,
        not
        by that of their logarithm, as in the paper: it favours the short ones by a factor l."""
        mean, deviation = self.centre(len(theta) - _OTHERS)
        z = (theta - mean) / deviation
        gradient = -z / deviation
        gradient[:-_OTHERS] -= 1.0
        return float(-0.5 * np.sum(z * z) - np.sum(theta[:-_OTHERS])), gradient


def squared_distances(a: Array, b: Array) -> Array:
    """(n, c), (k, c) -> (n, k), never below 0."""
    distances = np.sum(a * a, axis=1)[:, None] + np.sum(b * b, axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(distances, 0.0), dtype=float)


def matern(r2: Array) -> tuple[Array, Array]:
    """The correlation at squared distance r2 and its derivative with respect to r2."""
    r = np.sqrt(5.0 * r2)
    fall = np.exp(-r)
    return (1.0 + r + r * r / 3.0) * fall, (-5.0 / 6.0) * (1.0 + r) * fall


def correlated(r2: Array, odds: float) -> tuple[Array, Array, Array]:
    """(1 - w) M(r) + w M(8 r) with odds = w / (1 - w), and its derivatives with respect to r^2 and w."""
    smooth, smooth_slope = matern(r2)
    if odds < 1e-4:
        return smooth, smooth_slope, np.zeros_like(smooth)
    share = odds / (1 + odds)
    rough, rough_slope = matern(_FINER**2 * r2)
    change = rough - smooth
    return smooth + share * change, smooth_slope + share * (_FINER**2 * rough_slope - smooth_slope), change


class Likelihood:
    """The log posterior of theta, for a fit: data fixed, theta varies.

    inputs (n, c), y (n,), extra (n,): variance that each observation has beside the common noise.
    """

    def __init__(self, inputs: Array, y: Array, extra: Array, owner: Array, prior: Prior) -> None:
        self.inputs, self.y, self.extra, self.owner, self.prior = inputs, y, extra, owner, prior
        self.m = int(owner[-1]) + 1

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """The log posterior and its gradient (m + 3,); -inf where K is not positive definite."""
        m, n = self.m, len(self.y)
        lengths, signal, noise = np.exp(theta[:m]), math.exp(theta[m]), math.exp(theta[m + 1])
        scaled = self.inputs / lengths[self.owner]
        odds = math.exp(theta[m + 2])
        correlation, slope, change = correlated(squared_distances(scaled, scaled), odds)
        covariance = signal * correlation + _MEAN_VARIANCE
        covariance[np.diag_indices(n)] = signal + _MEAN_VARIANCE + noise + self.extra
        factor, bad = dpotrf(covariance, lower=True, overwrite_a=False)
        if bad:
            return -math.inf, np.zeros(m + _OTHERS)
        inverse, _ = dpotri(factor, lower=True)
        inverse = np.tril(inverse)
        inverse = inverse + inverse.T
        inverse[np.diag_indices(n)] /= 2
        weights = inverse @ self.y
        value = -0.5 * float(self.y @ weights) - float(np.sum(np.log(np.diag(factor))))
        # d value / d K_ij = (w w' - K^-1)_ij / 2
        lean = 0.5 * (np.outer(weights, weights) - inverse)
        gradient = np.empty(m + _OTHERS)
        pull = lean * slope
        # sum_ij P_ij (x_i - x_j)^2 = 2 (sum_i P_i. x_i^2 - x' P x), for every column at once
        sums = np.sum(pull, axis=1)
        columns = 2.0 * (sums @ (scaled * scaled) - np.sum(scaled * (pull @ scaled), axis=0))
        gradient[:m] = -2.0 * signal * np.bincount(self.owner, weights=columns, minlength=m)
        gradient[m] = signal * float(np.sum(lean * correlation))
        gradient[m + 1] = noise * float(np.trace(lean))
        gradient[m + 2] = signal * odds / (1 + odds) ** 2 * float(np.sum(lean * change))
        density, slopes = self.prior.logdensity(theta)
        return value + density, gradient + slopes


def fit(inputs: Array, y: Array, extra: Array, owner: Array, prior: Prior, steps: int) -> Array:
    """The theta that `steps` likelihoods find from the start that the prior gives, and from there only."""
    likelihood = Likelihood(inputs, y, extra, owner, prior)

    def loss(thetas: Array) -> tuple[Array, Array]:
        value, slope = likelihood(thetas[0])
        return np.array([-value]), -slope[None]

    low, high = prior.box(likelihood.m)
    thetas, _ = lbfgs.minimise(loss, prior.start(likelihood.m)[None], low, high, steps, tolerance=1e-2)
    return np.asarray(thetas[0], dtype=float)


class Posterior:
    """What the process says of new inputs, given observations and runs that are still going on.

    A pending run leaves the mean as it is and takes away the variance where it is (the Kriging believer).
    """

    def __init__(
        self, inputs: Array, y: Array, extra: Array, owner: Array, theta: Array, pending: Array | None = None
    ) -> None:
        m = len(theta) - _OTHERS
        self.scales = np.exp(theta[:m])[owner]
        self.signal, self.noise, self.odds = (math.exp(value) for value in theta[m:])
        self.scaled = inputs / self.scales
        n = len(y)
        inverse = self._root(extra)
        self.weights = inverse.T @ (inverse @ y)
        if pending is not None and len(pending):
            self.scaled = np.concatenate([self.scaled, pending / self.scales])
            inverse = self._root(np.concatenate([extra, np.zeros(len(pending))]))
            self.weights = np.concatenate([self.weights, np.zeros(len(pending))])
        self.root = inverse  # L^-1
        self.observed = n

    def _root(self, extra: Array) -> Array:
        """The inverse of the Cholesky factor of K, with as much noise as it needs."""
        correlation, _, _ = correlated(squared_distances(self.scaled, self.scaled), self.odds)
        covariance = self.signal * correlation + _MEAN_VARIANCE
        diagonal = self.signal + _MEAN_VARIANCE + self.noise + extra
        jitter = 0.0
        while True:
            covariance[np.diag_indices(len(extra))] = diagonal + jitter
            factor, bad = dpotrf(covariance, lower=True, clean=True)
            if not bad:
                break
            jitter = max(10 * jitter, 1e-8)
        inverse, _ = dtrtri(factor, lower=True)
        return np.asarray(inverse, dtype=float)

    def __call__(self, inputs: Array) -> tuple[Array, Array]:
        """(k, c) -> mean (k,) and variance (k,) of the noiseless function."""
        correlation, _, _ = correlated(squared_distances(inputs / self.scales, self.scaled), self.odds)
        cross = self.signal * correlation + _MEAN_VARIANCE
        spread = cross @ self.root.T
        variance = self.signal + _MEAN_VARIANCE - np.sum(spread * spread, axis=1)
        return cross @ self.weights, np.maximum(variance, 1e-12)

    def with_gradients(self, inputs: Array) -> tuple[Array, Array, Array, Array]:
        """(k, c) -> mean, variance, and their gradients (k, c) with respect to the inputs."""
        scaled = inputs / self.scales
        correlation, slope, _ = correlated(squared_distances(scaled, self.scaled), self.odds)
        cross = self.signal * correlation + _MEAN_VARIANCE
        spread = cross @ self.root.T
        variance = self.signal + _MEAN_VARIANCE - np.sum(spread * spread, axis=1)
        solved = spread @ self.root
        slope = 2.0 * self.signal * slope
        by_mean, by_variance = slope * self.weights, -2.0 * slope * solved
        gradients = [
            (np.sum(pull, axis=1)[:, None] * scaled - pull @ self.scaled) / self.scales
            for pull in (by_mean, by_variance)
        ]
        return cross @ self.weights, np.maximum(variance, 1e-12), gradients[0], gradients[1]
