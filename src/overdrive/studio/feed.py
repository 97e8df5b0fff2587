"""A sweep as browsers see it: rows of its runs, each stamped with the version that changed it last.

A reader names the version it knows and gets what came later, as one message however long it was away: a slow
browser gets fewer messages, never a queue.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

try:  # ten times quicker
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

from ..charts.arrays import thinned
from ..charts.axes import clipped
from ..charts.base import Sweep
from ..errors import ConfigError
from ..model.metrics import PrimaryMetricGoal
from ..model.records import Brief, RunRecord, Status, SweepRecord
from ..model.space import SearchSpace
from ..sdk.view import SweepView, uncollected
from ..store.base import Store

RECENT_POINTS = 5_000
"""So many new points are kept for readers; one who knows less draws its charts anew."""

RECENT_MESSAGES = 200

MOST_ANSWERS = 64
"""So many figures of one version are kept, for whoever asks again."""

SPARK = 48
"""Points of the small line in the list of sweeps."""


class Feed:
    """One sweep. Every method reads the store or what was read from it, and belongs to the reading thread.

    `name` tells this feed from one of another process, whose versions say nothing about this one's.
    """

    def __init__(self, store: Store, sweep_id: str) -> None:
        self.view = SweepView(store, sweep_id)
        self.name = secrets.token_hex(4)
        self.version = 0
        self._rows: dict[int, dict[str, Any]] = {}
        self._texts: dict[int, bytes] = {}
        self._stamps: dict[int, int] = {}
        self._final: set[int] = set()
        self._counts: dict[tuple[str, str], int] = {}
        self._recent: deque[tuple[int, list[Any]]] = deque(maxlen=RECENT_POINTS)
        self._said: deque[tuple[int, dict[str, Any]]] = deque(maxlen=RECENT_MESSAGES)
        self._told = 0
        self._forgotten = 1
        self._controlled = (0.0, False)
        self._material: tuple[int, Sweep] | None = None
        self._answers: dict[Hashable, bytes] = {}
        space = space_of(self.view.sweep)
        self._laws: dict[str, list[str]] = {}
        for slot in space.slots if space is not None else ():
            self._laws.setdefault(slot.name, []).append(clipped(repr(slot.law), 80))
        with uncollected():
            self._take()

    def refresh(self) -> bool:
        """Read what is new; whether there was anything to see."""
        was = self._controlled[1]
        changed = self.view.refresh()
        if changed:
            self._take()
        elif self._controller() != was:
            self.version += 1
            changed = True
        return changed

    def since(self, version: int) -> dict[str, Any]:
        """What a reader who knows `version` (-1: nothing) needs: the sweep, changed rows, new points and messages.

        `points` is null when they are more than we remember. A point is [run number, metric, interval, value,
        step, time].
        """
        return {
            **self._news(version),
            "rows": [finite(self._rows[number]) for number in self._later(version)],
        }

    def _later(self, version: int) -> list[int]:
        """The runs that have changed since a version."""
        return [number for number, stamp in self._stamps.items() if stamp > version]

    def _news(self, version: int) -> dict[str, Any]:
        """What `since` says, but for the rows."""
        known = version >= self._forgotten
        return {
            "feed": self.name,
            "version": self.version,
            "whole": version < 0,
            "sweep": self.summary(),
            "points": [point for stamp, point in self._recent if stamp > version] if known else None,
            "messages": [message for stamp, message in self._said if stamp > version],
        }

    def summary(self) -> dict[str, Any]:
        """The head of the sweep's page."""
        return {**finite(outline(self.view)), "laws": self._laws, "controller": self._controller()}

    def told(self, version: int) -> bytes:
        """What `since` says, as JSON; the text of a row is made once, when it changes."""
        rows = b",".join(self._texts[number] for number in self._later(version))
        return b'{"rows":[' + rows + b"]," + encoded(self._news(version))[1:]

    def answer(self, question: Hashable, make: Callable[[], Any]) -> bytes:
        """What `make` gives, as JSON; the same question gets the same answer as long as nothing has changed."""
        if question not in self._answers:
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[question] = encoded(make())
        return self._answers[question]

    def material(self) -> Sweep:
        """What charts are drawn from; the same for all charts of one version."""
        if self._material is None or self._material[0] != self.version:
            self._material = self.version, material(self.view)
        return self._material[1]

    def run(self, number: int) -> RunRecord | None:
        """The run of this number."""
        return next((run for run in self.view.runs if run.number == number), None)

    def _take(self) -> None:
        self.version += 1
        self._answers.clear()
        for message in self.view.messages[self._told :]:
            said = {"level": message.level, "text": message.text, "time": message.time}
            self._said.append((self.version, said))
        self._told = len(self.view.messages)
        for run in self.view.runs:
            if run.number in self._final:
                continue
            row = self._row(run)
            text = encoded(row)
            new = list(self._new_points(run)) if self.version > 1 else self._known_points(run)
            if new or text != self._texts.get(run.number):
                self._rows[run.number] = row
                self._texts[run.number] = text
                self._stamps[run.number] = self.version
            for point in new:
                if len(self._recent) == RECENT_POINTS:
                    self._forgotten = self._recent[0][0]
                self._recent.append((self.version, point))
            if run.status.terminal:  # the turn that ends a run is the last one that changes it
                self._final.add(run.number)

    def _known_points(self, run: RunRecord) -> list[list[Any]]:
        """At the beginning no point is news."""
        self._counts.update(
            {(run.id, name): len(points) for name, points in self.view.points(run.id).items()}
        )
        return []

    def _new_points(self, run: RunRecord) -> Iterator[list[Any]]:
        for name, points in self.view.points(run.id).items():
            told = self._counts.get((run.id, name), 0)
            for place, point in enumerate(points[told:], start=told + 1):
                yield [run.number, name, place, finite(point.value), finite(point.step), finite(point.time)]
            self._counts[run.id, name] = len(points)

    def _row(self, run: RunRecord) -> dict[str, Any]:
        logged = self.view.points(run.id)
        return {
            "number": run.number,
            "status": str(run.status),
            "params": run.params,
            "best": run.series.best,
            "last": {name: points.values[-1] for name, points in logged.items()},
            "intervals": len(run.series),
            "started": run.started,
            "ended": run.ended,
            "spent": run.spent,
            "reason": run.reason,
            "cause": run.cause,
            "attempt": run.attempt,
            "counted_from": run.counted_from,
        }

    def _controller(self) -> bool:
        asked, held = self._controlled
        if time.monotonic() - asked > 1.0 or not asked:
            held = not self.view.sweep.status.terminal and self.view.controller is not None
            self._controlled = (time.monotonic(), held)
        return held


