"""`overdrive list`, `show` and `best`: what is known, printed once.

On a terminal tables are cut to its width; elsewhere nothing is cut and values are exact.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import NotFound
from ..model.records import RunRecord, Status
from ..model.space import SearchSpace
from ..sdk.view import SweepView
from ..sdk.workspace import Workspace
from .answer import find, look_after, open_workspace, print_json
from .screen import STYLES, best_line, header, lines_of, ranked, runs_table
from .words import assignments, duration, figure, printable

_TOP = 5
_UNCUT = 100_000


def list_sweeps(folder: Path | None, number: int, *, auto_resume: bool, as_json: bool) -> int:
    """All sweeps, newest first."""
    workspace = open_workspace(folder)
    look_after(workspace, auto_resume)
    store = workspace.store
    views = [SweepView(store, sweep.id) for sweep in store.sweeps()[:number]]
    if as_json:
        print_json([_entry(view) for view in views])
        return 0
    table = new_table("id", "status", "experiment", "runs", "best", "started")
    for view in views:
        sweep = view.sweep
        done = sum(run.status.terminal for run in view.runs)
        best = f"{view.metric} {figure(view.best.series.best)}" if view.best else ""
        table.add_row(
            Text(sweep.id),
            Text(str(sweep.status), STYLES.get(sweep.status, "")),
            Text(printable(sweep.experiment)),
            Text(f"{done}/{view.total}"),
            Text(printable(best)),
            Text(_when(sweep.created)),
        )
    if views:
        stdout_console().print(table)
    else:
        print("no sweep yet; start one with `overdrive submit SPEC.yml`", file=sys.stderr)
    return 0


def show_one(folder: Path | None, ident: str, *, auto_resume: bool, as_json: bool) -> int:
    """A sweep with all its runs, or a run with all its values."""
    workspace, view, run = find(folder, ident)
    look_after(workspace, auto_resume)
    if run is None:
        if as_json:
            print_json(view.as_json())
        else:
            print_sweep(view)
        return 0
    found = _run_json(workspace, view, run)
    if as_json:
        print_json(found)
    else:
        _print_run(workspace, view, run)
    return 0


def show_best(folder: Path | None, ident: str, *, as_json: bool) -> int:
    """The best run of a sweep; NotFound while no run has reported."""
    workspace, view, _ = find(folder, ident)
    best = view.best
    if best is None:
        logged = sorted({name for run in view.runs for name in view.metrics(run.id)})
        there = f"; logged so far: {', '.join(logged)}" if logged else ""
        raise NotFound(f"{view.sweep.id}: no run has reported {view.metric!r} yet{there}")
    if as_json:
        found = view.as_json()["best"]
        where = workspace.run_folder(view.sweep.id, best.number, best.attempt)
        print_json({**found, "metric": view.metric, "sweep": view.sweep.id, "folder": str(where)})
    else:
        _print_run(workspace, view, best)
    return 0


def print_sweep(view: SweepView) -> None:
    """The header, the best run, every run in order, warnings and errors."""
    console = stdout_console()
    console.print(header(view, time.time()), highlight=False)
    if view.sweep.reason:
        console.print(Text(printable(view.sweep.reason)))
    if view.best is not None:
        console.print(best_line(view))
    if believed := _believed(view):
        console.print(Text(f"believed good near {believed}"))
    if view.saved:
        console.print(Text(f"early termination: {view.savings()}"))
    if view.runs:
        console.print()
        console.print(_all_runs(view, view.runs, console))
    for line in lines_of(message for message in view.messages if message.level != "info"):
        console.print(line)


def print_summary(workspace: Workspace, view: SweepView) -> None:
    """What a sweep that has ended has brought."""
    console = stdout_console()
    console.print(header(view, time.time()), highlight=False)
    if view.sweep.reason:
        console.print(Text(printable(view.sweep.reason)))
    best = view.best
    if best is None:
        return
    console.print()
    console.print(_all_runs(view, ranked(view)[:_TOP], console))
    console.print()
    console.print(best_line(view))
    console.print(Text(str(workspace.run_folder(view.sweep.id, best.number, best.attempt)), overflow="fold"))


def _print_run(workspace: Workspace, view: SweepView, run: RunRecord) -> None:
    rows = [("run", run.id), ("status", str(run.status))]
    if run.reason:
        rows.append(("reason", run.reason))
    if run.exit_code:
        rows.append(("exit code", str(run.exit_code)))
    if run.series.best is not None:
        rows.append((f"best {view.metric}", repr(run.series.best)))
    rows += [
        (name, assignments({name: value}, exact=True).partition("=")[2]) for name, value in run.params.items()
    ]
    rows += [
        (name, f"{values[-1]!r} after {len(values)}" if len(values) > 1 else repr(values[-1]))
        for name, values in view.metrics(run.id).items()
    ]
    if run.started:
        rows.append(("time", duration((run.ended or time.time()) - run.started)))
    rows.append(("folder", str(workspace.run_folder(view.sweep.id, run.number, run.attempt))))
    wide = max(len(printable(name)) for name, _ in rows)
    for name, text in rows:
        print(f"{printable(name):{wide}}  {printable(text)}")


def _believed(view: SweepView) -> str:
    """Where the search space says that good values are believed to lie; empty where it does not."""
    slots = SearchSpace.from_json(view.sweep.config.get("sampling", {}).get("parameter_space", {})).slots
    return assignments({slot.where: slot.law.belief.value for slot in slots if slot.law.belief}, exact=True)


def _all_runs(view: SweepView, runs: list[RunRecord], console: Console) -> Table:
    if sys.stdout.isatty():
        return runs_table(view, runs, console.width, unicode=console.encoding.startswith("utf"))
    table = new_table("run", "status", "last", "best", "parameters", "reason")
    for run in runs:
        last = repr(run.series.values[-1]) if run.series.values else ""
        best = "" if run.series.best is None else repr(run.series.best)
        cells = [str(run.number), str(run.status), last, best]
        cells += [assignments(run.params, exact=True), printable(run.reason or "")]
        table.add_row(*map(Text, cells))
    return table


def _run_json(workspace: Workspace, view: SweepView, run: RunRecord) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in view.as_json()["runs"] if one["id"] == run.id)
    folder = str(workspace.run_folder(view.sweep.id, run.number, run.attempt))
    return {**found, "sweep": view.sweep.id, "folder": folder}


def _entry(view: SweepView) -> dict[str, Any]:
    whole = view.as_json()
    return {
        **{key: whole[key] for key in ("id", "status", "reason", "experiment", "best", "controller")},
        "created": view.sweep.created,
        "ended": view.sweep.ended,
        "tags": view.sweep.tags,
        "total": view.total,
        "runs": {str(s): n for s in Status if (n := sum(run.status is s for run in view.runs))},
    }


def new_table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(
            column, no_wrap=True, justify="right" if column in ("run", "last", "best") else "left"
        )
    return table


def stdout_console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_UNCUT, soft_wrap=True)


def _when(seconds: float | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
