"""A back end without processes: runs follow recorded curves on a simulated clock. What the controller sees of a run
(its states, its reports, its job) comes from here; loop, planner, sampler, policy and store are the real ones."""

from __future__ import annotations

import heapq
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

from overdrive.compute.base import Claim, JobState
from overdrive.controller.lease import Lease
from overdrive.controller.loop import Controller
from overdrive.controller.reports import LOGGED, Report
from overdrive.model.history import History
from overdrive.model.metrics import Point
from overdrive.model.records import RunRecord, SweepRecord
from overdrive.store.base import open_store
from overdrive.sweep.config import HyperDriveConfig
from overdrive.sweep.limits import Limits
from overdrive.sweep.planner import Planner

EPOCH = 60.0
"""Simulated seconds from value to value of a run, times 0.5 to 2."""

TURN = EPOCH / 4
"""Simulated seconds between two turns of the controller: about a quarter of the places report in each."""

METRIC = "accuracy"


def recorded(count: int, epochs: int) -> list[list[float]]:
    """Accuracies on the digits of a linear classifier with other steps and penalties, epoch by epoch."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.linear_model import SGDClassifier

    images, labels = load_digits(return_X_y=True)
    numbers, found = np.random.RandomState(0), []
    for _ in range(count):
        model = SGDClassifier(
            alpha=10 ** numbers.uniform(-6, 0),
            learning_rate="constant",
            eta0=10 ** numbers.uniform(-5, 0),
            random_state=0,
        )
        values = []
        for _ in range(epochs):
            model.partial_fit(images[:400], labels[:400], classes=range(10))
            values.append(float(model.score(images[1000:], labels[1000:])))
        found.append(values)
    return found


class Look(NamedTuple):
    """How it stood before a turn: seconds of this process, runs ended, events so far, turns, megabytes; `pace` is how
    many seconds a fixed piece of work takes, since other programs of a busy machine make all of them slower."""

    seconds: float
    ended: int
    events: int
    turns: int
    megabytes: float
    pace: float


@dataclass
class Simulation:
    """Compute, clock, reports and jobs of one sweep. `looks` are taken after each `every` ended runs."""

    curves: Sequence[Sequence[float]]
    every: int = 1000
    obstacles: tuple[str, ...] = ()
    chosen: str = LOGGED

    def __post_init__(self) -> None:
        self._now = 1.0
        self._coming: list[
            tuple[float, int, int]
        ] = []  # (when, run, which of its values, the last of which is its end)
        self._running: dict[int, RunRecord] = {}
        self._cancelled: list[RunRecord] = []
        self._reports: dict[str, Report] = {}
        self.looks: list[Look] = []
        self.ended = self.events = self.turns = 0
        self.longest = self._pacing = 0.0
        self._polled = time.perf_counter()
        self.jobs = SimpleNamespace(
            obstacles=(),
            run_of=lambda state, history: history.get(state.id),
            folder=lambda run: SimpleNamespace(stdout="/dev/null", stderr="/dev/null"),
            job=lambda run: run,
            kept=lambda run: {},
            has_checkpoint=lambda run: False,
            last_sign=lambda run: None,
        )

    # The clock

    def now(self) -> float:
        return self._now

    def corrected(self, stamp: float) -> float:
        return stamp

    # The back end

    def start(self, run: Any) -> str:
        self._running[run.number] = run
        heapq.heappush(self._coming, (self._now, run.number, -1))
        return run.id

    def cancel(self, job_id: str, grace: float) -> None:
        run = self._running.pop(int(job_id.rpartition("_")[2]), None)
        if run is not None:  # else it has ended meanwhile
            self._cancelled.append(run)

    def poll(self, timeout: float) -> list[JobState]:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._polled)
        self.turns += 1
        states = [
            JobState(run.id, "ended", run.id, exit_code=-15, started=run.started, ended=self._now)
            for run in self._cancelled
        ]
        self._cancelled.clear()
        if self._coming and not states:
            self._now = max(self._now + TURN, self._coming[0][0])
        while self._coming and self._coming[0][0] <= self._now:
            when, number, index = heapq.heappop(self._coming)
            run = self._running.get(number)
            if run is None:
                continue
            self._take(states, run, when, index)
        self.events += len(states)
        self.ended += sum(state.over for state in states)
        if self.ended >= len(self.looks) * self.every:
            self.look()
        self._polled = time.perf_counter()
        return states

    def _take(self, states: list[JobState], run: RunRecord, when: float, index: int) -> None:
        values = self.curves[run.number % len(self.curves)]
        if index >= 0:
            report = self._reports.setdefault(run.id, Report())
            report.points.append(Point(METRIC, values[index], time=when))
            self.events += 1
        else:
            states.append(JobState(run.id, "running", run.id, pid=1, started=when))
        if index + 1 < len(values):
            pace = EPOCH * 4 ** (Random(run.number).random() - 0.5)
            heapq.heappush(self._coming, (when + pace, run.number, index + 1))
        else:
            del self._running[run.number]
            states.append(JobState(run.id, "ended", run.id, exit_code=0, ended=when))

    def adopt(self, claims: Iterable[Claim]) -> list[JobState]:
        return []

    def close(self) -> None:
        pass

    # What runs report

    def listen(
        self, run_id: str, folder: Any, offset: int = 0, known: Mapping[str, int] | None = None
    ) -> None:
        pass

    def read(self, run_ids: Iterable[str]) -> dict[str, Report]:
        found, self._reports = self._reports, {}
        return found

    def last(self, run_id: str) -> Report:
        return self._reports.pop(run_id, None) or Report()

    def forget(self, run_id: str) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset({METRIC}), frozenset()

    def offset(self, run_id: str) -> int:
        return 0

    def look(self) -> None:
        """Write down how it stands."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        megabytes = pages * resource.getpagesize() / 1e6
        began = time.process_time()
        for _ in range(20):
            sorted({str(number): [number] for number in range(2000)}.items())
        pace, self._pacing = time.process_time() - began, self._pacing + time.process_time() - began
        seconds = time.process_time() - self._pacing
        self.looks.append(Look(seconds, self.ended, self.events, self.turns, megabytes, pace))


def sweep(folder: Path, config: HyperDriveConfig, simulation: Simulation, url: str | None = None) -> History:
    """The sweep of this configuration, run to its end."""
    store = open_store(url or f"sqlite:///{folder / 'overdrive.db'}")
    record = SweepRecord("HD_1", "scale", "hyperdrive", {**config.to_json(), "metric_source": LOGGED})
    store.create_sweep(record)
    lease = Lease(store, record.id)
    lease.take()
    limits = Limits(max_total_runs=config.max_total_runs, max_concurrent_runs=config.max_concurrent_runs or 1)
    planner = Planner(record.id, config, limits, started=simulation.now())
    real: Any = simulation
    Controller(store, real, lease, record, config, planner, real, real.jobs, real).run()
    simulation.look()
    store.close()
    return planner.history
