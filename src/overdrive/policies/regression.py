"""Where a run will end, by the runs that have finished: a Gaussian process over standing, slope and
configuration.

Notation: m finished runs (at most MOST) with ends y (m,), as -ln(1 + (best end - end) / (S / 20)), S the
distance from the best end to the median one, so that differences near the top count most; q and q2 (m,)
normal scores of the standing at k and at k / 2; X (m, d) the configurations, numbers as normal scores and
words as 0 or 1.2. The kernel is 1 + A q q' + C (q - q2)(q' - q2') + exp(-|X - X'|^2 / 2d).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Value

MOST = 100
"""So many finished runs are learnt from: those that stood nearest."""

STANDING, SLOPE, NOISE = 1.5, 0.5, 0.15
UNKNOWN = 2.0
"""The answer while too few have finished."""

LEAST = 8
HUGE = 1e100
"""Values beyond it count as this, so that their squares stay numbers."""

NEAREST, FARTHEST = -3.0, 8.0

Array = np.ndarray[Any, np.dtype[np.float64]]


def below_the_best(run: RunRecord, interval: int, history: History, finished: Sequence[RunRecord]) -> float:
    """How many standard deviations the forecast of the run's end lies below the best end so far, from -3 to 8."""
    sign = 1.0 if history.goal is PrimaryMetricGoal.MAXIMIZE else -1.0
    reached = [other for other in history if len(other.series) >= interval or other.id == run.id]
    half = max(1, interval // 2)
    levels = _levels(reached, interval, sign)
    standing, earlier = _normal_scores(levels), _normal_scores(_levels(reached, half, sign))
    known = {other.id for other in finished}
    at = next(place for place, other in enumerate(reached) if other.id == run.id)
    rows = [
        place
        for place, other in enumerate(reached)
        if other.id in known and other.id != run.id and other.series.best is not None
    ]
    if len(rows) < LEAST:
        return UNKNOWN
    if len(rows) > MOST:
        rows.sort(key=lambda place: (abs(standing[place] - standing[at]), reached[place].number))
        rows = rows[:MOST]
    ends = np.array([sign * (reached[place].series.best or 0.0) for place in rows]).clip(-HUGE, HUGE)
    rows.append(at)
    x = _encoded([reached[place].params for place in rows])
    q, slope = standing[rows], standing[rows] - earlier[rows]
    squares = (x * x).sum(1)
    apart = (squares[:, None] + squares - 2 * x @ x.T) / max(1, x.shape[1])
    kernel = 1 + STANDING * np.outer(q, q) + SLOPE * np.outer(slope, slope) + np.exp(-apart / 2)
    return _deviations(kernel, ends)


def _deviations(kernel: Array, ends: Array) -> float:
    """The last row of the kernel against the ends of the others; the scale is the ends' own."""
    top = float(ends.max())
    spread = max(top - float(np.median(ends)), 1e-12 * max(1.0, abs(top)))
    y = -np.log1p(np.minimum((top - ends) / (0.05 * spread), 1e12))
    deviation = float(y.std())
    if not deviation > 0:
        return UNKNOWN
    z, best = (y - y.mean()) / deviation, float(-y.mean() / deviation)
    ours = kernel[-1, :-1]
    solved = np.linalg.solve(kernel[:-1, :-1] + NOISE * np.eye(len(z)), np.stack([z, ours], 1))
    mean, variance = float(ours @ solved[:, 0]), float(kernel[-1, -1] + NOISE - ours @ solved[:, 1])
    scale = max(1e-3, float(z @ solved[:, 0]) / len(z))
    found = (best - mean) / np.sqrt(max(variance, NOISE / 10) * scale)
    return float(np.clip(found, NEAREST, FARTHEST))


def _levels(runs: Sequence[RunRecord], interval: int, sign: float) -> Array:
    bests = [run.series.best_at(interval) for run in runs]
    return np.array([-np.inf if best is None else sign * best for best in bests])


def _normal_scores(values: Array) -> Array:
    """The normal quantiles of the mean ranks, lowest value lowest; Tukey's lambda is near enough."""
    ordered = np.sort(values)
    part = (ordered.searchsorted(values, "left") + ordered.searchsorted(values, "right")) / (2 * len(values))
    scores: Array = 4.91 * (part**0.14 - (1 - part) ** 0.14)
    return scores


def _encoded(configurations: Sequence[dict[str, Value]]) -> Array:
    """One row a configuration. A parameter that only some have is 0 in the others, and a column says so."""
    columns: list[Array] = []
    for name in sorted({name for params in configurations for name in params}):
        values = [params.get(name) for params in configurations]
        there = np.array([name in params for params in configurations])
        if not there.all():
            columns.append(1.2 * there)
        given = [value for value, has in zip(values, there, strict=True) if has]
        numbers = [
            max(-HUGE, min(HUGE, value))
            for value in given
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if len(numbers) == len(given):
            column = np.zeros(len(values))
            column[there] = _normal_scores(np.array(numbers, np.float64))
            columns.append(column)
        else:
            words = np.array([repr(value) if has else "" for value, has in zip(values, there, strict=True)])
            columns += [1.2 * (words == word) for word in sorted(set(words[there].tolist()))]
    varying = [column for column in columns if column.min() < column.max()]
    return np.stack(varying, 1) if varying else np.zeros((len(configurations), 0))
