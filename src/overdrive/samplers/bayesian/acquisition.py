"""How much a run at a point promises: the logarithm of the expected improvement, in the form that stays exact
and sloped where the improvement itself is too small for a float (Ament et al. 2023, arXiv 2310.20708).

Smaller results are better. z = (incumbent - mean) / deviation; h(z) = phi(z) + z Phi(z); EI = deviation h(z).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erfcx, log_ndtr  # type: ignore[import-untyped]

from .arrays import Array

_LOG_ROOT_2PI = math.log(2 * math.pi) / 2
_LOG_ROOT_HALF_PI = math.log(math.pi / 2) / 2
_FAR = -1e5
"""Below this z, h(z) = phi(z) / z^2 to ten digits."""


def log_h(z: Array) -> Array:
    """log(phi(z) + z Phi(z)) for every z."""
    with np.errstate(all="ignore"):
        near = np.maximum(z, -1.0)
        plain = np.log(np.exp(-near * near / 2 - _LOG_ROOT_2PI) + near * np.exp(log_ndtr(near)))
        mid = np.clip(z, _FAR, -1.0)
        # h(z) = phi(z) (1 - |z| sqrt(pi / 2) erfcx(|z| / sqrt2)), eq. 9 of the paper
        share = np.log(erfcx(-mid / math.sqrt(2.0)) * -mid) + _LOG_ROOT_HALF_PI
        lower = -mid * mid / 2 - _LOG_ROOT_2PI + np.log(-np.expm1(np.minimum(share, -1e-300)))
        far = -z * z / 2 - _LOG_ROOT_2PI - 2 * np.log(np.abs(np.minimum(z, _FAR)))
    return np.asarray(np.where(z > -1.0, plain, np.where(z > _FAR, lower, far)), dtype=float)


def log_ei(mean: Array, variance: Array, incumbent: float) -> Array:
    """(k,) means and variances -> log EI (k,)."""
    deviation = np.sqrt(variance)
    return np.asarray(np.log(deviation) + log_h((incumbent - mean) / deviation), dtype=float)


def below(mean: Array, variance: Array, bound: Array) -> tuple[Array, Array]:
    """Mean and variance of normal values, (k,) each, of which nothing else is known than that they are not above
    (k,) bounds: what a run would have come to that was stopped there (Hutter, Hoos and Leyton-Brown 2013,
    arXiv 1310.1947)."""
    deviation = np.sqrt(variance)
    z = (bound - mean) / deviation
    ratio = np.exp(-z * z / 2 - _LOG_ROOT_2PI - log_ndtr(z))
    return mean - deviation * ratio, variance * np.clip(1 - z * ratio - ratio * ratio, 0.0, 1.0)


def log_ei_slopes(mean: Array, variance: Array, incumbent: float) -> tuple[Array, Array, Array]:
    """log EI and its derivatives with respect to mean and variance."""
    deviation = np.sqrt(variance)
    z = (incumbent - mean) / deviation
    height = log_h(z)
    by_mean = -np.exp(log_ndtr(z) - height) / deviation
    by_variance = np.exp(-z * z / 2 - _LOG_ROOT_2PI - height) / (2 * variance)
    return np.log(deviation) + height, by_mean, by_variance
