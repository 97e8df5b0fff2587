"""Forecast: stop what has next to no chance left of becoming the best run, as its standing, its curve and the
finished runs with their configurations tell. The chances of all stops together stay below a risk.

Notation: a run judged at k stands at v = best(k), higher is better (losses are negated); B is the best of
all values so far. Of the n runs that have reached k, or ended before, a share r is ahead; t = k / L with L
the usual length of a finished run; w is how much the curve moves from one value to the next; z is how many
standard deviations the forecast of the run's end lies below B (`forecasts/curves.py`). Then

    score = ln r + ln(T0 + t) + Z z + W ln((B - v) / w)
    chance = exp(-(ALPHA + BETA score))

A high score is a run that many are ahead of, late, by more than its curve moves. The constants were fitted
on the tuning tasks of `bench/policies`, never on the held-out ones; docs/early-termination.md has what they give.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import ClassVar

from ..errors import Problem
from ..forecasts.curves import Forecast, finished, forecast, forecasts
from ..forecasts.features import HUGE
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal, Series
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

LEAST_FINISHED = 10
"""With fewer finished runs there is nothing to learn from: median stopping decides."""

MEDIAN_DELAY = 5

T0, Z, W = 0.15, 0.2, 0.1
ALPHA, BETA = 8.9, 2.33
NEAREST, FARTHEST = -3.0, 8.0
UNKNOWN = 2.0
"""How far below the best an end is taken to lie while there is no forecast."""

PAUSE = 0.02
"""A run whose chance is below rests, where it can go on later; before the end only at twice that."""

_ENDED = {Status.COMPLETED, Status.CANCELED, Status.FAILED, Status.CANCEL_REQUESTED, Status.PAUSED}
_CANDIDATE = Verdict(True, "not the best run")


@dataclass(frozen=True)
class ForecastPolicy(EarlyTerminationPolicy):
    """Stops a run when its chance of becoming the best is below its share of `risk`.

    `risk` is the chance that the sweep loses its winner. Run number n may be stopped at a chance of
    100 risk / (101 + n)^2 at most: over any number of runs that is never more than `risk` in all, and no stop
    has to know of another. A share `control` of the runs, drawn by `seed` and the run's number, is
    never stopped: what becomes of them is the measure of what stopping loses, and each of them that would have
    won adds four times its chance to every chance. Until ten runs of this sweep or of inherited ones have
    finished, median stopping with a delay of 5 decides.

    With `pause` a run that keeps checkpoints rests instead, already at a chance below PAUSE. It is taken up when
    its chance has become that of a new run, and at the end while all paused ones together have more than half of
    the risk. With `patience`
    a run completes early when its best has not moved for so many intervals.
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
        return 100 * self.risk / (101 + number) ** 2

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
        learnt = finished(history)
        if len(learnt) < LEAST_FINISHED:
            verdict = _other("median_stopping", delay_evaluation=MEDIAN_DELAY).judge(run, interval, history)
            return verdict._replace(kind=self._kind) if verdict.stop else GO_ON
        length = _usual_length(learnt)
        value = outlook(run, interval, history, length)
        # The forecast is the dear part, and most runs need it only once: when it could stop them.
        lowest = chance_of(value + Z * FARTHEST)
        if lowest >= max(PAUSE, self.share(run.number)):
            return GO_ON
        bar = self.bar(run, history)
        below = _below(forecast([run], interval, history, learnt).get(run.id))
        chance = doubt(history) * chance_of(value + Z * below)
        if chance >= bar:
            return GO_ON
        own, top = figures(run.series.best_at(interval) or 0.0, _best(history))
        return Verdict(
            True,
            f"best {own} at interval {interval} of about {length:g}, the best run has {top}: "
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
        if not self.pause or Kind.PAUSE in run.causes or not any(map(_rested, history)):
            return share
        return max(PAUSE, share)

    def take_up(self, paused: Sequence[RunRecord], history: History, *, more: bool) -> RunRecord | None:
        """The paused run with the best chance: while new runs are to come, if that is like a new one's; at the end,
        if the chances of all paused runs together are above half of the risk."""
        learnt = finished(history)
        if len(learnt) < LEAST_FINISHED:
            return None
        length, factor = _usual_length(learnt), doubt(history)
        least = max(1 / (len(history) + 1), 2 * PAUSE) if more else 0.0
        scores = {
            run.id: outlook(run, len(run.series), history, length)
            for run in paused
            if run.series.best is not None
        }
        likely = [
            run
            for run in paused
            if run.id in scores and factor * chance_of(scores[run.id] + Z * NEAREST) >= least
        ]
        found = forecasts(history, likely)
        chances = {run: factor * chance_of(scores[run.id] + Z * _below(found.get(run.id))) for run in likely}
        best = max(likely, key=lambda run: (chances[run], -run.number), default=None)
        if best is None:
            return None
        worth = chances[best] >= least if more else sum(chances.values()) > self.risk / 2
        return best if worth else None

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """Whoever is not the incumbent is looked at, by more than its series."""
        return _CANDIDATE


def chance_of(value: float) -> float:
    """The chance that a run with this score becomes the best one."""
    return math.exp(min(0.0, -(ALPHA + BETA * value)))


def doubt(history: History) -> float:
    """By how much the chances are taken to be larger than they say, by the controls that would have won.

    That factor is believed to be 1, give or take 2: a gamma of shape 1/4. Winners among the controls count as so
    many Poisson events, of which next to none was expected: each adds 4.
    """
    return 1.0 + 4.0 * controls(history)[1]


def outlook(run: RunRecord, interval: int, history: History, length: float) -> float:
    """The score without the forecast: see the module's notation."""
    goal, own = history.goal, run.series.best_at(interval)
    assert own is not None  # a candidate has a best value
    came = [
        bests[interval - 1 if len(bests) >= interval else -1]
        for other in history
        if len(bests := other.series.bests) >= interval or (bests and other.status in _ENDED)
    ]
    count = len(came)
    levels = [level for level in came if level is not None]
    best_first = goal is PrimaryMetricGoal.MAXIMIZE
    ahead = sum([level > own for level in levels] if best_first else [level < own for level in levels])
    behind = abs(_best(history) - own)
    moves = behind / (_movement(run.series, interval) + 1e-300)
    return (
        math.log((ahead + 0.5) / (count + 1))
        + math.log(T0 + min(interval / length, 1.2))
        + W * math.log(min(max(moves, 1e-3), 1e3))
    )


def _best(history: History) -> float:
    best = history.best_run
    assert best is not None and best.series.best is not None  # someone is ahead of a candidate
    return best.series.best


def _movement(series: Series, interval: int) -> float:
    """The standard deviation of the last third of the steps from value to value, of at least three; 0 where
    there are fewer."""
    first = max(0, interval - max(4, interval // 3 + 1))
    recent = [value for value in series.values[first:interval] if math.isfinite(value)]
    if len(recent) < 4:
        return 0.0
    clipped = [max(-HUGE, min(HUGE, value)) for value in recent]
    steps = [after - before for before, after in pairwise(clipped)]
    mean = math.fsum(steps) / len(steps)
    return math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / len(steps))


def _usual_length(learnt: Sequence[RunRecord]) -> float:
    """The median number of values of the runs that went to their end; of all that finished, if none did."""
    whole = [len(run.series) for run in learnt if run.cause != Kind.PLATEAU]
    return statistics.median(whole or [len(run.series) for run in learnt])


def _below(found: Forecast | None) -> float:
    return UNKNOWN if found is None else min(max(found.below, NEAREST), FARTHEST)


def _rested(run: RunRecord) -> bool:
    return run.status is Status.PAUSED or Kind.PAUSE in run.causes


def _other(name: str, **arguments: int) -> Policy:
    policy: Policy = POLICIES.load(name)(**arguments)
    return policy
