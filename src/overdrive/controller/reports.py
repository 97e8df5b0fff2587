"""What the runs have logged since the last look: their metric files, and where nothing in them is the primary
metric, what programs leave elsewhere (`sources`).

A script may print its metric and log it as well. So values from elsewhere are held back until it is clear which
source has it: when a run has ended, or after a second. The first source in the order of the table that has the
metric is then the sweep's; the others are not looked at any more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..model.metrics import Point
from ..runtime.wire import Record, RunFolder, Tail, parse_line
from ..sources.base import Place, Source, sources_of
from ..store.base import Entry

PATIENCE = 1.0
"""Seconds that a value from elsewhere waits for the metric file to speak, or for a better source."""

MOST_HELD = 10_000
"""Points of one source and run that are held back; beyond them only the primary metric's."""

LOGGED = "logged"
"""The source of a metric that the script logs itself."""


@dataclass(slots=True)
class Report:
    """What one run has logged: points, other entries, and how many lines could not be read."""

    points: list[Point] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    foreign: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.entries or self.foreign)


@dataclass(slots=True)
class _Listener:
    metrics: Tail
    sources: dict[str, Source]
    known: Counter[str]
    names: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    held: dict[str, list[Point]] = field(default_factory=dict)
    held_since: float | None = None


class Reports:
    """Listens to the run folders of all live runs of a sweep.

    `chosen`: the source that the sweep has settled on before, LOGGED for the metric files. `snapshot`: what was
    copied into each run's folder. `pattern`: the user's own for lines of output.
    """

    def __init__(
        self,
        metric: str,
        *,
        chosen: str | None = None,
        snapshot: str | None = None,
        pattern: str | None = None,
    ) -> None:
        self._metric = metric
        self._snapshot = snapshot
        self._pattern = pattern
        self._listeners: dict[str, _Listener] = {}
        self.chosen = chosen

    def listen(
        self, run_id: str, folder: RunFolder, offset: int = 0, known: Mapping[str, int] | None = None
    ) -> None:
        """Begin with a run, or go on with one: `offset` bytes of its metric file have been taken in, and `known`
        points of each name, of that file and of other sources."""
        left = Counter(known or {})
        names = self._logged_before(folder, offset)
        for name in names:
            left[name] = 0
        place = Place(folder, self._snapshot, self._metric, self._pattern)
        elsewhere = sources_of(place) if self._metric and self.chosen != LOGGED else {}
        self._listeners[run_id] = _Listener(Tail(folder.metrics, offset), elsewhere, left, names)

    def _logged_before(self, folder: RunFolder, offset: int) -> set[str]:
        """The names in the first `offset` bytes of a metric file."""
        names: set[str] = set()
        tail = Tail(folder.metrics)
        while tail.offset < offset and (lines := tail.read()):
            records = [record for line in lines for record in parse_line(line) or ()]
            names.update(record.name for record in records if record.kind == "scalar")
        if self._metric in names:
            self.chosen = LOGGED
        return names

    def read(self, run_ids: Iterable[str]) -> dict[str, Report]:
        """What these live runs have logged since the last look; silent runs are left out."""
        found = {run_id: self._read(self._listeners[run_id], False) for run_id in run_ids}
        return {run_id: report for run_id, report in found.items() if report}

    def last(self, run_id: str) -> Report:
        """The rest of what a run logged, now that it has ended."""
        listener = self._listeners[run_id]
        whole = Report()
        more = True
        while more:
            report = self._read(listener, True)
            whole.points += report.points
            whole.entries += report.entries
            whole.foreign += report.foreign
            more = listener.metrics.behind or any(source.behind for source in listener.sources.values())
        return whole

    def forget(self, run_id: str) -> tuple[frozenset[str], frozenset[str]]:
        """Stop listening; the names that the run logged, and those that were found elsewhere."""
        listener = self._listeners.pop(run_id)
        return frozenset(listener.names), frozenset(listener.found - listener.names)

    def offset(self, run_id: str) -> int:
        """Bytes of the metric file that were taken in."""
        return self._listeners[run_id].metrics.offset

    def _read(self, listener: _Listener, final: bool) -> Report:
        report = Report()
        skipped = listener.metrics.skipped
        for line in listener.metrics.read(final):
            records = parse_line(line)
            if records is None:
                report.foreign += bool(line.strip())
                continue
            for record in records:
                self._take(record, report)
        report.foreign += listener.metrics.skipped - skipped
        listener.names.update(point.name for point in report.points)
        report.points += self._elsewhere(listener, final)
        return report

    def _take(self, record: Record, report: Report) -> None:
        if record.kind == "scalar":
            report.points.append(Point(record.name, record.value, record.step, record.time))
            if record.name == self._metric:
                self.chosen = LOGGED
        else:
            report.entries.append(Entry(record.name, record.kind, record.value))

    def _elsewhere(self, listener: _Listener, final: bool) -> list[Point]:
        if self.chosen is not None:
            for name in listener.sources.keys() - {self.chosen}:
                del listener.sources[name]
                listener.held.pop(name, None)
        for name, source in listener.sources.items():
            held = listener.held.setdefault(name, [])
            for point in source.read(final):
                primary = point.name == self._metric
                listener.found.add(point.name)
                if primary and listener.held_since is None:
                    listener.held_since = time.monotonic()
                if primary or len(held) < MOST_HELD:
                    held.append(point)
        if self.chosen is None and listener.held_since is not None:
            waiting = any(source.behind for source in listener.sources.values())
            if (final and not waiting) or time.monotonic() - listener.held_since >= PATIENCE:
                self.chosen = next(
                    name for name, held in listener.held.items() if any(p.name == self._metric for p in held)
                )
        if self.chosen not in listener.held:
            return []
        ready, listener.held[self.chosen] = listener.held[self.chosen], []
        return [
            point for point in ready if point.name not in listener.names and self._is_new(listener, point)
        ]

    @staticmethod
    def _is_new(listener: _Listener, point: Point) -> bool:
        """Sources begin again when a controller takes over: what is known already comes first."""
        if listener.known[point.name] > 0:
            listener.known[point.name] -= 1
            return False
        return True
