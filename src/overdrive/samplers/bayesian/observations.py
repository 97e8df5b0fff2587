"""What the runs of a history tell: where each stood, what came of it or would, and how much to trust that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ...forecasts.curves import Forecast, forecasts
from ...model.history import History
from ...model.metrics import PrimaryMetricGoal
from ...model.records import RunRecord, Status
from .arrays import Array, Mask
from .encoding import Encoding
from .transforms import warped, warped_errors


class Kind(IntEnum):
    """Of what sort a run's evidence is."""

    DONE = 0
    FORECAST = 1
    """It was stopped, or is going on, and the value is where it would end."""
    BOUND = 2
    """It was stopped, and the value is all that is known: it would have ended there or better."""
    FAILED = 3
    PENDING = 4


@dataclass(frozen=True, eq=False)
class Observations:
    """n pieces of evidence in the order of the history; a run that is going on may be two, a forecast and
    pending. `points` (n, m); `values` (n,): smaller is better, NaN where there is none; `errors` (n,): the
    standard deviation of each, in the same units; `kinds` (n,): a `Kind` each."""

    points: Array
    values: Array
    errors: Array
    kinds: Array

    def known(self) -> Observations:
        """Those that are evidence: all but the pending ones."""
        return self._where(self.kinds != Kind.PENDING)

    def finished(self) -> Observations:
        """Those that will never change."""
        return self._where((self.kinds == Kind.DONE) | (self.kinds == Kind.FAILED))

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
        return Observations(self.points[chosen], self.values[chosen], self.errors[chosen], self.kinds[chosen])

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def measured(self) -> int:
        """How many have a value."""
        return int(np.sum(np.isfinite(self.values)))

    def levels(self) -> tuple[Array, Array]:
        """(n,) what the process is fitted to, and (n,) the variance of that: warped values; a run without one is
        as bad as the worst."""
        levels, variance = np.zeros(len(self)), np.zeros(len(self))
        good = np.isfinite(self.values)
        if np.any(good):
            levels[good] = warped(self.values[good])
            levels[~good] = np.max(levels[good])
            variance[good] = warped_errors(self.values[good], levels[good], self.errors[good]) ** 2
        return levels, variance


def observations(history: History, encoding: Encoding) -> Observations:
    """The evidence of every run whose configuration lies in the space."""
    forecast = forecasts(history)
    points: list[Array] = []
    rows: list[tuple[float, float, Kind]] = []
    for run in history:
        _, point = encoding.place(run.params)
        if point is not None:
            rows += _evidence(run, history.goal, forecast.get(run.id))
            points += [point] * (len(rows) - len(points))
    values, errors, kinds = np.array(rows, dtype=float).reshape(len(rows), 3).T
    return Observations(
        np.array(points, dtype=float).reshape(len(rows), len(encoding)), values, errors, kinds
    )


def _evidence(
    run: RunRecord, goal: PrimaryMetricGoal, forecast: Forecast | None
) -> Iterator[tuple[float, float, Kind]]:
    sign = -1.0 if goal is PrimaryMetricGoal.MAXIMIZE else 1.0
    best = run.series.best
    if forecast is not None and math.isfinite(forecast.mean) and math.isfinite(forecast.std):
        yield sign * forecast.mean, forecast.std, Kind.FORECAST
    elif run.status is Status.FAILED or (run.status.terminal and (best is None or not math.isfinite(best))):
        yield math.nan, 0.0, Kind.FAILED
    elif run.status.terminal and best is not None:
        yield sign * best, 0.0, Kind.BOUND if run.status is Status.CANCELED else Kind.DONE
    if not run.status.terminal:
        yield math.nan, 0.0, Kind.PENDING
