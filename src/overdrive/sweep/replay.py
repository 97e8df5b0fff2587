"""What another policy would have saved and lost: the planner itself, driven by recorded curves, with a
simulated clock and simulated places. Pure: the same curves and the same order give the same outcome.

    curves, in the order of a seed ──▶ Planner ──Launch──▶ a simulated run: its values at their times
                                          ▲                     │
                                          └──── Reported, Ended ◀┘
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, NamedTuple, Self

from ..model.history import History
from ..model.metrics import PrimaryMetricGoal, Series
from ..model.records import Params, RunRecord, Status
from ..model.space import SearchSpace
from ..policies.base import Policy
from .config import HyperDriveConfig
from .events import Cancel, Ended, Event, Launch, Reported, Started, Tick
from .limits import Limits
from .planner import Planner
from .retries import Cause
from .script import ScriptRunConfig


class Curve(NamedTuple):
    """One run that was let finish: its configuration, its values of the metric, and when each came, in
    seconds since its start."""

    params: Params
    values: Sequence[float]
    times: Sequence[float]


@dataclass(frozen=True)
class Outcome:
    """What one replayed sweep did, beside the same runs all let finish.

    `intervals` and `seconds` are pairs: spent, and spent by the full runs. `wall` is the time of the whole
    sweep at its places, in the same order. `regret` is in percent of the distance between the best and the
    median of the full runs; `lost`: nothing that was left is as good as the best of the full runs.
    """

    intervals: tuple[int, int]
    seconds: tuple[float, float]
    wall: tuple[float, float]
    regret: float
    lost: bool

    @property
    def saved(self) -> float:
        """The share of the intervals that were not trained."""
        return 1 - self.intervals[0] / self.intervals[1] if self.intervals[1] else 0.0

    @property
    def seconds_saved(self) -> float:
        """The share of the time of all runs together."""
        return 1 - self.seconds[0] / self.seconds[1] if self.seconds[1] else 0.0

    @property
    def wall_saved(self) -> float:
        """The share of the time from the sweep's begin to its end."""
        return 1 - self.wall[0] / self.wall[1] if self.wall[1] else 0.0


class Score(NamedTuple):
    """One policy over many orders: means, all in percent; `worst` is the largest regret of all."""

    saved: float
    seconds_saved: float
    wall_saved: float
    regret: float
    worst: float
    lost: float

    @staticmethod
    def of(outcomes: Sequence[Outcome]) -> Score:
        """The means of at least one outcome."""

        def percent(shares: Iterable[float]) -> float:
            return 100 * statistics.fmean(shares)

        return Score(
            percent(one.saved for one in outcomes),
            percent(one.seconds_saved for one in outcomes),
            percent(one.wall_saved for one in outcomes),
            statistics.fmean(one.regret for one in outcomes),
            max(one.regret for one in outcomes),
            percent(one.lost for one in outcomes),
        )


ACCEPTABLE_LOSS = 5.0
"""A policy is worth suggesting when it loses the winner in at most so many percent of the orders."""


def suggestion(scores: Sequence[Score]) -> int | None:
    """Which of the policies to use: of those that seldom lose the winner the one that saves most intervals,
    the less regretted of two equals; None when each of them loses it too often or saves nothing."""
    good = [
        (-score.saved, score.regret, index)
        for index, score in enumerate(scores)
        if score.lost <= ACCEPTABLE_LOSS and score.saved > 0
    ]
    return min(good)[2] if good else None


def replay(
    curves: Sequence[Curve],
    goal: PrimaryMetricGoal,
    policy: Policy | None,
    *,
    places: int,
    order: int = 0,
    inherited: Iterable[RunRecord] = (),
    checkpoints: bool = False,
) -> Outcome:
    """The sweep of these curves under this policy, `places` runs at once, launched in the order of a seed.

    Order 0 is the order that they were recorded in. `inherited` are runs of earlier sweeps. With `checkpoints` a
    run that the policy pauses goes on where it was; without, it is stopped.
    """
    turns = list(curves)
    if order:
        turns.sort(key=_shuffled(order))
    runs, wall = _simulate(turns, goal, policy, places, inherited, checkpoints)
    return outcome_of(turns, [len(run.series) for run in runs], wall, goal, places)


def outcome_of(
    turns: Sequence[Curve], spent: Sequence[int], wall: float, goal: PrimaryMetricGoal, places: int
) -> Outcome:
    """What it means that of each curve, in the order of launch, only so many values were trained."""
    full = [Series(goal, curve.values).best for curve in turns]
    best = goal.best(value for value in full if value is not None)
    kept = goal.best(
        value for curve, count in zip(turns, spent, strict=True) for value in curve.values[:count]
    )
    return Outcome(
        intervals=(sum(spent), sum(len(curve.values) for curve in turns)),
        seconds=(
            sum(_time(curve, count) for curve, count in zip(turns, spent, strict=True)),
            sum(_time(curve, len(curve.values)) for curve in turns),
        ),
        wall=(wall, _wall_of_full(turns, places)),
        regret=_regret(best, kept, full, goal),
        lost=best is not None and kept != best,
    )


