"""What the runs have logged since the last look: their metric files, and standard output where nothing
else reports the primary metric.

A script may print its metric and log it as well. So printed values are held back until it is clear that
none comes by the metric file: when a run has ended, or after a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model.metrics import Point
from ..runtime.wire import Record, RunFolder, Tail, parse_line
from ..sources.stdout import PrintedMetric
from ..store.base import Entry

PATIENCE = 1.0
"""Seconds that a printed value waits for the metric file to speak."""


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
    output: Tail
    names: set[str] = field(default_factory=set)
    held: list[Point] = field(default_factory=list)
    held_since: float = 0.0
    released: int = 0


class Reports:
    """Listens to the run folders of all live runs of a sweep."""

    def __init__(self, metric: str, *, logged: bool = False) -> None:
        self._metric = metric
        self._printed = PrintedMetric(metric) if metric else None
        self._logged = logged
        self._printing = False
        self._listeners: dict[str, _Listener] = {}

    def listen(self, run_id: str, folder: RunFolder, offsets: tuple[int, int] = (0, 0)) -> None:
        """Begin with a run, after the bytes that have been read already."""
        listener = _Listener(Tail(folder.metrics, offsets[0]), Tail(folder.stdout, offsets[1]))
        listener.released = offsets[1]
        self._listeners[run_id] = listener

    def read(self, run_ids: Iterable[str]) -> dict[str, Report]:
        """What these live runs have logged since the last look; silent runs are left out."""
        now = time.monotonic()
        found = {run_id: self._read(self._listeners[run_id], False, now) for run_id in run_ids}
        return {run_id: report for run_id, report in found.items() if report}

    def last(self, run_id: str) -> Report:
        """The rest of what a run logged, now that it has ended."""
        listener = self._listeners[run_id]
        whole = Report()
        more = True
        while more:
            report = self._read(listener, True, time.monotonic())
            whole.points += report.points
            whole.entries += report.entries
            whole.foreign += report.foreign
            more = listener.metrics.behind or (not self._logged and listener.output.behind)
        return whole

    def forget(self, run_id: str) -> frozenset[str]:
        """Stop listening; the names of all the metrics that the run logged."""
        return frozenset(self._listeners.pop(run_id).names)

    def offsets(self, run_id: str) -> tuple[int, int]:
        """Bytes read and taken in: (metric file, standard output)."""
        listener = self._listeners[run_id]
        return listener.metrics.offset, listener.released

    def _read(self, listener: _Listener, final: bool, now: float) -> Report:
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
        if self._printed and not self._logged:
            report.points += self._from_output(listener, self._printed, final, now)
        listener.names.update(point.name for point in report.points)
        return report

    def _take(self, record: Record, report: Report) -> None:
        if record.kind == "scalar":
            report.points.append(Point(record.name, record.value, record.step, record.time))
            self._logged = self._logged or record.name == self._metric
        else:
            report.entries.append(Entry(record.name, record.kind, record.value))

    def _from_output(
        self, listener: _Listener, printed: PrintedMetric, final: bool, now: float
    ) -> list[Point]:
        for line in listener.output.read(final):
            value = printed.value(line)
            if value is not None:
                if not listener.held:
                    listener.held_since = now
                listener.held.append(Point(self._metric, value, None, time.time()))
        settled = final or self._printing or now - listener.held_since >= PATIENCE
        if listener.held and not settled:
            return []
        ready, listener.held = listener.held, []
        self._printing = self._printing or bool(ready)
        listener.released = listener.output.offset
        return ready
