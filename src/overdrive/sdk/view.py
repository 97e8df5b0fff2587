"""A sweep as a reader sees it, kept up to date by reading only what is new."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..controller.lease import holds
from ..model.history import History
from ..model.metrics import Point, PrimaryMetricGoal
from ..model.records import RunRecord, SweepRecord
from ..store.base import Change, Cursor, Message, Store
from ..sweep.savings import Savings, saved_intervals, savings


class SweepView:
    """All of one sweep: records, metrics, messages. Call `refresh` as often as you like."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self._store = store
        self._id = sweep_id
        self._cursor = Cursor()
        self._logged: dict[str, list[Point]] = {}
        self._metrics: dict[str, dict[str, list[Point]]] = {}
        self.inherited: dict[str, RunRecord] = {}
        self.messages: list[Message] = []
        self.sweep: SweepRecord = store.sweep(sweep_id)
        config = self.sweep.config
        self.metric: str = config.get("primary_metric_name", "")
        self.goal = PrimaryMetricGoal(config.get("primary_metric_goal", "MAXIMIZE"))
        self._history = History(self.goal)
        self.refresh()

    def refresh(self) -> bool:
        """Read what is new; whether there was anything."""
        if self._store.revision(self._id) == self._cursor.revision:
            return False
        with _uncollected():
            self._take(self._store.changes(self._id, self._cursor))
        return True

    def _take(self, change: Change) -> None:
        self.sweep, self._cursor = change.sweep, change.cursor
        self.messages += change.messages
        again = {run.id for run in change.runs if self._take_run(run)}
        logged: dict[str, list[Point]] = {}
        for run_id, point in change.points:
            logged.setdefault(run_id, []).append(point)
        for run_id, points in logged.items():
            self._logged.setdefault(run_id, []).extend(points)
            if run_id in self.inherited:
                for point in points:
                    self.inherited[run_id].series.append(point.value)
            elif self._history[run_id].kept:  # some of its points do not count
                again.add(run_id)
            elif run_id not in again:
                first = self._history[run_id].counted_from
                self._count(run_id, [point for point in points if point.attempt >= first])
        for run_id in again:
            self._history.restart(run_id)
            self._metrics.pop(run_id, None)
            self._count(run_id, list(self._history[run_id].counting(self._logged.get(run_id, ()))))

    def _take_run(self, run: RunRecord) -> bool:
        """Whether some of what it had logged counts no more."""
        if run.inherited:
            self.inherited[run.id] = run
            return False
        known = self._history.get(run.id) or run
        run.series = known.series
        self._history.add(run)
        return (run.counted_from, run.kept, run.attempt) != (known.counted_from, known.kept, known.attempt)

    def _count(self, run_id: str, points: list[Point]) -> None:
        found = self._metrics.setdefault(run_id, {})
        for point in points:
            found.setdefault(point.name, []).append(point)
        self._history.report(run_id, *[point.value for point in points if point.name == self.metric])

    @property
    def runs(self) -> list[RunRecord]:
        """The runs in the order of their numbers."""
        return sorted(self._history, key=lambda run: run.number)

    @property
    def best(self) -> RunRecord | None:
        """The run that holds the best value of the primary metric."""
        return self._history.best_run

    @property
    def total(self) -> int:
        """How many runs the budget allows."""
        return int(self.sweep.config["limits"]["max_total_runs"])

    @property
    def concurrent(self) -> int:
        """How many runs may run at once."""
        return int(self.sweep.config["limits"]["max_concurrent_runs"])

    @property
    def saved(self) -> int:
        """Intervals saved by early termination."""
        return saved_intervals(self._history)

    def savings(self) -> Savings:
        """What early termination has saved and risked, for the whole sweep."""
        return savings(self._history)

    @property
    def controller(self) -> dict[str, int] | None:
        """The living controller process, or None."""
        holder = self._store.holder(self._id)
        return {"pid": holder.pid} if holder is not None and holds(holder) else None

    def run(self, run_id: str) -> RunRecord:
        """One run, by its id."""
        return self._history[run_id]

    def points(self, run_id: str) -> dict[str, list[Point]]:
        """Every scalar that a run has logged (in the attempts that count), by name, in order."""
        return self._metrics.get(run_id, {})

    def metrics(self, run_id: str) -> dict[str, list[float]]:
        """The values of every scalar that a run has logged, by name, in order."""
        return {name: [point.value for point in points] for name, points in self.points(run_id).items()}

    def as_json(self) -> dict[str, Any]:
        """What programs rely on; numbers that JSON does not know (NaN, infinities) are null."""
        best = self.best
        found = {
            "id": self._id,
            "status": str(self.sweep.status),
            "reason": self.sweep.reason,
            "experiment": self.sweep.experiment,
            "best": best and {"id": best.id, "value": best.series.best, "params": best.params},
            "controller": self.controller,
            "saved_intervals": self.saved,
            "savings": self.savings().to_json(),
            "runs": [
                {
                    "id": run.id,
                    "number": run.number,
                    "status": str(run.status),
                    "params": run.params,
                    "metrics": self.metrics(run.id),
                    "reason": run.reason,
                    "cause": run.cause,
                    "earlier_attempts": run.causes,
                    "exit_code": run.exit_code,
                    "started": run.started,
                    "ended": run.ended,
                }
                for run in self.runs
            ],
            "messages": [{"level": m.level, "text": m.text, "time": m.time} for m in self.messages],
        }
        finite: dict[str, Any] = _finite(found)
        return finite


@contextmanager
def _uncollected() -> Iterator[None]:
    """Reading makes millions of objects and no garbage, and the collector would go over all of them many times."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return value
