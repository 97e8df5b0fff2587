"""What the runs of a history tell: where each stood, what came of it, and how much to trust that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ...model.history import History
from ...model.metrics import PrimaryMetricGoal
from ...model.records import RunRecord, Status
from .arrays import Array, Mask
from .encoding import Encoding
from .transforms import warped

_STOPPED_VARIANCE = 0.1
"""A stopped run would have gone on to an unknown value: so much variance beside the noise, in units of the
variance of all results."""


class Kind(IntEnum):
    """Of what sort a run's evidence is."""

    DONE = 0
    STOPPED = 1
    FAILED = 2
    PENDING = 3


@dataclass(frozen=True, eq=False)
class Observations:
    """n runs in the order of the history. `points` (n, m); `values` (n,): smaller is better, NaN where there
    is none; `variance` (n,): beside the common noise, in units of the variance of all results; `kinds` (n,):
    a `Kind` each."""

    points: Array
    values: Array
    variance: Array
    kinds: Array

    def known(self) -> Observations:
        """Those that are evidence: all but the pending ones."""
        return self._where(self.kinds != Kind.PENDING)

    def pending(self) -> Observations:
        """The runs that are queued or going on."""
        return self._where(self.kinds == Kind.PENDING)

    def first(self, count: int) -> Observations:
        """The first `count` of them."""
        return self._where(np.arange(len(self.kinds)) < count)

    def chosen(self, limit: int) -> Mask:
        """(n,) which of them to compute with, at most `limit`: half of these the best, a quarter the last that
        came, the rest a fixed random part of all others, so that the whole space stays covered."""
        n = len(self)
        if n <= limit:
            return np.ones(n, dtype=bool)
        kept = np.zeros(n, dtype=bool)
        kept[np.argsort(self.values, kind="stable")[: limit // 2]] = True  # NaN comes last
        kept[n - limit // 4 :] = True
        others = np.random.RandomState(n).permutation(np.flatnonzero(~kept))
        kept[others[: limit - int(np.sum(kept))]] = True
        return kept

    def _where(self, chosen: Mask) -> Observations:
        return Observations(
            self.points[chosen], self.values[chosen], self.variance[chosen], self.kinds[chosen]
        )

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def measured(self) -> int:
        """How many have a value."""
        return int(np.sum(np.isfinite(self.values)))

    def levels(self) -> Array:
        """(n,) what the process is fitted to: warped values, a run without one as bad as the worst."""
        levels = np.zeros(len(self))
        good = np.isfinite(self.values)
        if np.any(good):
            levels[good] = warped(self.values[good])
            levels[~good] = np.max(levels[good])
        return levels


def observations(history: History, encoding: Encoding) -> Observations:
    """The evidence of every run whose configuration lies in the space. Where a forecast of the end of a stopped
    or running run is known, this is where its mean and variance belong."""
    points, values, variances, kinds = [], [], [], []
    for run in history:
        _, point = encoding.place(run.params)
        if point is None:
            continue
        value, variance, kind = _evidence(run, history.goal)
        points.append(point)
        values.append(value)
        variances.append(variance)
        kinds.append(kind)
    shape = (len(points), len(encoding))
    return Observations(
        np.array(points, dtype=float).reshape(shape),
        np.array(values, dtype=float),
        np.array(variances, dtype=float),
        np.array(kinds, dtype=float),
    )


def _evidence(run: RunRecord, goal: PrimaryMetricGoal) -> tuple[float, float, Kind]:
    best = run.series.best
    usable = best is not None and math.isfinite(best)
    value = math.nan
    if best is not None and usable:
        value = -float(best) if goal is PrimaryMetricGoal.MAXIMIZE else float(best)
    if not run.status.terminal:
        return math.nan, 0.0, Kind.PENDING
    if run.status is Status.FAILED or not usable:
        return math.nan, 0.0, Kind.FAILED
    if run.status is Status.CANCELED:
        return value, _STOPPED_VARIANCE, Kind.STOPPED
    return value, 0.0, Kind.DONE
