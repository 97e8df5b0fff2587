"""AskTell: the samplers and policies for programs that evaluate by themselves. No store, no processes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ConfigError, NotFound, OverdriveError, Problem
from ..model.history import History
from ..model.metrics import PrimaryMetricGoal, Series
from ..model.records import Params, RunRecord, Status
from ..model.space import SearchSpace
from ..policies.base import GO_ON, Policy, Verdict
from ..samplers.base import SAMPLERS, Sampler


class SpaceUsedUp(OverdriveError):
    """Every configuration of a finite space has been asked for."""


class Best(NamedTuple):
    """The best result so far."""

    number: int
    params: Params
    value: float


class AskTell:
    """Ask for values, evaluate them in your own way, tell what came of it.

    `space` is a SearchSpace or a dict of laws; `sampling` the name of a sampler or a sampler of its own
    space (then `space` is None); `policy` judges what is `report`ed. The same questions and answers give
    the same values for the same seed.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping[str, Any] | None = None,
        goal: PrimaryMetricGoal | str = PrimaryMetricGoal.MAXIMIZE,
        sampling: str | Sampler = "random",
        seed: int | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.goal = goal if isinstance(goal, PrimaryMetricGoal) else PrimaryMetricGoal.from_str(goal)
        self._sampler = sampler_of(space, sampling, seed)
        self._policy = policy
        self._history = History(self.goal)
        self._asked = 0

    def ask(self) -> tuple[int, Params]:
        """The next number (from 0) and its values, also while earlier ones are still being evaluated.

        SpaceUsedUp when there is nothing left to ask for.
        """
        number = self._asked
        params = self._sampler.propose(self._history, number)
        if params is None:
            raise SpaceUsedUp(f"all {number} configurations of the space have been asked for")
        run = RunRecord(str(number), number, params, Series(self.goal), status=Status.RUNNING)
        self._history.add(run)
        self._asked += 1
        return number, dict(params)

    def tell(self, number: int, value: float | None = None, *, failed: bool = False) -> None:
        """What came of a number: its value (the best one counts when several were reported), or a failure."""
        run = self._open(number)
        if (value is None) != failed:
            raise ConfigError(Problem("tell", "takes a value, or failed=True"))
        if value is not None:
            self._history.report(run.id, float(value))
        run.status = Status.FAILED if failed or math.isnan(value or 0.0) else Status.COMPLETED

    def report(self, number: int, interval: int, value: float) -> Verdict:
        """One intermediate value, its interval counted from 1; whether the policy would stop there, and why.

        Intervals that were passed over count as unknown values. A number that you stop is told with `stop`.
        """
        run = self._open(number)
        if interval <= len(run.series):
            reached = len(run.series)
            raise ConfigError(Problem("interval", f"must be above {reached}, the last one, got {interval}"))
        while len(run.series) < interval - 1:
            self._history.report(run.id, math.nan)
        self._history.report(run.id, float(value))
        return GO_ON if self._policy is None else self._policy.judge(run, interval, self._history)

    def stop(self, number: int) -> None:
        """This number was stopped early: what it has reported is all there will be."""
        self._open(number).status = Status.CANCELED

    @property
    def best(self) -> Best | None:
        """The best result of all that was told or reported, or None."""
        run = self._history.best_run
        if run is None or run.series.best is None:
            return None
        return Best(run.number, dict(run.params), run.series.best)

    def _open(self, number: int) -> RunRecord:
        run = self._history.get(str(number))
        if run is None:
            raise NotFound(f"number {number!r} was never asked for; {self._asked} were, from 0")
        if run.status.terminal:
            raise ConfigError(Problem("number", f"{number} has been told already ({run.status})"))
        return run


def sampler_of(
    space: SearchSpace | Mapping[str, Any] | None, sampling: str | Sampler, seed: int | None
) -> Sampler:
    """The sampler that is meant: one by name for a space, or one that has its space already."""
    if isinstance(sampling, str):
        if space is None:
            raise ConfigError(Problem("space", "is missing"))
        sampler: Sampler = SAMPLERS.load(sampling)(space, seed=seed)
    else:
        if space is not None:
            raise ConfigError(Problem("space", "stands in the sampler already; give one of the two"))
        sampler = sampling if seed is None else sampling.seeded(seed)
    return sampler
