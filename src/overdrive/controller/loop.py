"""The one place where planner, store and compute meet.

    compute.poll ──▶ Started, Ended ─┐                    ┌─▶ one transaction (points, rows, messages)
    metric files ──▶ Reported ───────┼─▶ planner.step ────┤
    requests     ──▶ Asked ──────────┤                    └─▶ then compute.start, compute.cancel
    the clock    ──▶ Tick ───────────┘

What is to be done is written before it is done: a run that stands in the store and has no process is
launched by whoever takes over; the other way round it would be forgotten.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from ..compute.base import OUT_OF_MEMORY, Compute, JobState
from ..errors import StoreError
from ..model.metrics import Point
from ..model.records import RunRecord, Status, SweepRecord
from ..store.base import Message, Store, Turn
from ..sweep.config import HyperDriveConfig
from ..sweep.events import (
    Action,
    Add,
    Asked,
    Cancel,
    Change,
    Drop,
    Ended,
    Ending,
    Event,
    Finish,
    Heard,
    Launch,
    Mark,
    Reported,
    Say,
    Started,
    Tick,
)
from ..sweep.planner import Planner
from .clock import Clock
from .jobs import Jobs
from .lease import Lease
from .reports import LOGGED, Report, Reports

SHORTEST_TURN, LONGEST_TURN = 0.01, 0.05
"""Seconds that a logged value may wait to be seen: short while there is news, longer in quiet times."""

REST = 3
"""Between two turns so many times what the first one took of the processor, within these limits: where much is
logged, the values of a longer time are taken together, which costs less."""

REQUEST_SECONDS = 0.1
"""How often wishes are looked for."""

STORE_PATIENCE = 1.0
"""Seconds before a store that failed (a full disk, another writer) is tried again."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""A disk that is full may have room again; any other error of it is there to stay."""

T = TypeVar("T")


