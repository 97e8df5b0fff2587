"""`overdrive submit`: a file becomes a sweep, which is watched to its end unless asked otherwise."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

from ..adapters.sweep_yaml import SweepFile, load, terms
from ..errors import ConfigError, Problem
from ..model.records import Status
from ..sdk.experiment import Experiment
from ..sdk.hyperdrive_run import HyperDriveRun
from ..sdk.run import Run
from ..sdk.workspace import Workspace
from .answer import look_after, print_json
from .follow import follow, open_screen
from .report import print_summary
from .words import printable


def run(
    spec: Path, settings: list[str], folder: Path | None, *, detach: bool, auto_resume: bool, as_json: bool
) -> int:
    """Submit the file; 0 when the sweep has Completed, or is left running on purpose."""
    file = load(spec, settings)
    workspace = Workspace.find(folder)
    look_after(workspace, auto_resume)
    sweep, advice = _submitted(workspace, file)
    return watch(workspace, sweep, [*file.advice, *advice], detach=detach, as_json=as_json)


def watch(
    workspace: Workspace, sweep: HyperDriveRun, advice: list[str], *, detach: bool, as_json: bool
) -> int:
    """Say what looks like a mistake, then follow the sweep to its end, or leave it running at once."""
    for sentence in advice:
        print(f"warning: {printable(sentence)}", file=sys.stderr)
    if detach:
        if as_json:
            print_json({"id": sweep.id, "experiment": sweep.experiment.name})
        else:
            print(sweep.id)
        return 0
    view = sweep.view
    ended = follow(workspace, view, open_screen(quiet=as_json))
    if as_json:
        print_json(view.as_json())
    elif ended:
        print_summary(workspace, view)
    if not ended:
        print(f"{sweep.id} goes on; `overdrive show {sweep.id}` tells how it stands", file=sys.stderr)
        return 0 if sys.stdin.isatty() else 130
    return 0 if view.sweep.status is Status.COMPLETED else 1


def _submitted(workspace: Workspace, file: SweepFile) -> tuple[HyperDriveRun, list[str]]:
    tags = dict(file.tags)
    for name in ("display_name", "description"):
        text = getattr(file, name)
        if text:
            tags.setdefault(name, text)

    def found(ids: tuple[str, ...]) -> list[Run]:
        return [Run.get(workspace, one) for one in ids]

    config = replace(
        file.config, resume_from=found(file.resume_from), resume_child_runs=found(file.resume_child_runs)
    )
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sweep = Experiment(workspace, file.experiment_name).submit(config, tags=tags)
    except ConfigError as error:
        raise ConfigError(Problem("", terms(str(problem))) for problem in error.problems) from None
    return sweep, [terms(str(warning.message)) for warning in caught]