def _simulate(
    turns: Sequence[Curve],
    goal: PrimaryMetricGoal,
    policy: Policy | None,
    places: int,
    inherited: Iterable[RunRecord],
    checkpoints: bool,
) -> tuple[list[RunRecord], float]:
    """The runs as the planner left them, and the time when the last one ended."""
    limits = Limits(max_total_runs=len(turns), max_concurrent_runs=places)
    planner = Planner("replay", _config(turns, goal, policy), limits, started=0.0, runs=inherited)
    coming: list[tuple[float, int, int]] = []  # (when, run, which of its values)
    ids: dict[int, str] = {}
    begun: dict[int, float] = {}
    cancelled: set[str] = set()
    now = 0.0

    def take(event: Event) -> None:
        for action in planner.step(event):
            if isinstance(action, Launch):
                run, done = action.run, len(action.run.series)
                ids[run.number] = run.id
                cancelled.discard(run.id)
                begun[run.number] = now - _time(turns[run.number], done)
                planner.step(Started(run.id, now))
                come(run.number, done)
            elif isinstance(action, Cancel):
                cancelled.add(action.run_id)

    def come(number: int, index: int) -> None:
        heapq.heappush(coming, (begun[number] + _time(turns[number], index + 1), number, index))

    take(Tick(now))
    while coming:
        now, number, index = heapq.heappop(coming)
        run_id, curve = ids[number], turns[number]
        if index < len(curve.values):
            take(Reported(run_id, curve.values[index]))
        if run_id not in cancelled and index + 1 < len(curve.values):
            come(number, index + 1)
            continue
        stopped = run_id in cancelled
        take(Ended(run_id, now, -15 if stopped else 0, checkpoint=stopped and checkpoints))
        take(Tick(now))
    return [planner.history[ids[number]] for number in sorted(ids)], now


def _config(turns: Sequence[Curve], goal: PrimaryMetricGoal, policy: Policy | None) -> HyperDriveConfig:
    return HyperDriveConfig(
        hyperparameter_sampling=_Recorded([curve.params for curve in turns]),
        primary_metric_name="recorded",
        primary_metric_goal=goal,
        max_total_runs=max(1, len(turns)),
        max_duration_minutes=None,
        policy=policy,
        run_config=ScriptRunConfig(script="recorded"),
    )


class _Recorded:
    """A sampler that proposes what was tried, in turn."""

    NAME: ClassVar[str] = "recorded"
    space = SearchSpace({})
    seed: int | None = 0

    def __init__(self, turns: Sequence[Params]) -> None:
        self._turns = turns

    def propose(self, history: History, number: int) -> Params | None:
        return self._turns[number] if number < len(self._turns) else None

    def seeded(self, seed: int) -> Self:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"name": self.NAME}


def _shuffled(order: int) -> Any:
    numbers = Random(f"order {order}")
    return lambda _: numbers.random()


def _time(curve: Curve, count: int) -> float:
    """Seconds until value number `count` (from 1); a run without values lasts no time."""
    upto = min(count, len(curve.times))
    return curve.times[upto - 1] if upto > 0 else 0.0


def _wall_of_full(turns: Sequence[Curve], places: int) -> float:
    free = [0.0] * max(1, places)
    for curve in turns:
        heapq.heappush(free, heapq.heappop(free) + _time(curve, len(curve.values)))
    return max(free)


def _regret(
    best: float | None, kept: float | None, full: Iterable[float | None], goal: PrimaryMetricGoal
) -> float:
    """Percent of |best - median|; 0 where there is nothing to lose."""
    if best is None or kept == best:
        return 0.0
    middle = statistics.median(goal.worst if value is None else value for value in full)
    distance = abs(best - middle)
    if kept is None or not distance:
        return 100.0
    return 100 * abs(best - kept) / distance if distance < float("inf") else 0.0


def finished_curves(runs: Iterable[RunRecord], times: Iterable[Sequence[float]] | None = None) -> list[Curve]:
    """The curves of the runs that went to their end. `times`: for each run, when its values came, as seconds
    since the epoch; without them values count as evenly spread."""
    found = []
    runs = list(runs)
    stamps = list(times) if times is not None else [()] * len(runs)
    for run, when in zip(runs, stamps, strict=True):
        count = len(run.series)
        if run.status is not Status.COMPLETED or run.cause == Cause.PLATEAU or not count:
            continue
        if run.started is not None and len(when) == count:
            spread = [max(0.0, moment - run.started) for moment in when]
        else:
            length = run.seconds or float(count)
            spread = [length * (k + 1) / count for k in range(count)]
        found.append(Curve(run.params, list(run.series.values), spread))
    return found
