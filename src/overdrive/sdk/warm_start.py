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

    A parameter that is new takes its value from `resume_defaults`, or the one that its law is believed to be near.
    What is left out is said and counted, and what was changed is said.
    """
    from .hyperdrive_run import HyperDriveRun

    turn = Turn()
    space = config.hyperparameter_sampling.space
    defaults = {**believed(space), **(config.resume_defaults or {})}
    seen: list[Path] = []
    for sweep in _listed(config.resume_from):
        if not isinstance(sweep, HyperDriveRun):
            raise ConfigError(Problem("resume_from", f"takes sweeps (HyperDriveRun), got {sweep!r}"))
        sweep.view.refresh()
        folder = sweep.experiment.workspace.sweep_folder(sweep.id)
        if folder in seen:
            raise ConfigError(Problem("resume_from", f"names {sweep.id} twice"))
        seen.append(folder)
        left_out: dict[str, int] = {}
        dropped: dict[str, None] = {}
        added: dict[str, Any] = {}
        taken = 0
        for run in sweep.view.runs:
            values = sweep.view.metrics(run.id).get(config.primary_metric_name, [])
            params, why = fitted(run.params, space, defaults)
            if params is None or not values:
                why = why or f"never logged {config.primary_metric_name!r}"
                left_out[why] = left_out.get(why, 0) + 1
                continue
            taken += 1
            dropped |= dict.fromkeys(name for name in run.params if name not in params)
            added |= {name: params[name] for name in params if name not in run.params}
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
        changes = [f"{', '.join(dropped)} is no parameter here and plays no part"] if dropped else []
        changes += [f"{name} counts as {value!r}" for name, value in added.items()]
        if changes:
            turn.messages.append(Message(now, "info", f"in the runs of {sweep.id}, {'; '.join(changes)}"))
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


def believed(space: SearchSpace) -> Params:
    """The value that each law is believed to be near, where there is one, for runs that had no such parameter."""
    found = {}
    for _, name, law in space.slots:
        if law.belief is not None:
            value = law.belief.value if law.contains(law.belief.value) else law.from_unit(law.belief.centre)
            if law.contains(value):  # not so for a branch
                found[name] = value
    return found


def fitted(old: Params, space: SearchSpace, defaults: Mapping[str, Any]) -> tuple[Params | None, str]:
    """The old values as values of the new space; None, and why, where they are none. Names that the space does not
    have are dropped, names that are new are taken from the defaults."""
    params = {name: old[name] for name in space.names if name in old}
    if space.contains(params):
        return params, ""
    filled = {
        name: old.get(name, defaults.get(name)) for name in space.names if name in old or name in defaults
    }
    if space.contains(filled):
        return filled, ""
    unknown = [name for name in space.names if name not in old and name not in defaults]
    if unknown:
        return None, f"no value for {', '.join(unknown)} (give it in resume_defaults)"
    return None, "outside the new search space"