def material(view: SweepView) -> Sweep:
    """What charts are drawn from."""
    runs = view.runs
    points = {run.id: view.points(run.id) for run in runs}
    return Sweep(runs, view.metric, view.goal, space_of(view.sweep), points, time.time(), str(view.savings()))


def outline(view: SweepView) -> dict[str, Any]:
    """A sweep in one line."""
    best = view.best
    return {
        **brief(view.sweep, [run.brief for run in view.runs]),
        "best": best and {"number": best.number, "value": best.series.best, "params": best.params},
        "params": names(space_of(view.sweep), view.runs),
        "saved": view.saved,
    }


def brief(sweep: SweepRecord, runs: list[Brief]) -> dict[str, Any]:
    """What a line of the list of sweeps says, of its runs in brief."""
    limits = sweep.config.get("limits", {})
    goal = goal_of(sweep)
    values = [run.best for run in runs if run.best is not None]
    best = goal.best(values)
    done = sum(run.status.terminal for run in runs)
    return {
        "id": sweep.id,
        "kind": sweep.kind,
        "experiment": sweep.experiment,
        "status": str(sweep.status),
        "reason": sweep.reason,
        "metric": sweep.config.get("primary_metric_name", ""),
        "goal": goal.value.lower(),
        "done": done,
        "running": sum(not run.status.terminal and run.status is not Status.PAUSED for run in runs),
        "paused": sum(run.status is Status.PAUSED for run in runs),
        "total": limits.get("max_total_runs", 1),
        "concurrent": limits.get("max_concurrent_runs", 1),
        "best": None if best is None else {"value": best},
        "created": sweep.created,
        "started": sweep.started,
        "ended": sweep.ended,
    }


def goal_of(sweep: SweepRecord) -> PrimaryMetricGoal:
    """The goal of a sweep; of a script on its own, the larger the better."""
    return PrimaryMetricGoal(sweep.config.get("primary_metric_goal", "MAXIMIZE"))


def names(space: SearchSpace | None, runs: Iterable[RunRecord]) -> list[str]:
    """The hyperparameters that vary, in the order of the space; of runs without one, all that they have."""
    if space is not None:
        return list(dict.fromkeys(slot.name for slot in space.slots if slot.name in space.names))
    return list(dict.fromkeys(name for run in runs for name in run.params))


def spark(runs: list[Brief], goal: PrimaryMetricGoal) -> list[float]:
    """The best value after each run, thinned."""
    best, line = None, []
    for run in runs:
        value = run.best
        if value is not None and (best is None or goal.better(value, best)):
            best = value
        if best is not None:
            line.append(best)
    return [line[place] for place in thinned(line, SPARK)]


def space_of(sweep: SweepRecord) -> SearchSpace | None:
    """The search space of a sweep's configuration; None for a script on its own."""
    try:
        return SearchSpace.from_json(sweep.config["sampling"]["parameter_space"])
    except (KeyError, TypeError, ConfigError):
        return None


def finite(value: Any) -> Any:
    """The same value as JSON knows it: what is not finite is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def encoded(value: Any) -> bytes:
    """JSON without blanks; what is not finite is null."""
    if orjson is not None:
        try:
            return orjson.dumps(value)
        except TypeError:  # halves of surrogate pairs, integers beyond 64 bits
            pass
    return json.dumps(finite(value), separators=(",", ":"), allow_nan=False).encode()
