"""Forecast: stop what has next to no chance left of becoming the best run, as its standing, its curve, the finished
runs and its configuration tell (`forecasts/`). The chances of all stops together stay below a risk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from ..errors import Problem
from ..forecasts.chances import chances, doubt
from ..forecasts.outlook import Outlooks
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Status
from .base import (
    GO_ON,
    POLICIES,
    EarlyTerminationPolicy,
    Kind,
    Policy,
    Verdict,
    controls,
    figures,
    whole_number,
)

MEDIAN_DELAY = 5

SPENT = 0.15
"""So much of its share a stop loses: on the tuning tasks, where the shares of a hundred runs summed to 0.4, two sweeps
of 24 lost their winner, and where they summed to 0.17 three of 72."""

PAUSE = 0.02
"""A run whose chance is below rests, where it can go on later; before the end only at twice that."""

MOST_PAUSES = 3
"""After so many rests a run is stopped for good, at its share."""

LIKELY = 16
"""While new runs are to come, so many of the paused ones are looked at: those with the best values."""

_CANDIDATE = Verdict(True, "not the best run")


@dataclass(frozen=True)
class ForecastPolicy(EarlyTerminationPolicy):
    """Stops a run when its chance of becoming the best is below its share of `risk`.

    `risk` is the chance that the sweep loses its winner. Run number n is stopped at a chance below
    100 risk / SPENT / (101 + n)^2, its share: what stops lose, over any number of runs, adds up to no more than
    `risk`, and no stop has to know of another. A share `control` of the runs, drawn by `seed` and the run's number,
    is never stopped: what becomes of them is the measure of what stopping loses, and each of them that would have
    won adds four times its chance to every chance. Until six runs of this sweep or of inherited ones have
    finished, median stopping with a delay of 5 decides.

    With `pause` a run that keeps checkpoints rests instead, already at a chance below PAUSE, up to MOST_PAUSES times.
    It is taken up when its chance has become that of a new run, and at the end while the chances of all paused ones
    add up to more than the risk. With `patience` a run completes early when its best has not moved for so many
    intervals.
    """

    NAME: ClassVar[str] = "forecast"

    risk: float = 0.05
    min_interval: int = 2
    control: float = 0.05
    pause: bool = True
    patience: int | None = None
    seed: int = 0

    def problems(self) -> Iterator[Problem]:
        for where, value in (("risk", self.risk), ("control", self.control)):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value < 1 or (where == "risk" and not value):
                least = "above 0" if where == "risk" else "at least 0"
                yield Problem(where, f"must be {least} and below 1, got {value!r}")
        yield from whole_number("min_interval", self.min_interval, 1)
        if not isinstance(self.pause, bool):
            yield Problem("pause", f"must be true or false, got {self.pause!r}")
        if self.patience is not None:
            yield from whole_number("patience", self.patience, 1)
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            yield Problem("seed", f"must be a whole number, got {self.seed!r}")

    def due(self, interval: int) -> bool:
        """Whether the policy applies at this interval."""
        return interval >= self.min_interval

    def is_control(self, number: int) -> bool:
        """Whether run `number` is let run whatever its chances."""
        return Random(f"{self.seed}:control:{number}").random() < self.control

    def share(self, number: int) -> float:
        """The part of the risk that stopping run `number` may spend."""
        return self.risk / SPENT * 100 / (101 + number) ** 2

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run` goes on; a control always does, and its verdict says so."""
        if self.is_control(run.number):
            if run.cause == Kind.CONTROL:
                return GO_ON
            verdict = self.opinion(run, interval, history)
            return (
                Verdict(False, f"let run as a control: {verdict.reason}", Kind.CONTROL)
                if verdict.stop
                else GO_ON
            )
        if self.patience is not None:
            verdict = _other("plateau", patience=self.patience).judge(run, interval, history)
            if verdict.stop:
                return verdict
        return self.opinion(run, interval, history)

    def opinion(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """The verdict that `run` would get if it were no control."""
        verdict = super().judge(run, interval, history)
        if verdict is not _CANDIDATE:
            return verdict
        found = chances(history, [run], [interval])
        if found is None:
            verdict = _other("median_stopping", delay_evaluation=MEDIAN_DELAY).judge(run, interval, history)
            return verdict._replace(kind=self._kind) if verdict.stop else GO_ON
        chance = float(found[0]) * doubt(controls(history)[1])
        if chance >= max(PAUSE, self.share(run.number)):
            return GO_ON
        bar = self.bar(run, history)
        if chance >= bar:
            return GO_ON
        own, top = figures(run.series.best_at(interval) or 0.0, _best(history))
        length = Outlooks.of(history).length(run)
        return Verdict(
            True,
            f"best {own} at interval {interval} of about {length:.0f}, the best run has {top}: "
            f"chance to win {chance:.2g}, below {bar:.2g}",
            self._kind,
        )

    @property
    def _kind(self) -> Kind:
        return Kind.PAUSE if self.pause else Kind.POLICY

    def bar(self, run: RunRecord, history: History) -> float:
        """Below which chance `run` is stopped: its share of the risk, or the higher one for a pause, which loses
        nothing yet. Whether the script keeps checkpoints, the first run that was paused has shown."""
        share = self.share(run.number)
        if not self.pause or run.causes.count(Kind.PAUSE) >= MOST_PAUSES or not any(map(_rested, history)):
            return share
        return max(PAUSE, share)

    def take_up(self, paused: Sequence[RunRecord], history: History, *, more: bool) -> RunRecord | None:
        """The paused run with the best chance: while new runs are to come, if that is like a new one's; at the end,
        if the chances of all paused runs together are above the risk."""
        known = [run for run in paused if run.series.best is not None]
        if more:
            sign = -1.0 if history.goal is PrimaryMetricGoal.MAXIMIZE else 1.0
            known = sorted(known, key=lambda run: (sign * (run.series.best or 0.0), run.number))[:LIKELY]
        found = chances(history, known, [len(run.series) for run in known]) if known else None
        if found is None:
            return None
        found = found * doubt(controls(history)[1])
        best = max(range(len(known)), key=lambda place: (found[place], -known[place].number))
        least = max(1 / (len(history) + 1), 2 * PAUSE)
        worth = found[best] >= least if more else found.sum() > self.risk
        return known[best] if worth else None

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """Whoever is not the incumbent is looked at, by more than its series."""
        return _CANDIDATE


def _best(history: History) -> float:
    best = history.best_run
    assert best is not None and best.series.best is not None  # someone is ahead of a candidate
    return best.series.best


def _rested(run: RunRecord) -> bool:
    return run.status is Status.PAUSED or Kind.PAUSE in run.causes


def _other(name: str, **arguments: int) -> Policy:
    policy: Policy = POLICIES.load(name)(**arguments)
    return policy
