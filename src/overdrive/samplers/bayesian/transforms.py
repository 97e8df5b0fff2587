"""Results made fit for a Gaussian process: smaller is better throughout, and monotone, so the order of the
runs never changes.

How bad a bad run is tells nothing about where the best is, so bad results are placed by their ranks, as Vizier
does (arXiv 2408.11527); good ones keep their distances.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped]

from .arrays import Array

_REFERENCE = 10
"""The unit is taken from so many results, the first ones."""

_LEAST_SPREAD = 0.3
"""Of the results placed by their ranks, in that unit."""

_FAR = 100.0
"""No error reaches farther beyond the best, in levels."""


def warped(y: Array) -> Array:
    """(n,) finite values -> what the Gaussian process is fitted to."""
    return standardised(levelled(y))


def warped_errors(y: Array, levels: Array, errors: Array) -> Array:
    """(n,) values, what they became, and their standard deviations -> those of what they became: half of what one
    deviation either way would change. Below the best the line goes straight on, above the worst it is flat."""
    found, some = np.zeros(len(y)), errors > 0
    if not np.any(some):
        return found
    at, first = np.unique(y / 8, return_index=True)  # eighths: no sum of a few is beyond a float
    low, high = y[some] / 8 - errors[some] / 8, y[some] / 8 + errors[some] / 8
    line = levels[first]
    if len(at) > 1 and np.min(low) < at[0]:
        with np.errstate(over="ignore"):
            rise = (line[1] - line[0]) / (at[1] - at[0]) * (at[0] - np.min(low))
        at, line = np.insert(at, 0, np.min(low)), np.insert(line, 0, line[0] - min(rise, _FAR))
    found[some] = (np.interp(high, at, line) - np.interp(low, at, line)) / 2
    return found


def standardised(y: Array) -> Array:
    """(n,) finite values -> mean 0 and variance 1; zeros when all are equal."""
    spread = float(np.std(y))
    if spread <= 1e-12 * float(np.max(np.abs(y), initial=1.0)):
        return np.zeros(len(y))
    return (y - np.mean(y)) / spread


def levelled(y: Array, reference: int = _REFERENCE) -> Array:
    """(n,) finite values of any size -> the best is 0, the median of the first `reference` is 1.

    Those first ones were spread out, so the unit is the spread of the whole space: it does not shrink as later
    runs gather around the best, and what is a small gain stays one. Beyond 1, values stand at the half-normal
    quantiles of their ranks, as wide as the others.
    """
    best = float(np.min(y))
    # Quarters first: neither the difference nor, in a median, the sum of two of them may be beyond a float.
    gap = y / 4 - best / 4
    unit = float(np.median(gap[:reference]))
    if unit <= 0:  # they are all the best: what differs from it sets the scale
        above = gap[gap > 0]
        if not len(above):
            return np.zeros(len(y))
        unit = float(np.median(above))
    with np.errstate(over="ignore"):
        level = gap / unit
    bad = level > 1
    if np.any(bad):
        spread = float(np.sqrt(np.mean((level[~bad] - 1) ** 2)))
        level[bad] = 1 + max(spread, _LEAST_SPREAD) * ndtri(0.5 + ranked(level[bad]) / 2)
    return level


def ranked(y: Array) -> Array:
    """(n,) -> the share of the values that each one is above, in (0, 1); ties share the middle of theirs."""
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray(((ends - counts / 2) / len(y))[inverse], dtype=float)
