"""What a new sweep takes over from earlier ones: their runs as prior knowledge, single runs to be resumed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, Problem
from ..model.metrics import Point, Series
from ..model.records import Params, RunRecord, Status
from ..model.space import SearchSpace
from ..runtime.checkpoints import kept_values
from ..runtime.wire import RunFolder, first_attempt
from ..store.base import Message, Turn
from ..sweep.config import Given, HyperDriveConfig
from .run import Run
from .workspace import Workspace


def prior_runs(config: HyperDriveConfig, sweep_id: str, now: float) -> Turn:
    """The runs of the sweeps in `resume_from` that lie in the new space, as rows of the new sweep.

    A parameter that is new takes its value from `resume_defaults`. What is left out is said and counted.
    """
    turn = Turn()
    space = config.hyperparameter_sampling.space
    seen: list[Path] = []
    for sweep in _listed(config.resume_from):
        if not hasattr(sweep, "view"):
            raise ConfigError(Problem("resume_from", f"takes sweeps (HyperDriveRun), got {sweep!r}"))
        sweep.view.refresh()
        place = sweep.experiment.workspace.sweep_folder(sweep.id)
        if place in seen:
            raise ConfigError(Problem("resume_from", f"names {sweep.id} twice"))
        seen.append(place)
        left_out: dict[str, int] = {}
        taken = 0
        for run in sweep.view.runs:
            values = sweep.view.metrics(run.id).get(config.primary_metric_name, [])
            params, why = _fitted(run.params, space, config.resume_defaults or {})
            if params is None or not values:
                why = why or f"never logged {config.primary_metric_name!r}"
                left_out[why] = left_out.get(why, 0) + 1
                continue
            taken += 1
            inherited = RunRecord(
                id=f"{sweep_id}:{len(seen)}:{run.id}",
                number=-1,
                params=params,
                series=Series(config.primary_metric_goal, values),
                status=run.status if run.status.terminal else Status.CANCELED,  # what follows is not seen
                started=run.started,
                ended=run.ended,
                origin=_folder(sweep, run),
                inherited=True,
            )
            turn.new_runs.append(inherited)
            turn.points += [(inherited.id, Point(config.primary_metric_name, value)) for value in values]
        words = "".join(f"; {count} left out: {why}" for why, count in left_out.items())
        for place, inherited in enumerate(turn.new_runs):  # in the order given, and all before our own
            inherited.number = place - len(turn.new_runs)
        turn.messages.append(Message(now, "info", f"warm start from {sweep.id}: {taken} runs taken{words}"))
    return turn


def runs_to_resume(config: HyperDriveConfig) -> tuple[Given, ...]:
    """The runs in `resume_child_runs`: same values, what they left, what they had reported."""
    found = []
    for run in _listed(config.resume_child_runs):
        if not isinstance(run, Run) or run.parent is None:
            raise ConfigError(Problem("resume_child_runs", f"takes runs of a sweep, got {run!r}"))
        values = _kept(run) if run.metric == config.primary_metric_name else []
        found.append(Given(dict(run.record.params), os.path.join(run.folder, "outputs"), tuple(values)))
    if len(found) > config.max_total_runs:
        raise ConfigError(
            Problem(
                "resume_child_runs", f"{len(found)} runs are more than max_total_runs={config.max_total_runs}"
            )
        )
    return tuple(found)


def _kept(run: Run) -> list[float]:
    """What the run had reported, but for what it will report again when it goes on from its checkpoint."""
    record, folder = run.record, RunFolder(run.folder)
    checkpoints = RunFolder(first_attempt(folder.path)).checkpoints
    kept, logged = kept_values(checkpoints, record.job, folder.metrics).get(run.metric, (0, 0))
    return record.series.values[: len(record.series) - (logged - kept)]


def origin_of(inherited: RunRecord) -> Run:
    """The run that an inherited one was, in the workspace where it ran."""
    folder = Path(inherited.origin or "")
    sweep_id, number = folder.parent.name, folder.name.partition(".")[0]
    workspace = Workspace(folder.parents[3])
    workspace.home = folder.parents[2]
    return Run.get(workspace, f"{sweep_id}_{number}")


def _listed(given: Any) -> Iterator[Any]:
    if given is None:
        return iter(())
    return iter(given if isinstance(given, list | tuple) else [given])


def _folder(sweep: Any, run: RunRecord) -> str:
    return str(sweep.experiment.workspace.run_folder(sweep.id, run.number, run.attempt))


def _fitted(old: Params, space: SearchSpace, defaults: Mapping[str, Any]) -> tuple[Params | None, str]:
    """The old values as values of the new space; None, and why, where they are none."""
    params = {name: old[name] for name in space.names if name in old}
    if space.contains(params):
        return params, ""
    missing = [name for name in space.names if name not in old]
    filled = {
        name: old[name] if name in old else defaults[name]
        for name in space.names
        if name in old or name in defaults
    }
    if space.contains(filled):
        return filled, ""
    unknown = [name for name in missing if name not in defaults]
    if unknown:
        return None, f"no value for {', '.join(unknown)} (give it in resume_defaults)"
    return None, "outside the new search space"
