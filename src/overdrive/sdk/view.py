"""A sweep as a reader sees it, kept up to date by reading only what is new."""

from __future__ import annotations

import gc
import math
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..controller.lease import holds
from ..model.history import History
from ..model.metrics import Point, PrimaryMetricGoal
from ..model.records import RunRecord, SweepRecord
from ..model.scalars import Column, Scalars
from ..store.base import Change, Cursor, Logged, Message, Store
from ..sweep.savings import Savings, saved_intervals, savings


class SweepView:
    """All of one sweep: records, metrics, messages. Call `refresh` as often as you like."""

    def __init__(self, store: Store, sweep_id: str) -> None:
        self._store = store
        self._id = sweep_id
        self._parts: dict[str, dict[str, dict[int, Scalars]]] = {}
        self._metrics: dict[str, dict[str, Scalars]] = {}
        self.inherited: dict[str, RunRecord] = {}
        self.messages: list[Message] = []
        self.sweep: SweepRecord = store.sweep(sweep_id)
        config = self.sweep.config
        self.metric: str = config.get("primary_metric_name", "")
        self.goal = PrimaryMetricGoal(config.get("primary_metric_goal", "MAXIMIZE"))
        self._history = History(self.goal)
        with uncollected():
            self._cursor = Cursor(point=self._begin())
            self._take(store.changes(sweep_id, self._cursor))

    def refresh(self) -> bool:
        """Read what is new; whether there was anything."""
        if self._store.revision(self._id) == self._cursor.revision:
            return False
        with uncollected():
            self._take(self._store.changes(self._id, self._cursor))
        return True

    def _begin(self) -> int:
        """Read the values of all points there are, in columns; the last point. Few ask for steps and times."""
        logged, last = self._store.logged(self._id)
        columns: dict[Column, Logged] = {"value": logged}

        def earlier(place: tuple[str, str, int], column: Column) -> array[float]:
            if column not in columns:
                columns[column], _ = self._store.logged(self._id, column, last)
            return columns[column][place]

        for place, values in logged.items():
            run_id, name, attempt = place
            part = Scalars(name, values, partial(earlier, place))
            self._parts.setdefault(run_id, {}).setdefault(name, {})[attempt] = part
        return last

    def _take(self, change: Change) -> None:
        self.sweep, self._cursor = change.sweep, change.cursor
        self.messages += change.messages
        logged: dict[str, list[Point]] = {}
        for run_id, point in change.points:
            logged.setdefault(run_id, []).append(point)
        again = {run.id for run in change.runs if self._take_run(run)}
        for run_id, points in logged.items():
            for point in points:
                self._part(run_id, point).append(point)
            if run_id in self.inherited:
                self.inherited[run_id].series.extend(point.value for point in points)
            elif any(point.attempt != self._history[run_id].attempt for point in points):
                again.add(run_id)
            elif run_id not in again:
                self._add(run_id, points)
        for run_id in again:
            self._history.restart(run_id)
            self._history.report(run_id, *self._count(self._history[run_id]))

    def _take_run(self, run: RunRecord) -> bool:
        """Whether some of what it had logged counts no more."""
        if run.inherited:
            for parts in self._parts.get(run.id, {}).values():
                for part in parts.values():
                    run.series.extend(part.values)
            if run.id in self.inherited:
                run.series = self.inherited[run.id].series
            self.inherited[run.id] = run
            return False
        known = self._history.get(run.id)
        if known is None:
            run.series.extend(self._count(run))
            known = run
        run.series = known.series
        self._history.add(run)
        return (run.counted_from, run.kept, run.attempt) != (known.counted_from, known.kept, known.attempt)

    def _part(self, run_id: str, point: Point) -> Scalars:
        """What one attempt of a run has logged under the name of this point."""
        parts = self._parts.setdefault(run_id, {}).setdefault(point.name, {})
        if point.attempt not in parts:
            parts[point.attempt] = Scalars(point.name)
        return parts[point.attempt]

    def _add(self, run_id: str, points: list[Point]) -> None:
        """Points of a run's present attempt, which are in its part already, count as well."""
        found = self._metrics.setdefault(run_id, {})
        for point in points:
            part = self._part(run_id, point)
            if found.setdefault(point.name, part) is not part:
                found[point.name].append(point)
        self._history.report(run_id, *[point.value for point in points if point.name == self.metric])

    def _count(self, run: RunRecord) -> array[float]:
        """Find all that counts of what a run has logged (as `RunRecord.counting`); its values of the primary metric."""
        found = self._metrics[run.id] = {}
        for name, parts in self._parts.get(run.id, {}).items():
            counting = [
                (
                    part,
                    len(part)
                    if attempt == run.attempt
                    else run.kept.get(str(attempt), {}).get(name, len(part)),
                )
                for attempt, part in parts.items()
                if attempt >= run.counted_from
            ]
            counting = [(part, count) for part, count in counting if count > 0]
            if len(counting) == 1 and counting[0][1] >= len(counting[0][0]):
                found[name] = counting[0][0]
            elif counting:
                found[name] = Scalars.joined(name, counting)
        return found[self.metric].values if self.metric in found else array("d")

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

    def points(self, run_id: str) -> dict[str, Scalars]:
        """Every scalar that a run has logged (in the attempts that count), by name, in order."""
        return self._metrics.get(run_id, {})

    def metrics(self, run_id: str) -> dict[str, list[float]]:
        """The values of every scalar that a run has logged, by name, in order."""
        return {name: points.values.tolist() for name, points in self.points(run_id).items()}

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
def uncollected() -> Iterator[None]:
    """Reading makes many objects and no garbage, and the collector would go over all of them many times."""
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
