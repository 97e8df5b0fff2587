"""Results made fit for a Gaussian process: smaller is better throughout, and monotone, so the order of the
runs never changes.

The bad half is brought near the good half by its ranks, as Vizier does (arXiv 2408.11527): how bad a bad
run is
tells nothing about where the best is. Then a power transform makes the whole as normal as it can (Yeo and
Johnson 2000, as in HEBO, arXiv 2012.03826).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]

from .arrays import Array

_GOLDEN = (5**0.5 - 1) / 2


def standardised(y: Array) -> Array:
    """(n,) finite values -> mean 0 and variance 1; zeros when all are equal."""
    spread = float(np.std(y))
    return (
        (y - np.mean(y)) / spread
        if spread > 1e-12 * max(1.0, float(np.max(np.abs(y), initial=0.0)))
        else 0 * y
    )


def levelled(y: Array, reference: int = 10) -> Array:
    """(n,) finite values of any size -> the best is 0, the median of the first `reference` is 1.

    Those first ones were spread out, so the unit is the spread of the whole space: it does not shrink as later runs
    gather around the best, and what is a small gain stays one. Beyond 1, values are placed by their ranks.
    """
    best = float(np.min(y))
    # Halves first: the difference of two floats may be no float.
    gap = y / 2 - best / 2
    unit = float(np.median(gap[:reference]))
    if unit <= 0:  # they are all the best: what differs from it sets the scale
        above = gap[gap > 0]
        if not len(above):
            return np.zeros(len(y))
        unit = float(np.median(above))
    with np.errstate(over="ignore"):
        level = gap / unit
    bad = level > 1
    spread = float(np.sqrt(np.mean((level[~bad] - 1) ** 2)))
    if np.any(bad):
        level[bad] = 1 + max(spread, 0.3) * ndtri(0.5 + ranked(level[bad]) / 2)
    return level


def ranked(y: Array) -> Array:
    """(n,) -> the share of the values that each one is above, in (0, 1); ties share the middle of theirs."""
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts / 2) / len(y))[inverse], dtype=float)


def yeo_johnson(y: Array, power: float) -> Array:
    """Yeo and Johnson's transform, with the numbers of Biometrika 87 (2000), eq. 2.1."""
    up, down = np.maximum(y, 0.0), np.maximum(-y, 0.0)
    above = np.log1p(up) if abs(power) < 1e-8 else np.expm1(power * np.log1p(up)) / power
    rest = 2 - power
    below = np.log1p(down) if abs(rest) < 1e-8 else np.expm1(rest * np.log1p(down)) / rest
    return above - below


def yeo_johnson_loglikelihood(y: Array, power: float) -> float:
    """How normal the transformed values are, up to a constant; -inf when they have no spread."""
    variance = float(np.var(yeo_johnson(y, power)))
    if not variance > 0:
        return -np.inf
    jacobian = (power - 1) * float(np.sum(np.sign(y) * np.log1p(np.abs(y))))
    return -len(y) / 2 * float(np.log(variance)) + jacobian


def normalised(y: Array, low: float = -2.0, high: float = 3.0) -> Array:
    """(n,) standardised values -> their most normal Yeo-Johnson transform, standardised; power in [low,
    high]."""
    a, b = low, high
    c, d = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    fc, fd = yeo_johnson_loglikelihood(y, c), yeo_johnson_loglikelihood(y, d)
    for _ in range(24):
        if fc >= fd:
            b, d, fd = d, c, fc
            c = b - _GOLDEN * (b - a)
            fc = yeo_johnson_loglikelihood(y, c)
        else:
            a, c, fc = c, d, fd
            d = a + _GOLDEN * (b - a)
            fd = yeo_johnson_loglikelihood(y, d)
    return standardised(yeo_johnson(y, (a + b) / 2))


def warped(y: Array) -> Array:
    """(n,) finite values -> what the Gaussian process is fitted to."""
    return standardised(levelled(y))
