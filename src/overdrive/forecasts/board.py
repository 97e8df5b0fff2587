"""The best values so far of all runs of a history as one matrix, so that a standing is a comparison of columns.

Notation: row i is run i, in the history's order; column k - 1 holds its level at interval k: the best of its first
k values, higher is better (losses are negated), -inf where none is usable; past its length, its last level.
"""

from __future__ import annotations

import numpy as np

from ..model.history import History
from ..model.metrics import PrimaryMetricGoal, Series
from ..model.records import RunRecord, Status
from .features import HUGE, Array

_OVER = {Status.COMPLETED, Status.CANCELED, Status.FAILED, Status.CANCEL_REQUESTED, Status.PAUSED}


class Board:
    """`levels` (n, w); `lengths` (n,) how many values each run has; `over` (n,) whether it has ended or rests;
    `finished` (n,) whether it went to its end with a usable value; `rows` the row of each run's id."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.rows: dict[str, int] = {}
        self.levels: Array = np.full((16, 32), -np.inf)
        self.lengths = np.zeros(16, np.int64)
        self.over = np.zeros(16, bool)
        self.finished = np.zeros(16, bool)
        self._series: list[Series] = []
        self._statuses: list[Status] = []
        self._known: list[int] = []

    def __len__(self) -> int:
        return len(self.runs)

    def update(self, history: History) -> None:
        """Take in what is new in the history, which must be the same one every time."""
        sign = 1.0 if history.goal is PrimaryMetricGoal.MAXIMIZE else -1.0
        for row, run in enumerate(history):
            series = run.series
            if row == len(self.runs):
                self._add(run)
            elif self._series[row] is not series or self.runs[row] is not run:
                self.runs[row], self._series[row] = run, series
                self.rows[run.id] = row
                self.levels[row], self.lengths[row], self._known[row] = -np.inf, 0, 0
            if self._known[row] != len(series.bests):
                self._extend(row, series, sign)
            if self._statuses[row] is not run.status:
                self._statuses[row] = run.status
                self.over[row] = run.status in _OVER
            self.finished[row] = run.status is Status.COMPLETED and series.best is not None

    def _add(self, run: RunRecord) -> None:
        row = len(self.runs)
        if row == len(self.levels):
            self.levels = np.concatenate([self.levels, np.full_like(self.levels, -np.inf)])
            self.lengths, self.over, self.finished = (
                np.concatenate([column, np.zeros_like(column)])
                for column in (self.lengths, self.over, self.finished)
            )
        self.runs.append(run)
        self.rows[run.id] = row
        self._series.append(run.series)
        self._statuses.append(Status.NOT_STARTED)
        self._known.append(0)

    def _extend(self, row: int, series: Series, sign: float) -> None:
        known, count = self._known[row], len(series.bests)
        while count > self.levels.shape[1]:
            last = np.repeat(self.levels[:, -1:], self.levels.shape[1], 1)
            self.levels = np.concatenate([self.levels, last], 1)
        for place in range(known, count):
            best = series.bests[place]
            if best is not None:
                self.levels[row, place:] = max(-HUGE, min(HUGE, sign * best))
        self._known[row] = self.lengths[row] = count
