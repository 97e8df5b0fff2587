"""`overdrive submit`: a file becomes a sweep, which is watched to its end unless asked otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

from ..adapters.job_file import lead, load, machine_of, submit
from ..adapters.pipeline import Pipeline
from ..errors import ConfigError, NotFound
from ..model.records import Status
from ..sdk.addresses import FOLDER
from ..sdk.run import Run
from ..sdk.workspace import Workspace
from .answer import look_after, open_workspace, print_json
from .follow import follow, open_screen
from .report import print_summary
from .words import printable


def run(
    spec: Path, settings: list[str], folder: Path | None, *, detach: bool, auto_resume: bool, as_json: bool
) -> int:
    """Submit the file; 0 when all has Completed, or is left running on purpose."""
    file = load(spec, settings, machine_of(_home(folder)))
    if isinstance(file, Pipeline) and detach:
        raise ConfigError("--detach: the steps of a pipeline are led from here, so it cannot be detached")
    workspace = Workspace.find(folder)
    look_after(workspace, auto_resume)
    if isinstance(file, Pipeline):
        return _pipeline(workspace, file, as_json)
    return watch(workspace, submit(workspace, file, _say), [], detach=detach, as_json=as_json)


def watch(workspace: Workspace, sweep: Run, advice: list[str], *, detach: bool, as_json: bool) -> int:
    """Say what looks like a mistake, then follow the sweep to its end, or leave it running at once."""
    for sentence in advice:
        _say(f"warning: {sentence}")
    if detach:
        if as_json:
            print_json({"id": sweep.id, "experiment": sweep.experiment.name})
        else:
            print(sweep.id)
        return 0
    ended = _watch(workspace, sweep, as_json)
    if as_json:
        print_json(sweep.view.as_json())
    if not ended:
        print(f"{sweep.id} goes on; `overdrive show {sweep.id}` tells how it stands", file=sys.stderr)
        return 0 if sys.stdin.isatty() else 130
    return 0 if sweep.view.sweep.status is Status.COMPLETED else 1


def _pipeline(workspace: Workspace, pipeline: Pipeline, as_json: bool) -> int:
    done: dict[str, object] = {}
    code = 0
    for name, step in lead(workspace, pipeline, _say):
        print(f"step {printable(name)}: {step.id}", file=sys.stderr)
        ended = _watch(workspace, step, as_json)
        done[name] = step.view.as_json()
        if not ended:
            print(f"{step.id} goes on; the steps after it are not started", file=sys.stderr)
            code = 130
        elif step.view.sweep.status is not Status.COMPLETED:
            print(
                f"{step.id} is {step.view.sweep.status}; the steps after it are not started", file=sys.stderr
            )
            code = 1
        if code:
            break
    if as_json:
        print_json(done)
    return code


def _watch(workspace: Workspace, run: Run, as_json: bool) -> bool:
    """Show it to its end; False when it was left running."""
    ended = follow(workspace, run.view, open_screen(quiet=as_json))
    if ended and not as_json:
        print_summary(workspace, run.view)
    return ended


def _home(folder: Path | None) -> Path:
    """Where the workspace is, or will be once there is something to keep."""
    try:
        return open_workspace(folder).home
    except NotFound:
        return (folder or Path()).absolute() / FOLDER


def _say(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr)
