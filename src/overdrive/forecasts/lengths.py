"""How many values a run will log, by the runs that have finished: the usual number, or one that follows a
parameter (its epochs, how often it logs).

A parameter is taken to decide on the lengths when each finished run's length, left out, is near that of the
finished runs with the nearest values of the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..model.records import RunRecord
from .features import Array, Encoding

ALIKE = 1.25
"""Lengths that differ by less than this factor count as one."""

EXPLAINED = 0.75
"""So much of the variance of ln(length) must follow from a parameter."""

LEAST = 4


class Lengths:
    """`usual`: the median length of the finished runs; `vary`: whether a parameter decides on them."""

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        self._logs = np.log([len(run.series) for run in runs])
        self.usual = float(np.exp(np.median(self._logs)))
        self._name: str | None = None
        low, high = np.quantile(self._logs, (0.1, 0.9))
        if len(runs) >= LEAST and high - low > np.log(ALIKE):
            self._choose(runs)

    @property
    def vary(self) -> bool:
        """Whether lengths follow a parameter."""
        return self._name is not None

    def of(self, runs: Sequence[RunRecord]) -> Array:
        """(n,) the length that each run is expected to have."""
        if self._name is None:
            return np.full(len(runs), self.usual)
        asked = self._encoding.rows([_only(self._name, run.params) for run in runs])
        apart = np.abs(asked[:, None, :] - self._known[None]).sum(2)
        return np.array([np.exp(_nearest(row, self._logs)) for row in apart])

    def _choose(self, runs: Sequence[RunRecord]) -> None:
        variance = float(np.var(self._logs))
        best = (1 - EXPLAINED) * variance
        for name in sorted(set().union(*(run.params for run in runs))):
            alone = [_only(name, run.params) for run in runs]
            encoding = Encoding(alone)
            known = encoding.rows(alone)
            if not known.shape[1]:
                continue
            apart = np.abs(known[:, None, :] - known[None]).sum(2)
            np.fill_diagonal(apart, np.inf)
            errors = [_nearest(row, self._logs) - log for row, log in zip(apart, self._logs, strict=True)]
            error = float(np.mean(np.square(errors)))
            if error < best:
                best, self._name, self._encoding, self._known = error, name, encoding, known


def _only(name: str, params: dict[str, Any]) -> dict[str, Any]:
    return {name: params[name]} if name in params else {}


def _nearest(apart: Array, logs: Array) -> float:
    """The median of those that are as near as the second nearest."""
    near = apart <= np.sort(apart)[min(1, len(apart) - 1)] + 1e-9
    return float(np.median(logs[near]))
