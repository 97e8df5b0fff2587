"""What every early termination policy shares: when it is due, whom it never stops, its verdict,
its JSON, and the table of names. A variant adds one comparison (`compare`).

Notation: N is the interval at which a run is judged, best_i(N) and mean_i(N) the best and the mean
of run i's first N values (of what it has), for every run that has reported anything at all.
"""

from __future__ import annotations

import inspect
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

from ..errors import ConfigError, NotFound, Problem
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Status
from ..registry import Registry

if TYPE_CHECKING:
    from ..forecasts.chances import Loss

POLICIES = Registry(
    "policies",
    {
        "bandit": "overdrive.policies.bandit:BanditPolicy",
        "median_stopping": "overdrive.policies.median:MedianStoppingPolicy",
        "truncation_selection": "overdrive.policies.truncation:TruncationSelectionPolicy",
        "successive_halving": "overdrive.policies.halving:SuccessiveHalvingPolicy",
        "hyperband": "overdrive.policies.hyperband:HyperbandPolicy",
        "wilcoxon": "overdrive.policies.wilcoxon:WilcoxonPolicy",
        "forecast": "overdrive.policies.forecast:ForecastPolicy",
        "plateau": "overdrive.policies.plateau:PlateauPolicy",
        "none": "overdrive.policies.base:NoTerminationPolicy",
    },
)


class Kind(StrEnum):
    """What a verdict means for the run: what stands beside it as its cause."""

    POLICY = "policy"
    """Its stop is a loss: it has next to no chance left."""
    PAUSE = "pause"
    """It stops, and may go on later from its checkpoint; without one it is stopped for good."""
    PLATEAU = "plateau"
    """It has stopped improving, and so has completed, early."""
    CONTROL = "control"
    """It would have been stopped, and is let run to see what becomes of it."""


class Verdict(NamedTuple):
    """Whether to stop a run, why, in words and numbers, and what that means for it."""

    stop: bool
    reason: str = ""
    kind: Kind = Kind.POLICY


GO_ON = Verdict(False)


