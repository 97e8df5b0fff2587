"""`overdrive cancel`: end a sweep or one run, and see that it has ended."""

from __future__ import annotations

import time
from pathlib import Path

from ..errors import NotFound
from ..model.records import RunRecord
from ..sdk.run import START_SECONDS
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace
from .answer import find, print_json
from .follow import check_controller

LOOK_SECONDS = 0.1


def cancel_one(folder: Path | None, ident: str, number: int | None, *, wait: bool, as_json: bool) -> int:
    """Ask for the end of what is meant; 0 also when it has ended already."""
    workspace, view, run = find(folder, ident)
    if number is not None:
        run = next((one for one in view.runs if one.number == number), None)
        if run is None:
            raise NotFound(
                f"{view.sweep.id} has no run {number}; `overdrive show {view.sweep.id}` lists them"
            )
    if view.sweep.kind != "hyperdrive":
        run = None  # a script on its own is its sweep
    if not _over(view, run):
        workspace.store.ask(view.sweep.id, "cancel", run.id if run else None)
        workspace.attend(view.sweep.id)
        if wait:
            _wait(workspace, view, run)
    one = view.run(run.id) if run else view.sweep
    if as_json:
        print_json({"id": one.id, "status": str(one.status), "reason": one.reason})
    else:
        print(f"{one.id} {one.status}" if wait or one.status.terminal else f"{one.id} is asked to end")
    return 0


def _wait(workspace: Workspace, view: SweepView, run: RunRecord | None) -> None:
    began = looked = time.monotonic()
    while not _over(view, run):
        time.sleep(LOOK_SECONDS)
        view.refresh()
        now = time.monotonic()
        young = view.sweep.started is None and now - began < START_SECONDS
        if not young and now - looked > 1:
            looked = now
            check_controller(workspace, view)


def _over(view: SweepView, run: RunRecord | None) -> bool:
    return view.sweep.status.terminal or (run is not None and view.run(run.id).status.terminal)
