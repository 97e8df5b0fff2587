"""Bandit: stop what falls further behind the best run than a slack allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal
from .base import GO_ON, EarlyTerminationPolicy, Verdict, amount, figures, side, worse

LEAST_RUNS = 5
NEXT_TO_NOTHING = 0.1
"""A slack below this part of what half of the runs lie away spares none of them."""


@dataclass(frozen=True)
class BanditPolicy(EarlyTerminationPolicy):
    """Stops run i at N when best_i(N) is strictly worse than B(N) plus the slack.

    B(N) is the best of all runs' best_j(N). `slack_factor` is a ratio of B, `slack_amount` a
    distance in the metric's own units; exactly one of them, finite and >= 0. The first positional
    argument is `evaluation_interval`, as in HyperDrive.
    """

    NAME: ClassVar[str] = "bandit"
    POLICY_NAME: ClassVar[str] = "Bandit"

    evaluation_interval: int = 1
    slack_factor: float | None = None
    slack_amount: float | None = None
    delay_evaluation: int = 0

    def __post_init__(self) -> None:
        if self.slack_factor is not None and self.slack_amount is not None:  # HyperDrive: a 0 is none
            for name, other in (("slack_factor", self.slack_amount), ("slack_amount", self.slack_factor)):
                if getattr(self, name) == 0 and other != 0:
                    object.__setattr__(self, name, None)
        super().__post_init__()

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.slack_factor is None and self.slack_amount is None:
            yield Problem("slack_factor", "give it, or slack_amount; neither was given")
        elif self.slack_factor is not None and self.slack_amount is not None:
            yield Problem("slack_factor", "give either it or slack_amount, not both")
        for where, value in (("slack_factor", self.slack_factor), ("slack_amount", self.slack_amount)):
            if value is not None:
                yield from amount(where, value)

    def advice(self, history: History) -> str | None:
        """That a ratio does not suit this metric: it allows more than all runs differ by, or next to nothing of what
        half of them do, or zero lies among the values."""
        goal = history.goal
        bests = [b for run in history if (b := run.series.best) is not None and math.isfinite(b)]
        top = goal.best(bests)
        if self.slack_factor is None or top is None or len(bests) < LEAST_RUNS:
            return None
        ordered = sorted(abs(top - best) for best in bests)
        usual, most = ordered[len(ordered) // 2], ordered[-1]
        slack = abs(self._threshold(top, goal)[0] - top)
        allowed, half, all_, at = figures(slack, usual, most, top)
        if not most or ((min(bests) > 0 or max(bests) < 0) and NEXT_TO_NOTHING * usual <= slack < most):
            return None
        if slack >= most:
            found = f"all runs lie within {all_}, so that it stops nothing"
        elif slack < NEXT_TO_NOTHING * usual:
            found = f"half of the runs lie {half} away, so that it stops whatever is not the best"
        else:
            found = "zero lies among the values, where a ratio means nothing"
        return (
            f"bandit: slack_factor {self.slack_factor:g} allows {allowed} from the best value {at}; {found}. It suits "
            f"a metric with a natural zero only: give slack_amount (about {figures(usual)[0]}), or take "
            "MedianStoppingPolicy or ForecastPolicy"
        )

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        goal, leader = history.goal, history.standings.leading(interval)
        assert leader is not None  # the judged run has a best
        limit, formula = self._threshold(leader, goal)
        if not worse(best, limit, goal):
            return GO_ON
        own, at, top = figures(best, limit, leader)
        return Verdict(True, f"best {own} at interval {interval}, {side(goal)} {at} = {top} {formula}")

    def _threshold(self, leader: float, goal: PrimaryMetricGoal) -> tuple[float, str]:
        """The worst value that may go on, and how it follows from the leader's."""
        upwards = goal is PrimaryMetricGoal.MINIMIZE
        if self.slack_factor is None:
            distance = self.slack_amount or 0.0
            limit = leader + distance if upwards else leader - distance
            return limit, f"{'+' if upwards else '-'} {distance:g}"
        # Towards worse for every sign: dividing a negative leader would ask for more than it has.
        ratio = 1 + self.slack_factor
        grow = (leader >= 0) is upwards
        limit = leader * ratio if grow else leader / ratio
        return limit, f"{'*' if grow else '/'} (1 + {self.slack_factor:g})"