class Policy(Protocol):
    """What the planner needs of a policy."""

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run`, which has just reported its value number `interval` (from 1), goes on."""
        ...

    def take_up(self, paused: Sequence[RunRecord], history: History, *, more: bool) -> RunRecord | None:
        """Which of the paused runs gets the place that is free, rather than a new run; None for none of them.

        `more`: there are new runs to come. Asked only while runs are paused by a verdict of kind PAUSE.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """The policy as `policy_from_json` reads it."""
        ...


class EarlyTerminationPolicy(ABC):
    """Judges a run at every multiple of `evaluation_interval` from `delay_evaluation` on.

    A variant is a frozen dataclass with HyperDrive's signature, so it is equal by value. It raises
    ConfigError with all its problems at once.
    """

    NAME: ClassVar[str]
    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def __post_init__(self) -> None:
        problems = list(self.problems())
        if problems:
            raise ConfigError(problems)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the arguments."""
        yield from whole_number("evaluation_interval", self.evaluation_interval, 1)
        yield from whole_number("delay_evaluation", self.delay_evaluation, 0)

    def due(self, interval: int) -> bool:
        """Whether the policy applies at this interval: interval 5 and delay 8 give 10, 15, ..."""
        return interval >= max(1, self.delay_evaluation) and interval % self.evaluation_interval == 0

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run`, judged by its first `interval` values, goes on.

        It goes on when the policy is not due, when no other run has reported, and when it is the
        incumbent: no other run is better, over all values or over the first `interval`. A run
        without one usable value is stopped as soon as another run has one.
        """
        if not self.due(interval) or not len(run.series):
            return GO_ON
        goal, leader = history.goal, history.best_run
        if leader is None or _unbeaten(run.series.best, leader.series.best, goal):
            return GO_ON
        best, top = run.series.best_at(interval), history.standings.leading(interval)
        if top is None or _unbeaten(best, top, goal):
            return GO_ON
        if best is None:
            return Verdict(True, f"no usable value up to interval {interval}, only NaN or infinity")
        return self.compare(best, interval, history)

    def take_up(self, paused: Sequence[RunRecord], history: History, *, more: bool) -> RunRecord | None:
        """None: a policy that never pauses has none to take up."""
        return None

    def advice(self, history: History) -> str | None:
        """What the user should know once a few runs have ended: that the policy does not suit the metric, and what
        would. None here: most policies only compare, and suit any metric."""
        return None

    @abstractmethod
    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """The variant's own rule for a run that is due and not the incumbent.

        `best` is the run's best_i(N). `history.standings` tells how all runs that have reported stand at N, the judged
        run among them, in a time that hardly grows with their number.
        """

    def to_json(self) -> dict[str, Any]:
        """The registered name and every argument that is set."""
        values = {field.name: getattr(self, field.name) for field in fields(cast(Any, self))}
        return {"name": self.NAME, **{name: value for name, value in values.items() if value is not None}}


@dataclass(frozen=True)
class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every run goes on to its end."""

    NAME: ClassVar[str] = "none"
    POLICY_NAME: ClassVar[str] = "Default"

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Always goes on, even without one usable value."""
        return GO_ON

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        """Never asked for, since `judge` always goes on."""
        return GO_ON


def policy_from_json(data: Mapping[str, Any]) -> Policy:
    """The policy that `to_json` wrote; ConfigError for an unknown name or a wrong field."""
    arguments = dict(data)
    name = arguments.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(Problem("name", f"must be one of {', '.join(POLICIES.names())}, got {name!r}"))
    try:
        variant = POLICIES.load(name)
    except NotFound as missing:
        raise ConfigError(Problem("name", str(missing))) from None
    known = inspect.signature(variant).parameters
    problems = [
        Problem(field, f"{name} has no such field; it has {', '.join(known) or 'none'}")
        for field in arguments
        if field not in known
    ]
    problems += [
        Problem(field, f"{name} needs it")
        for field, parameter in known.items()
        if parameter.default is parameter.empty and field not in arguments
    ]
    if problems:
        raise ConfigError(problems)
    return cast(Policy, variant(**arguments))


def controls(history: History) -> tuple[int, int]:
    """How many runs have ended well that would have been stopped, and how many of these would have won: are
    better than every run that is none of them."""
    marked = {
        run.id: run.series.best
        for run in history
        if run.cause == Kind.CONTROL and run.status is Status.COMPLETED and not run.inherited
    }
    if not marked:
        return 0, 0
    goal = history.goal
    others = (run.series.best for run in history if run.id not in marked)
    best = goal.best(value for value in others if value is not None)
    won = sum(value is not None and (best is None or goal.better(value, best)) for value in marked.values())
    return len(marked), won


def loss(history: History) -> Loss | None:
    """How likely it is that a run that a policy has stopped would have won, by what is known now; None while too
    little is, or nothing was stopped."""
    stopped = [
        run
        for run in history
        if run.status is Status.CANCELED and run.cause == Kind.POLICY and not run.inherited
    ]
    if not stopped:
        return None
    from ..forecasts import chances  # numpy, which not every command wants

    return chances.loss(history, stopped, *controls(history))


def worse(value: float, threshold: float, goal: PrimaryMetricGoal) -> bool:
    """Whether `value` is strictly worse than a computed threshold.

    Equal to twelve digits is equal: 0.8 - 0.2 is a little above 0.6 in binary, and a run at 0.6
    must not die of that.
    """
    return goal.better(threshold, value) and not math.isclose(value, threshold, rel_tol=1e-12)


def side(goal: PrimaryMetricGoal) -> str:
    """Where the worse values are."""
    return "below" if goal is PrimaryMetricGoal.MAXIMIZE else "above"


def figures(*numbers: float) -> list[str]:
    """The numbers in three significant digits, in more where two that differ would read the same."""
    texts: list[str] = []
    for digits in range(3, 18):
        texts = [_figure(number, digits) for number in numbers]
        if len(set(texts)) >= len(set(numbers)):
            break
    return texts


def whole_number(where: str, value: object, least: int, most: float = math.inf) -> Iterator[Problem]:
    """The problem with `value` if it is not an int from `least` to `most`; a bool is no int."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        span = f">= {least}" if most == math.inf else f"from {least} to {most}"
        yield Problem(where, f"must be a whole number {span}, got {value!r}")


def amount(where: str, value: object) -> Iterator[Problem]:
    """The problem with `value` if it is not a finite number >= 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= cast(float, value) <= sys.float_info.max:
        yield Problem(where, f"must be a finite number >= 0, got {value!r}")


def _unbeaten(own: float | None, rival: float | None, goal: PrimaryMetricGoal) -> bool:
    return own is not None and (rival is None or not goal.better(rival, own))


def _figure(number: float, digits: int) -> str:
    # All digits before the point are kept up to a million: 12346 reads better than 1.23e+04.
    if 1 <= abs(number) < 1e6:
        digits = max(digits, len(str(int(abs(number)))))
    return f"{number + 0.0:.{digits}g}"  # + 0.0: a negative zero reads as 0
