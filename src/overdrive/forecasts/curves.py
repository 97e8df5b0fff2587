"""Where a run will end, by the runs that have finished: three forecasters, weighed by how well each would have
forecast the finished ones, with an error that is measured on them too.

Notation: m finished runs (at most MOST). A value e, higher is better (losses are negated), is stretched to
y = -ln(1 + (B - e) / (S / 20)), B the best value of all so far and S the distance from B to the median end, so
that differences near the top count most; y is then standardised by the finished runs' ends. At interval k a run
has u, its best so far, stretched; q, the normal score of its standing among all that have reached k; s, how much
q has risen since k / 2; x, its configuration (`features.py`). R(a) is exp(-|a - a'|^2 / 2).

| forecaster | forecasts | kernel of its Gaussian process |
|---|---|---|
| curve | y | 1 + 1.5 q q' + 0.5 s s' + 0.5 R(q, s) |
| configuration | y | 1 + q q' + 0.5 s s' + 0.5 R(x) (1 + R(q, s)) |
| gain | y - u | 1 + 1.5 u u' + 0.5 s s' |

Each gets a weight of 1 / (its mean squared error)^4, every finished run left out in turn. The variance is the
configuration process's own, times what the mix's left-out errors say of it, and how far the three disagree.
Kernels and power were chosen on the tuning tasks of `bench/policies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Status
from .features import HUGE, Array, encoded, normal_scores

MOST = 60
"""So many finished runs are learnt from: those that stood nearest."""

LEAST = 8
"""With fewer there is no forecast."""

NOISE = 0.15
POWER = 4
LEAST_SCALE = 0.02
"""The variance is never less than so much of what the process says, however well it has forecast."""


class Forecast(NamedTuple):
    """Of a run's best value at its end: mean and standard deviation in the metric's own units, and how many
    standard deviations (of the stretched scale, which is the honest one) the mean lies below the best value
    of all runs so far."""

    mean: float
    std: float
    below: float


def forecasts(history: History, runs: Iterable[RunRecord] | None = None) -> dict[str, Forecast]:
    """For every run that is going on, rests or was stopped, and has a usable value: its forecast by id; of
    `runs` alone, if they are given.

    Empty while fewer than LEAST runs have finished, or when they all ended alike. Finished and failed runs have
    none. Inherited runs count.
    """
    learnt = finished(history)
    by_interval: dict[int, list[RunRecord]] = {}
    for run in history if runs is None else runs:
        closed = run.status in (Status.COMPLETED, Status.FAILED)
        if not closed and run.series.best is not None:
            by_interval.setdefault(len(run.series), []).append(run)
    found: dict[str, Forecast] = {}
    for interval, runs in by_interval.items():
        found |= forecast(runs, interval, history, learnt)
    return found


def finished(history: History) -> list[RunRecord]:
    """The runs that there is something to learn from."""
    done = Status.COMPLETED
    return [run for run in history if run.status is done and (b := run.series.bests) and b[-1] is not None]


def forecast(
    runs: Sequence[RunRecord], interval: int, history: History, learnt: Sequence[RunRecord]
) -> Mapping[str, Forecast]:
    """The same for these runs, each by its first `interval` values, from the runs in `learnt`."""
    asked = {run.id for run in runs}
    known = [run for run in learnt if run.id not in asked]
    best = history.best_run
    if len(known) < LEAST or best is None:
        return {}
    sign = 1.0 if history.goal is PrimaryMetricGoal.MAXIMIZE else -1.0
    reached = _reached(history, interval, [*known, *runs])
    levels, earlier = _levels(reached, interval, sign), _levels(reached, max(1, interval // 2), sign)
    standing, before = normal_scores(levels), normal_scores(earlier)
    places = {run.id: place for place, run in enumerate(reached)}
    if len(known) > MOST:
        middle = float(np.median([standing[places[run.id]] for run in runs]))
        apart = np.abs(standing[[places[run.id] for run in known]] - middle)
        numbers = np.array([run.number for run in known])
        known = [known[place] for place in np.lexsort((numbers, apart))[:MOST]]
    rows = [places[run.id] for run in (*known, *runs)]
    ends = np.array([sign * (run.series.best or 0.0) for run in known]).clip(-HUGE, HUGE)
    top = float(np.clip(sign * (best.series.best or 0.0), -HUGE, HUGE))
    unit = 0.05 * max(top - float(np.median(ends)), 1e-12 * max(1.0, abs(top)))
    stretched = _stretched(ends, top, unit)
    deviation = float(stretched.std())
    if not deviation > 0:
        return {}
    middle = float(stretched.mean())
    y = (stretched - middle) / deviation
    u = ((_stretched(levels[rows].clip(-HUGE, HUGE), top, unit) - middle) / deviation).clip(-3, 3)
    x = encoded([run.params for run in (*known, *runs)])
    mean, variance = _mixed(y, u, standing[rows], standing[rows] - before[rows], x)
    error = np.sqrt(variance)
    below = (-middle / deviation - mean) / error
    low, centre, high = (
        top - unit * np.expm1(-(middle + deviation * (mean + shift * error)).clip(-28, 28))
        for shift in (-1, 0, 1)
    )
    at_least = levels[rows[len(known) :]]
    return {
        run.id: Forecast(
            sign * max(float(centre[i]), float(at_least[i])), float(high[i] - low[i]) / 2, float(below[i])
        )
        for i, run in enumerate(runs)
    }


def _mixed(y: Array, u: Array, q: Array, s: Array, x: Array) -> tuple[Array, Array]:
    """Mean and variance of the asked runs' ends, standardised. `y` (m,) the ends of the finished ones; `u`, `q`,
    `s` (m + n,) and `x` (m + n, d): theirs, then the asked ones'."""
    m = len(y)
    turns = np.stack([q, s], 1)
    near = np.exp(-_squares(turns, turns[:m]) / 2)
    alike = np.exp(-_squares(x, x[:m]) / 2 / max(1, x.shape[1]))
    rises = 1 + 0.5 * np.outer(s, s[:m])
    by_standing, by_level = np.outer(q, q[:m]), np.outer(u, u[:m])
    # Each with its values between a run and itself, where R is 1, and where it starts from.
    kernels = (
        (rises + by_standing + 0.5 * alike * (1 + near), q**2 + 1, 0.0 * u),
        (rises + 1.5 * by_standing + 0.5 * near, 1.5 * q**2 + 0.5, 0.0 * u),
        (rises + 1.5 * by_level, 1.5 * u**2, u),
    )
    means, errors, variances = [], [], []
    for kernel, itself, start in kernels:
        inverse = np.linalg.inv(kernel[:m] + NOISE * np.eye(m))
        weights = inverse @ (y - start[:m])
        across, own = kernel[m:], np.diag(inverse)
        prior = (1 + 0.5 * s**2 + itself)[m:] + NOISE
        means.append(np.maximum(start[m:] + across @ weights, u[m:]))
        errors.append(weights / own)  # of each finished run, left out: Rasmussen and Williams, 5.12
        variances.append((1 / own, prior - np.sum(across @ inverse * across, 1)))
    shares = np.array([(np.mean(error**2) + 1e-3) ** -POWER for error in errors])
    shares /= shares.sum()
    mean, error = shares @ np.array(means), shares @ np.array(errors)
    left_out, variance = variances[0]
    scale = max(LEAST_SCALE, float(np.mean(error**2 / left_out)))
    apart = shares @ (np.array(means) - mean) ** 2
    return mean, np.maximum(variance, NOISE / 10) * scale + apart


def _reached(history: History, interval: int, needed: Iterable[RunRecord]) -> list[RunRecord]:
    """The runs that have reached the interval, and those whose standing there is asked for."""
    ids = {run.id for run in needed}
    return [run for run in history if len(run.series.bests) >= interval or run.id in ids]


def _levels(runs: Sequence[RunRecord], interval: int, sign: float) -> Array:
    """The best of each one's first values; the lowest of all where none is usable."""
    levels = [
        b[interval - 1 if len(b) >= interval else -1] if (b := run.series.bests) else None for run in runs
    ]
    found = sign * np.array(levels, np.float64)
    return np.where(np.isnan(found), -np.inf, found)


def _stretched(values: Array, top: float, unit: float) -> Array:
    return -np.log1p(np.minimum((top - values) / unit, 1e12))


def _squares(points: Array, others: Array) -> Array:
    """The squared distances of all rows to the rows of `others`."""
    lengths, theirs = (points * points).sum(1), (others * others).sum(1)
    apart: Array = np.maximum(lengths[:, None] + theirs - 2 * points @ others.T, 0)
    return apart
