"""Plateau: a run that has stopped improving has completed, early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from ..model.records import RunRecord
from .base import GO_ON, EarlyTerminationPolicy, Kind, Verdict, amount, figures, whole_number


@dataclass(frozen=True)
class PlateauPolicy(EarlyTerminationPolicy):
    """Ends run i at N when best_i(N) is better than best_i(N - `patience`) by no more than `min_delta`, in the
    metric's own units.

    The run counts as Completed, with cause "plateau": its best is what it has to show, nobody has beaten it. So
    no other run matters, and the incumbent ends like any other. A run without a usable value `patience` intervals
    ago goes on.
    """

    NAME: ClassVar[str] = "plateau"

    patience: int = 10
    min_delta: float = 0.0
    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def problems(self) -> Iterator[Problem]:
        yield from whole_number("patience", self.patience, 1)
        yield from amount("min_delta", self.min_delta)
        yield from super().problems()

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run` goes on, by its own values alone."""
        now, then = run.series.best_at(interval), run.series.best_at(interval - self.patience)
        if not self.due(interval) or now is None or then is None or abs(now - then) > self.min_delta:
            return GO_ON
        own, least = figures(now, self.min_delta)
        return Verdict(
            True,
            f"no better than {own} by more than {least} in the last {self.patience} intervals, up to {interval}",
            Kind.PLATEAU,
        )

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """Never asked for, since no run is compared with another."""
        return GO_ON
