"""Forecast: stop what has next to no chance left of becoming the best run, as its standing, its curve and the
finished runs with their configurations tell. The chances of all stops together stay below a risk.

Notation: a run judged at k stands at v = best(k), higher is better (losses are negated); B is the best of
all values so far. Of the n runs that have reached k, or ended before, a share r is ahead; t = k / L with L
the usual length of a finished run; w is how much the curve moves from one value to the next; z is how many
standard deviations the forecast of the run's end lies below the best end (`regression.py`). Then

    score = ln r + ln(T0 + t) + Z z + W ln((B - v) / w)
    chance = exp(-(ALPHA + BETA score))

A high score is a run that many are ahead of, late, by more than its curve moves. The constants were fitted
on the tuning tasks of `bench/policies`, never on the held-out ones: of sweeps of 100 runs stopped at a score
of -0.5, -0.8 and -1, 2, 12 and 8 % lost their winner, by some 90 stops each; ALPHA gives 4, 8 and 13 %.
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
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal, Series
from ..model.records import RunRecord, Status
from .base import GO_ON, POLICIES, EarlyTerminationPolicy, Policy, Verdict, figures, whole_number
from .regression import FARTHEST, HUGE, below_the_best

LEAST_FINISHED = 10
"""With fewer finished runs there is nothing to learn from: median stopping decides."""

MEDIAN_DELAY = 5

T0, Z, W = 0.15, 0.2, 0.1
ALPHA, BETA = 8.9, 2.33

_CANDIDATE = Verdict(True, "not the best run")


@dataclass(frozen=True)
class ForecastPolicy(EarlyTerminationPolicy):
    """Stops a run when its chance of becoming the best is below its share of `risk`.

    `risk` is the chance that the sweep loses its winner. Run number n may be stopped at a chance of
    100 risk / (101 + n)^2 at most: over any number of runs that is never more than `risk` in all, and no stop
    has to know of another. A share `control` of the runs, drawn by `seed` and the run's number, is
    never stopped: what becomes of them is the measure of what stopping loses. Until ten runs of this sweep or
    of inherited ones have finished, median stopping with a delay of 5 decides.
    """

    NAME: ClassVar[str] = "forecast"

    risk: float = 0.05
    min_interval: int = 2
    control: float = 0.05
    seed: int = 0

    def problems(self) -> Iterator[Problem]:
        for where, value in (("risk", self.risk), ("control", self.control)):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value < 1 or (where == "risk" and not value):
                least = "above 0" if where == "risk" else "at least 0"
                yield Problem(where, f"must be {least} and below 1, got {value!r}")
        yield from whole_number("min_interval", self.min_interval, 1)
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
        """Whether `run` goes on; a control always does."""
        return GO_ON if self.is_control(run.number) else self.opinion(run, interval, history)

    def opinion(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """The verdict that `run` would get if it were no control."""
        verdict = super().judge(run, interval, history)
        if verdict is not _CANDIDATE:
            return verdict
        finished = [other for other in history if other.status is Status.COMPLETED and len(other.series)]
        if len(finished) < LEAST_FINISHED:
            return _median().judge(run, interval, history)
        share = self.share(run.number)
        length = statistics.median(len(other.series) for other in finished)
        value = outlook(run, interval, history, length)
        # The forecast is the dear part, and most runs need it only once: when it could stop them.
        if chance_of(value + Z * FARTHEST) >= share:
            return GO_ON
        chance = chance_of(value + Z * below_the_best(run, interval, history, finished))
        if chance >= share:
            return GO_ON
        own, top = figures(run.series.best_at(interval) or 0.0, _best(history))
        return Verdict(
            True,
            f"best {own} at interval {interval} of about {length:g}, the best run has {top}: "
            f"chance to win {chance:.2g}, below {share:.2g}",
        )

    def compare(
        self, best: float, interval: int, population: Sequence[Series], goal: PrimaryMetricGoal
    ) -> Verdict:
        """Whoever is not the incumbent is looked at, by more than its series."""
        return _CANDIDATE


def chance_of(value: float) -> float:
    """The chance that a run with this score becomes the best one."""
    return math.exp(min(0.0, -(ALPHA + BETA * value)))


def outlook(run: RunRecord, interval: int, history: History, length: float) -> float:
    """The score without the forecast: see the module's notation."""
    goal, own = history.goal, run.series.best_at(interval)
    assert own is not None  # a candidate has a best value
    ahead = count = 0
    for other in history:
        series = other.series
        if len(series) >= interval or (len(series) and _ended(other)):
            count += 1
            level = series.best_at(interval)
            ahead += level is not None and goal.better(level, own)
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


def _ended(run: RunRecord) -> bool:
    return run.status.terminal or run.status is Status.CANCEL_REQUESTED


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


def _median() -> Policy:
    policy: Policy = POLICIES.load("median_stopping")(delay_evaluation=MEDIAN_DELAY)
    return policy
