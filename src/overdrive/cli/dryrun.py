"""`overdrive sweep --dry-run`: one configuration is run, to see the command, the metrics and the time."""

from __future__ import annotations

import difflib
import math
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..adapters.commandline import Wanted, configuration
from ..model.records import Status
from ..sdk.compute import target_of
from ..sdk.dryrun import DryRun, Found, dry_run, estimate
from ..sdk.room import Room, room_on
from ..sdk.workspace import Workspace
from .answer import print_json
from .follow import Lines, follow
from .sweep import submitted
from .words import assignments, duration, figure, printable

_SHOWN = 30
"""Metrics that are listed; a program may print thousands."""

_UNNAMED = "metric"


def rehearse(command: Sequence[str], wanted: Wanted, folder: Path | None, *, as_json: bool) -> int:
    """Run the first configuration; 0 when it has completed and the metric is there (or none was named)."""
    asked = replace(wanted, metric=wanted.metric or _UNNAMED, goal=wanted.goal or "maximize")
    config, name, _ = configuration(command, asked)
    once = replace(config, max_total_runs=1, max_concurrent_runs=1, policy=None, max_retries=0)
    workspace = Workspace.find(folder)
    sweep, advice = submitted(workspace, name, once, tags={"dry_run": "true"})
    for sentence in advice:
        print(f"warning: {printable(sentence)}", file=sys.stderr)
    ended = follow(workspace, sweep.view, Lines(quiet=True, write=lambda line: None))
    if not ended:
        print(f"{sweep.id} goes on; `overdrive show {sweep.id}` tells how it stands", file=sys.stderr)
        return 130
    found = dry_run(sweep)
    size = config.hyperparameter_sampling.space.size
    runs = min(wanted.runs, size) if size is not None else wanted.runs
    script = config.run_config
    room = room_on(target_of(workspace.settings, script.compute_target), script)
    concurrent = min(room.limits(config)[0].max_concurrent_runs, runs)
    minutes = config.max_duration_minutes
    whole = None
    if found.seconds is not None:
        whole = estimate(found.seconds, runs, concurrent, None if minutes is None else minutes * 60)
    fine = found.run.status is Status.COMPLETED and (not wanted.metric or found.source is not None)
    if as_json:
        _print_json(sweep.id, found, wanted.metric, runs, concurrent, whole)
    else:
        _print(found, wanted, runs, concurrent, whole, room)
    return 0 if fine else 1


def _print(
    found: DryRun, wanted: Wanted, runs: int, concurrent: int, whole: float | None, room: Room
) -> None:
    took = "" if found.seconds is None else f" in {_time(found.seconds)}"
    rows = [
        ("command", printable(found.command)),
        ("values", assignments(found.run.params, exact=True)),
        *(("template", f"{path}, filled in") for path in map(str, wanted.templates)),
        ("folder", found.folder),
        ("run", f"{found.run.status}{took}"),
    ]
    if found.run.reason:
        rows.append(("reason", printable(found.run.reason)))
    rows.append(("metric", _verdict(found, wanted.metric)))
    if room.words:
        rows.append(("room", f"{room.runs} at once: {room.words}"))
    if whole is not None:
        rows.append(("sweep", f"{runs} runs, {concurrent} at once: about {_time(whole)}"))
    for name, text in rows:
        print(f"{name:10}{text}")
    if found.found:
        print()
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for column in ("metric", "values", "last", "found in"):
            table.add_column(column, justify="right" if column in ("values", "last") else "left")
        for one in _ordered(found.found, wanted.metric)[:_SHOWN]:
            table.add_row(Text(printable(one.name)), str(one.values), figure(one.last), one.source)
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
        Console(width=width).print(table)
        if len(found.found) > _SHOWN:
            print(f"and {len(found.found) - _SHOWN} more")


def _verdict(found: DryRun, metric: str | None) -> str:
    names = list(dict.fromkeys(one.name for one in found.found))
    if metric is None:
        return "name one of those below with --metric" if names else "none was found; see docs/metrics.md"
    if found.source is not None:
        count = next(one.values for one in found.found if (one.name, one.source) == (metric, found.source))
        word = "value" if count == 1 else "values"
        return f"{printable(metric)}: {count} {word}, found in {found.source}"
    near = difflib.get_close_matches(metric, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{metric!r} was not found{hint}"


def _ordered(found: list[Found], metric: str | None) -> list[Found]:
    return sorted(found, key=lambda one: one.name != metric)


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 9.5 else duration(seconds)


def _print_json(
    sweep_id: str, found: DryRun, metric: str | None, runs: int, concurrent: int, whole: float | None
) -> None:
    print_json(
        {
            "id": sweep_id,
            "status": str(found.run.status),
            "reason": found.run.reason,
            "command": found.command,
            "params": found.run.params,
            "folder": found.folder,
            "seconds": found.seconds,
            "metric": metric,
            "source": found.source,
            "metrics": [
                {**one._asdict(), "last": one.last if math.isfinite(one.last) else None}
                for one in found.found
            ],
            "runs": runs,
            "concurrent": concurrent,
            "estimate_seconds": whole,
        }
    )
