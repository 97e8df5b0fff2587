"""History: all that a sampler or a policy may know of a sweep, its own runs and inherited ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .metrics import PrimaryMetricGoal, Series
from .records import Params, RunRecord
from .standings import Standings


class History:
    """The runs of one sweep in the order they were proposed, inherited ones first."""

    def __init__(self, goal: PrimaryMetricGoal) -> None:
        self.goal = goal
        self._runs: dict[str, RunRecord] = {}
        self._best: str | None = None
        self._standings: Standings | None = None

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self._runs.values())

    def __getitem__(self, run_id: str) -> RunRecord:
        return self._runs[run_id]

    def get(self, run_id: str) -> RunRecord | None:
        """The run of this id, or None."""
        return self._runs.get(run_id)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def add(self, run: RunRecord) -> RunRecord:
        """Take in a run, with whatever it has already reported, in place of an older record of the same id."""
        if run.id in self._runs:
            self._standings = None
        elif self._standings is not None:
            self._standings.add(run)
        self._runs[run.id] = run
        self._compare(run)
        return run

    def propose(self, run_id: str, number: int, params: Params) -> RunRecord:
        """Take in a new run of this sweep that has reported nothing yet."""
        return self.add(RunRecord(run_id, number, params, Series(self.goal)))

    def report(self, run_id: str, *values: float) -> RunRecord:
        """More values of the primary metric from this run, by default one."""
        run = self._runs[run_id]
        before = len(run.series)
        run.series.extend(values)
        if self._standings is not None:
            self._standings.extend(run, before)
        self._compare(run)
        return run

    def restart(self, run_id: str, values: Iterable[float] = ()) -> None:
        """The run begins anew: of all that it has reported, only `values` still count."""
        run = self._runs[run_id]
        before, run.series = run.series, Series(self.goal, values)
        if self._standings is not None:
            self._standings.restart(run, before)
        if self._best == run_id:
            self._best = None
            for other in self:
                self._compare(other)

    @property
    def standings(self) -> Standings:
        """How all these runs stand at any interval."""
        if self._standings is None:
            self._standings = Standings(self.goal, self)
        return self._standings

    @property
    def best_run(self) -> RunRecord | None:
        """The incumbent: the run that holds the best value of all, the first one among equals."""
        return None if self._best is None else self._runs[self._best]

    def _compare(self, run: RunRecord) -> None:
        value = run.series.best
        if value is None:
            return
        held = None if self._best is None else self._runs[self._best].series.best
        if held is None or self.goal.better(value, held):
            self._best = run.id
