"""`overdrive pause`, `resume`, `set` and `enqueue`: another course for a sweep that is under way, or was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ConfigError, NotFound, Problem
from ..model.values import token
from ..sdk.experiment import Experiment
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.workspace import Workspace
from .answer import find, open_workspace, print_json


def pause_one(folder: Path | None, ident: str, *, as_json: bool) -> int:
    """Ask for no new runs."""
    sweep = _sweep(folder, ident)
    sweep.pause()
    return _answer(sweep, "pauses: no new run is started", as_json)


def resume_one(folder: Path | None, ident: str, settings: list[str], *, as_json: bool) -> int:
    """Go on with one sweep."""
    sweep = _sweep(folder, ident)
    sweep.resume(**changes_in(settings))
    return _answer(sweep, "goes on", as_json)


def resume_all(folder: Path | None, *, as_json: bool) -> int:
    """Go on with every sweep that nobody controls any more; 0 also when there is none."""
    workspace = open_workspace(folder)
    resumed = [sweep_id for sweep_id in workspace.orphans() if workspace.attend(sweep_id)]
    if as_json:
        print_json({"resumed": resumed})
    else:
        for sweep_id in resumed:
            print(f"{sweep_id} goes on")
    return 0


def set_limits(folder: Path | None, ident: str, settings: list[str], *, as_json: bool) -> int:
    """Change limits."""
    sweep = _sweep(folder, ident)
    changes = changes_in(settings)
    sweep.set(**changes)
    words = ", ".join(f"{name}={value}" for name, value in changes.items())
    return _answer(sweep, f"takes on {words}", as_json)


def enqueue_one(
    folder: Path | None, ident: str, settings: list[str], like: int | None, *, as_json: bool
) -> int:
    """Ask for a run with these values; those that are not given are of the run `like`."""
    sweep = _sweep(folder, ident)
    values: dict[str, Any] = {}
    if like is not None:
        known = {run.number: run for run in sweep.view.runs}
        if like not in known:
            raise NotFound(f"{sweep.id} has no run {like}")
        values.update(known[like].params)
    values.update(_values_in(settings))
    sweep.enqueue(values)
    words = ", ".join(f"{name}={token(value)}" for name, value in values.items())
    return _answer(sweep, f"will run {words}", as_json)


def _values_in(settings: list[str]) -> dict[str, Any]:
    """From `name=value` words to values, as JSON where it is, else as text."""
    found: dict[str, Any] = {}
    problems = []
    for word in settings:
        name, sign, text = word.partition("=")
        if not sign:
            problems.append(Problem(word, "has no value; write NAME=VALUE"))
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    if problems:
        raise ConfigError(problems)
    return found


def changes_in(settings: list[str]) -> dict[str, Any]:
    """From `name=value` words to values; ConfigError with every word that is none."""
    found, problems = {}, []
    for word in settings:
        name, sign, text = word.partition("=")
        try:
            found[name.strip()] = json.loads(text.lower())
        except ValueError:
            problems.append(
                Problem(word, "must be NAME=VALUE with a number or null" if sign else "has no value")
            )
    if problems:
        raise ConfigError(problems)
    return found


def _sweep(folder: Path | None, ident: str) -> HyperDriveRun:
    workspace, view, run = find(folder, ident)
    if run is not None or view.sweep.kind != "hyperdrive":
        raise ConfigError(
            f"{ident!r} is a run; only a whole sweep can be paused, resumed or given other limits"
        )
    return _opened(workspace, view.sweep.experiment, view.sweep.id)


def _opened(workspace: Workspace, experiment: str, sweep_id: str) -> HyperDriveRun:
    return HyperDriveRun(Experiment(workspace, experiment), sweep_id)


def _answer(sweep: HyperDriveRun, words: str, as_json: bool) -> int:
    if as_json:
        print_json({"id": sweep.id, "status": sweep.get_status()})
    else:
        print(f"{sweep.id} {words}")
    return 0
