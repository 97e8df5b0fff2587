"""The one place where planner, store and compute meet.

    compute.poll ──▶ Started, Ended ─┐                    ┌─▶ one transaction (points, rows, messages)
    metric files ──▶ Reported ───────┼─▶ planner.step ────┤
    requests     ──▶ Asked ──────────┤                    └─▶ then compute.start, compute.cancel
    the clock    ──▶ Tick ───────────┘

What is to be done is written before it is done: a run that stands in the store and has no process is
launched by whoever takes over; the other way round it would be forgotten.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ..compute.base import Compute, Job, JobState
from ..model.records import RunRecord, SweepRecord
from ..runtime import wire
from ..store.base import Message, Store, Turn
from ..sweep.command import render
from ..sweep.config import HyperDriveConfig
from ..sweep.events import Action, Asked, Cancel, Ended, Event, Finish, Launch, Reported, Say, Started, Tick
from ..sweep.planner import Planner
from .reports import Report, Reports

SHORTEST_TURN, LONGEST_TURN = 0.01, 0.05
"""Seconds that a logged value may wait to be seen: short while there is news, longer in quiet times."""

REQUEST_SECONDS = 0.1
"""How often wishes are looked for."""

LAST_WORDS_BYTES = 4096
LAST_WORDS_LINES = 12


class Controller:
    """Runs one sweep to its end. `pulse` is called every turn, to keep the lease alive."""

    def __init__(
        self,
        store: Store,
        compute: Compute,
        sweep: SweepRecord,
        config: HyperDriveConfig,
        planner: Planner,
        reports: Reports,
        *,
        folder: Path,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._compute = compute
        self._sweep = sweep
        self._config = config
        self._planner = planner
        self._reports = reports
        self._folder = folder
        self._pulse = pulse
        self._metric = config.primary_metric_name
        self._turn = Turn()
        self._orders: list[Launch | Cancel] = []
        self._over = False
        self._asked_at = self._news_at = 0.0
        self._foreign: set[str] = set()

    def run(self) -> SweepRecord:
        """Turn until the sweep is finished; the sweep as it ended."""
        self._feed(Tick(time.time()))
        self._act()
        while not self._over:
            quiet = time.monotonic() - self._news_at
            self.turn(self._compute.poll(min(max(quiet / 20, SHORTEST_TURN), LONGEST_TURN)))
            self._pulse()
        return self._sweep

    def turn(self, states: Iterable[JobState]) -> None:
        """One turn: read, plan, write, act."""
        ended = []
        for state in states:
            self._take_state(state)
            if state.over and state.id in self._planner.history:
                ended.append(state)
        live = [run.id for run in self._planner.live]
        for run_id, report in self._reports.read(live).items():
            self._take_report(run_id, report)
        for state in ended:
            self._take_end(state)
        if time.monotonic() - self._asked_at >= REQUEST_SECONDS:
            self._take_requests()
        self._feed(Tick(time.time()))
        self._act()

    # Events in

    def _take_state(self, state: JobState) -> None:
        if state.id not in self._planner.history:
            return
        run = self._planner.history[state.id]
        if run.status.terminal or state.started is None or run.started is not None:
            return
        self._feed(Started(state.id, state.started))
        run.handle = state.handle
        self._turn.runs[run.id] = run

    def _take_report(self, run_id: str, report: Report, *, late: bool = False) -> None:
        self._turn.points += [(run_id, point) for point in report.points]
        self._turn.entries += [(run_id, entry) for entry in report.entries]
        self._turn.offsets[run_id] = self._reports.offsets(run_id)
        if report.foreign and run_id not in self._foreign:
            self._foreign.add(run_id)
            lines = f"{report.foreign} line{'s' if report.foreign > 1 else ''}"
            number = self._planner.history[run_id].number
            self._say("warning", f"run {number}: {lines} of its metric file cannot be read and were skipped")
        for point in report.points:
            if point.name == self._metric:
                self._feed(Reported(run_id, point.value, late))

    def _take_end(self, state: JobState) -> None:
        run = self._planner.history[state.id]
        if run.status.terminal:
            return
        self._take_report(run.id, self._reports.last(run.id), late=True)
        words = "" if state.exit_code == 0 else last_words(self._run_folder(run), state.note)
        names = self._reports.forget(run.id)
        self._feed(Ended(run.id, state.ended or time.time(), state.exit_code, names, words))
        self._turn.runs[run.id] = run

    def _take_requests(self) -> None:
        self._asked_at = time.monotonic()
        for request in self._store.requests(self._sweep.id):
            self._turn.handled.append(request.key)
            if request.wish == "cancel":
                self._feed(Asked("cancel", request.run_id))

    def _feed(self, event: Event) -> None:
        for action in self._planner.step(event):
            self._take_action(action)

    # Actions out

    def _take_action(self, action: Action) -> None:
        match action:
            case Launch(run):
                self._turn.new_runs.append(run)
                self._orders.append(action)
            case Cancel(run_id, _):
                self._turn.runs[run_id] = self._planner.history[run_id]
                self._orders.append(action)
            case Say(level, text):
                self._say(level, text)
            case Finish(status, reason):
                self._sweep.status, self._sweep.reason, self._sweep.ended = status, reason, time.time()
                self._turn.sweep = self._sweep
                self._say("info", f"{status}: {reason}")
                self._over = True

    def _say(self, level: str, text: str) -> None:
        self._turn.messages.append(Message(time.time(), level, text))
        print(f"{time.strftime('%H:%M:%S')} {level}: {text}", flush=True)

    def _act(self) -> None:
        if self._turn:
            self._news_at = time.monotonic()
            for run in self._turn.new_runs:
                self._turn.runs.pop(run.id, None)
            self._store.commit(self._sweep.id, self._turn)
            self._turn = Turn()
        orders, self._orders = self._orders, []
        for order in orders:
            match order:
                case Launch(run):
                    self.launch(run)
                case Cancel(run_id, _):
                    self._compute.cancel(run_id, self._planner.limits.grace)

    def launch(self, run: RunRecord) -> None:
        """Start the process of a run that stands in the store."""
        folder = self._run_folder(run)
        settings = self._sweep.config
        command = render(
            self._config.run_config, run.params, settings["interpreter"], os.environ.get("PATH", "")
        )
        own = {
            wire.SWEEP_ID: self._sweep.id,
            wire.RUN_DIR: folder.path,
            wire.METRICS: folder.metrics,
            wire.PARAMS: folder.params,
            wire.HOME: settings["home"],
        }
        folder.make()
        wire.write_json(folder.params, run.params)
        snapshot = settings.get("snapshot")
        self._reports.listen(run.id, folder)
        self._compute.start(
            Job(
                id=run.id,
                argv=command.argv,
                folder=Path(folder.path),
                env={**settings["threads"], **settings["python_path"], **command.env, **own},
                grace=self._planner.limits.grace,
                source=Path(snapshot) if snapshot else None,
            )
        )

    def _run_folder(self, run: RunRecord) -> wire.RunFolder:
        return wire.RunFolder(self._folder / str(run.number))


def last_words(folder: wire.RunFolder, note: str = "") -> str:
    """The end of a run's error output, else of its standard output, else what the back end says."""
    for path in (folder.stderr, folder.stdout):
        try:
            with open(path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_WORDS_BYTES))
                text = file.read().decode("utf-8", "replace").strip()
        except OSError:
            continue
        if text:
            return "\n".join(text.splitlines()[-LAST_WORDS_LINES:])
    return note