class Controller:
    """Runs one sweep to its end."""

    def __init__(
        self,
        store: Store,
        compute: Compute,
        lease: Lease,
        sweep: SweepRecord,
        config: HyperDriveConfig,
        planner: Planner,
        reports: Reports,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._store = store
        self._compute = compute
        self._lease = lease
        self._sweep = sweep
        self._planner = planner
        self._reports = reports
        self._jobs = jobs
        self._clock = clock
        self._metric = config.primary_metric_name
        self._turn = Turn()
        self._orders: list[Launch | Cancel] = []
        self._over = False
        self._asked_at = self._news_at = self._busy = 0.0
        self._choosing, self._looked_ahead = 0.0, False
        self._foreign: dict[str, int] = {}
        self._foreign_said: dict[str, int] = {}

    def run(self) -> SweepRecord:
        """Turn until the sweep is finished; the sweep as it ended."""
        if self._jobs.obstacles and not self._planner.history:
            self._say(
                "info",
                f"every run starts cold: {self._jobs.obstacles[0]}; `warm` may name what is to be imported",
            )
        if self._store.remark and not self._planner.history:
            self._say("info", self._store.remark)
        self._take_requests()
        self._feed(Tick(self._clock.now()))
        self._act()
        while not self._over:
            self._look_ahead()
            quiet = time.monotonic() - self._news_at
            rest = max(quiet / 20, REST * self._busy, SHORTEST_TURN)
            states = self._compute.poll(min(rest, LONGEST_TURN))
            began = time.thread_time()
            self.turn(states)
            self._busy = time.thread_time() - began
            self._insist(lambda: self._lease.pulse(self._planner.active))
        return self._sweep

    def turn(self, states: Iterable[JobState]) -> None:
        """One turn: read, plan, write, act."""
        ended = []
        for state in states:
            run = self._jobs.run_of(state, self._planner.history)
            if run is None or run.status.terminal:
                continue
            self._take_start(run, state)
            if state.over:
                ended.append((run, state))
        self._take_reports()
        for run, state in ended:
            self._take_end(run, state)
        if time.monotonic() - self._asked_at >= REQUEST_SECONDS:
            self._take_requests()
        self._tick()
        self._act()

    def _tick(self) -> None:
        began = time.perf_counter()
        self._feed(Tick(self._clock.now()))
        launches = sum(isinstance(order, Launch) for order in self._orders)
        if launches and not self._looked_ahead:
            self._choosing = (time.perf_counter() - began) / launches
        self._looked_ahead &= not launches

    def _look_ahead(self) -> None:
        """Nothing is to be done: choose the next run, where its place would wait for that."""
        began = time.perf_counter()
        if self._planner.look_ahead(self._choosing):
            self._choosing, self._looked_ahead = time.perf_counter() - began, True

    # Events in

    def _take_start(self, run: RunRecord, state: JobState) -> None:
        if state.started is None or run.started is not None:
            return
        self._feed(Started(run.id, self._clock.corrected(state.started)))
        run.handle = state.handle
        self._turn.runs[run.id] = run

    def _take_reports(self) -> None:
        live = [run.id for run in self._planner.live]
        for run_id, report in self._reports.read(live).items():
            self._take_report(self._planner.history[run_id], report)

    def _take_report(self, run: RunRecord, report: Report, *, late: bool = False) -> None:
        points, attempt = report.points, run.attempt
        if attempt:
            points = [point._replace(attempt=attempt) for point in points]
        self._turn.points += [(run.id, point) for point in points]
        self._turn.entries += [(run.id, entry) for entry in report.entries]
        self._turn.offsets[run.id] = self._reports.offset(run.id)
        if report.foreign:
            self._foreign[run.id] = self._foreign.get(run.id, 0) + report.foreign
            if self._foreign[run.id] == report.foreign:
                self._say_foreign(run, report.foreign)
                self._foreign_said[run.id] = report.foreign
        if self._reports.chosen != self._sweep.config.get("metric_source"):
            self._note("metric_source", self._reports.chosen)
            if self._reports.chosen != LOGGED:
                self._say("info", f"{self._metric!r} is found in {self._reports.chosen}")
        if points:
            self._feed(Heard(run.id, self._clock.now()))
        for point in points:
            if point.name == self._metric:
                self._feed(Reported(run.id, point.value, late))

    def _take_end(self, run: RunRecord, state: JobState) -> None:
        self._take_report(run, self._reports.last(run.id), late=True)
        skipped = self._foreign.pop(run.id, 0)
        if skipped > self._foreign_said.pop(run.id, 0):
            self._say_foreign(run, skipped, "in all ")
        folder = self._jobs.folder(run)
        words = "" if state.exit_code == 0 else last_words([folder.stderr, folder.stdout], state.note)
        names, printed = self._reports.forget(run.id)
        kept = self._jobs.kept(run)
        ended = Ended(
            run.id,
            self._clock.corrected(state.ended or self._jobs.last_sign(run) or time.time()),
            state.exit_code,
            names,
            words,
            killed_for_memory=state.note.startswith(OUT_OF_MEMORY),
            checkpoint=self._jobs.has_checkpoint(run),
            kept={name: one.kept for name, one in kept.items()},
            repeated=kept[self._metric].logged - kept[self._metric].kept if self._metric in kept else 0,
            printed=printed,
        )
        self._turn.runs[run.id] = run
        self._feed(ended)

    def _take_requests(self) -> None:
        self._asked_at = time.monotonic()
        for request in self._insist(lambda: self._store.requests(self._sweep.id)):
            self._turn.handled.append(request.key)
            self._feed(Asked(request.wish, request.run_id, changes=request.payload))

    def _feed(self, event: Event) -> None:
        for action in self._planner.step(event):
            self._take_action(action)

    # Actions out

    def _take_action(self, action: Action) -> None:
        match action:
            case Launch(run):
                self._take_launch(run)
                self._orders.append(action)
            case Add(run):
                self._turn.new_runs.append(run)
                self._note("enqueued", self._planner.enqueued)
            case Cancel(run_id, _):
                self._turn.runs[run_id] = self._planner.history[run_id]
                self._orders.append(action)
            case Drop(run_id, _) | Mark(run_id):
                self._turn.runs[run_id] = self._planner.history[run_id]
            case Ending():
                self._note("ending", self._planner.ending)
            case Change(status, limits):
                self._sweep.status, self._sweep.reason, self._sweep.ended = status, None, None
                self._note("limits", limits.to_json())
                self._note("ending", self._planner.ending)
                self._over = False
            case Say(level, text):
                self._say(level, text)
            case Finish(status, reason):
                self._sweep.status, self._sweep.reason = status, reason
                self._sweep.ended = self._clock.now()
                self._turn.sweep = self._sweep
                self._say("info", f"{status}: {reason}")
                self._over = True

    def _note(self, name: str, value: object) -> None:
        self._sweep.config = {**self._sweep.config, name: value}
        self._turn.sweep = self._sweep

    def _take_launch(self, run: RunRecord) -> None:
        if run.status is Status.QUEUED:
            self._turn.new_runs.append(run)
        else:
            self._turn.runs[run.id] = run
        self._turn.offsets[run.id] = 0
        if run.counted_from == run.attempt:  # what a resumed run had reported before
            prefix = [Point(self._metric, value, attempt=run.attempt) for value in run.series.values]
            self._turn.points += [(run.id, point) for point in prefix]

    def _say_foreign(self, run: RunRecord, count: int, so_far: str = "") -> None:
        lines = f"{so_far}{count} line{'s' if count > 1 else ''}"
        self._say("warning", f"run {run.number}: {lines} of its metric file cannot be read, and skipped")

    def _say(self, level: str, text: str) -> None:
        self._turn.messages.append(Message(time.time(), level, text))
        _log(f"{level}: {text}")

    def _act(self) -> None:
        if self._turn:
            self._news_at = time.monotonic()
            for run in self._turn.new_runs:
                self._turn.runs.pop(run.id, None)
            self._turn.active = self._sweep.active = self._planner.active
            self._insist(lambda: self._store.commit(self._sweep.id, self._turn, self._lease.beat()))
            self._turn = Turn()
        orders, self._orders = self._orders, []
        for order in orders:
            match order:
                case Launch(run):
                    self.launch(run)
                case Cancel(run_id, _):
                    self.cancel(self._planner.history[run_id])

    def launch(self, run: RunRecord) -> None:
        """Start the process of a run that stands in the store."""
        self._reports.listen(run.id, self._jobs.folder(run))
        self._insist(lambda: self._compute.start(self._jobs.job(run)))

    def cancel(self, run: RunRecord) -> None:
        """End the processes of a run."""
        self._compute.cancel(run.job, self._planner.limits.grace)

    def _insist(self, action: Callable[[], T]) -> T:
        """Do it, and again until the store takes it and the disk has room: meanwhile the runs go on, and
        nothing is forgotten."""
        said = ""
        while True:
            try:
                return action()
            except StoreError as error:
                why = str(error)
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                why = str(error)
            if why != said:
                said = why
                _log(f"trying again: {why}")
            time.sleep(STORE_PATIENCE)


def _log(text: str) -> None:
    try:
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
    except OSError:  # a full disk, which is what we want to say
        pass


LAST_WORDS_BYTES = 4096
LAST_WORDS_LINES = 12


def last_words(paths: Iterable[str], note: str = "") -> str:
    """The end of the first of these files that has any text, else what the back end says."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_WORDS_BYTES))
                text = file.read().decode("utf-8", "replace").strip()
        except OSError:
            continue
        if text:
            return "\n".join(text.splitlines()[-LAST_WORDS_LINES:])
    return note
