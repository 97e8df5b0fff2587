"""From stored rows to a controller: a new sweep begins, an interrupted one goes on where it stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..compute.base import Compute, JobState
from ..model.metrics import Point, Series
from ..model.records import RunRecord, Status
from ..store.base import Change, Store, Turn
from ..sweep.config import HyperDriveConfig, SingleRunConfig
from ..sweep.limits import Limits
from ..sweep.planner import Planner
from ..sweep.script import ScriptRunConfig
from .clock import Clock
from .jobs import Jobs
from .lease import Lease
from .loop import Controller
from .reports import Reports


def wanted(store: Store, lease: Lease, sweep_id: str) -> bool:
    """Whether there is anything to do: a sweep that has ended goes on only when somebody resumes it.

    Two controllers may have been started for it, and the first may be done. Wishes that came too late for
    the sweep's end are dropped.
    """
    if not store.sweep(sweep_id).status.terminal:
        return True
    wishes = store.requests(sweep_id)
    late = [wish.key for wish in takewhile(lambda wish: wish.wish not in ("resume", "enqueue"), wishes)]
    if late:
        store.commit(sweep_id, Turn(handled=late), lease.beat())
    return len(late) < len(wishes)


def controller(store: Store, compute: Compute, lease: Lease, sweep_id: str, folder: Path) -> Controller:
    """The controller of a stored sweep.

    Runs that still live are adopted, and read on from the byte that was read last; runs that ended
    meanwhile are collected; runs that were written and never started are launched.
    """
    stored = store.changes(sweep_id)
    sweep, clock = stored.sweep, Clock()
    config = _config(sweep.kind, sweep.config)
    runs = _with_values(stored, config)
    if sweep.started is None:
        sweep.started = clock.now()
    if sweep.status is not Status.PAUSED:
        sweep.status = Status.RUNNING
    store.commit(sweep_id, Turn(sweep=sweep), lease.beat())

    now, ending = clock.now(), sweep.config.get("ending")
    planner = Planner(
        sweep_id,
        config,
        Limits(**sweep.config["limits"]),
        started=now - sweep.active,
        runs=runs,
        paused=sweep.status is Status.PAUSED,
        now=now,
        ending=ending and (Status(ending[0]), ending[1]),
        enqueued=sweep.config.get("enqueued", 0),
    )
    metric = config.primary_metric_name
    jobs = Jobs(sweep_id, config, sweep.config, folder)
    reports = Reports(
        metric,
        chosen=sweep.config.get("metric_source"),
        snapshot=sweep.config["snapshot"],
        pattern=config.metric_pattern,
    )
    made = Controller(store, compute, lease, sweep, config, planner, reports, jobs, clock)
    live = list(planner.live)
    if live:
        offsets = store.offsets(sweep_id)
        for run in live:
            known = Counter(
                p.name for run_id, p in stored.points if (run_id, p.attempt) == (run.id, run.attempt)
            )
            known[metric] -= jobs.given(run)
            reports.listen(run.id, jobs.folder(run), offsets.get(run.id, 0), known)
        _adopt(made, compute, jobs, live)
    return made


def _adopt(made: Controller, compute: Compute, jobs: Jobs, live: list[RunRecord]) -> None:
    states = compute.adopt([jobs.claim(run) for run in live])
    known = {state.id for state in states}
    for run in live:
        if run.status is Status.CANCEL_REQUESTED:
            if run.job in known:
                made.cancel(run)
            else:  # it was told to stop before it began
                states.append(JobState(run.job, "lost", ""))
        elif run.job not in known:
            made.launch(run)
    made.turn(states)


def _with_values(stored: Change, config: HyperDriveConfig) -> list[RunRecord]:
    logged: dict[str, list[Point]] = {run.id: [] for run in stored.runs}
    for run_id, point in stored.points:
        if point.name == config.primary_metric_name:
            logged[run_id].append(point)
    for run in stored.runs:
        values = (point.value for point in run.counting(logged[run.id]))
        run.series = Series(config.primary_metric_goal, values)
    return stored.runs


def _config(kind: str, stored: Mapping[str, Any]) -> HyperDriveConfig:
    if kind == "hyperdrive":
        return HyperDriveConfig.from_json(stored)
    return SingleRunConfig(ScriptRunConfig.from_json(stored["run_config"]))
