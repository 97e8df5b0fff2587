"""What all commands share: the workspace that is meant, the sweep or run that is meant, JSON answers."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import NotFound
from ..model.records import RunRecord
from ..runtime.wire import HOME
from ..sdk.addresses import FOLDER
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace


class Meant(NamedTuple):
    """The sweep that an id names, and the run when it names one."""

    workspace: Workspace
    view: SweepView
    run: RunRecord | None


def open_workspace(folder: Path | None) -> Workspace:
    """The workspace that is there; unlike `submit`, looking around never makes one."""
    if folder is None and os.environ.get(HOME):
        return Workspace.find()
    start = (folder or Path()).absolute()
    if not any((place / FOLDER).is_dir() for place in (start, *start.parents)):
        raise NotFound(
            f"there is no workspace in {str(start)!r} or above; `overdrive submit` makes one, "
            f"--workspace FOLDER names another"
        )
    return Workspace.find(start)


def look_after(workspace: Workspace, auto_resume: bool) -> None:
    """Sweeps that have lost their controller go on if that is wished; else say how they would."""
    for sweep_id in workspace.orphans():
        if auto_resume and workspace.attend(sweep_id):
            print(f"{sweep_id} had lost its controller and goes on", file=sys.stderr)
        else:
            print(
                f"{sweep_id} has lost its controller; `overdrive resume {sweep_id}` goes on with it",
                file=sys.stderr,
            )


def find(folder: Path | None, ident: str) -> Meant:
    """What `ident` means: a sweep's id, its beginning, `last`, or one of these with `_<number>` for a run."""
    workspace = open_workspace(folder)
    store = workspace.store
    head, _, number = ident.rpartition("_")
    try:
        found = store.find(ident)
    except NotFound:
        if not (head and number.isdecimal()):
            raise
        try:
            found = f"{store.find(head)}_{number}"
            store.owner(found)
        except NotFound:
            raise NotFound(
                f"no sweep or run {ident!r} in this workspace; `overdrive list` shows what there is"
            ) from None
    try:
        return Meant(workspace, SweepView(store, found), None)
    except NotFound:
        view = SweepView(store, store.owner(found))
        return Meant(workspace, view, view.run(found))


def print_json(value: Any) -> None:
    """One JSON value, one line."""
    print(json.dumps(value, allow_nan=False), flush=True)
