"""From stored rows to a controller: a new sweep begins, an interrupted one goes on where it stood."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..compute.base import Claim, Compute
from ..model.metrics import Series
from ..model.records import RunRecord, Status
from ..runtime.wire import RunFolder
from ..store.base import Store, Turn
from ..sweep.config import HyperDriveConfig, Limits, SingleRunConfig
from ..sweep.planner import Planner
from .loop import Controller
from .reports import Reports


def controller(
    store: Store, compute: Compute, sweep_id: str, folder: Path, pulse: Callable[[], None]
) -> Controller:
    """The controller of a stored sweep.

    Runs that still live are adopted, and read on from the byte that was read last; runs that ended
    meanwhile are collected; runs that were written and never started are launched.
    """
    stored = store.changes(sweep_id)
    sweep, runs = stored.sweep, stored.runs
    config = _config(sweep.kind, sweep.config)
    if sweep.started is None:
        sweep.started = time.time()
    sweep.status = Status.RUNNING
    store.commit(sweep_id, Turn(sweep=sweep))

    by_id = {run.id: run for run in runs}
    metric = config.primary_metric_name
    for run in runs:
        run.series = Series(config.primary_metric_goal)
    for run_id, point in stored.points:
        if point.name == metric:
            by_id[run_id].series.append(point.value)

    limits = Limits(**sweep.config["limits"])
    planner = Planner(sweep_id, config, limits, started=sweep.started, runs=runs)
    reports = Reports(metric)
    made = Controller(store, compute, sweep, config, planner, reports, folder=folder, pulse=pulse)
    live = [run for run in runs if not run.status.terminal]
    if live:
        _adopt(made, compute, reports, live, store.offsets(sweep_id), folder, limits)
    return made


def _adopt(
    made: Controller,
    compute: Compute,
    reports: Reports,
    live: list[RunRecord],
    offsets: dict[str, tuple[int, int]],
    folder: Path,
    limits: Limits,
) -> None:
    places = {run.id: RunFolder(folder / str(run.number)) for run in live}
    for run in live:
        reports.listen(run.id, places[run.id], offsets.get(run.id, (0, 0)))
    states = compute.adopt([Claim(run.id, Path(places[run.id].path), run.handle) for run in live])
    started = {state.id for state in states}
    for run in live:
        if run.id not in started:
            made.launch(run)
        elif run.status is Status.CANCEL_REQUESTED:
            compute.cancel(run.id, limits.grace)
    made.turn(states)


def _config(kind: str, stored: dict[str, object]) -> HyperDriveConfig:
    config = HyperDriveConfig.from_json(stored) if kind == "hyperdrive" else None
    if config is None:
        from ..sweep.config import ScriptRunConfig

        return SingleRunConfig(ScriptRunConfig.from_json(stored["run_config"]))  # type: ignore[arg-type]
    return config
