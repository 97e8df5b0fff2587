"""A run that was no process of ours: what a driver has logged by itself, kept as a run of the workspace."""

from __future__ import annotations

import sys

from ..model.metrics import Point, Series
from ..model.records import RunRecord, Status, SweepRecord
from ..runtime.wire import RunFolder, Tail, parse_line
from ..store.base import Entry, Turn
from ..sweep.config import SingleRunConfig
from ..sweep.script import ScriptRunConfig
from .experiment import Experiment

_SAYS = "echo 'this run was logged by a driver: there is no command' >&2; exit 1"


def keep(
    experiment: Experiment, run_id: str, status: Status, started: float, ended: float, reason: str
) -> None:
    """Write down the run whose folder is there, with all in its metric file."""
    workspace = experiment.workspace
    config = SingleRunConfig(ScriptRunConfig(command=["sh", "-c", _SAYS]))
    stored = {
        **config.to_json(),
        "limits": config.limits(machine=1).to_json(),
        "home": str(workspace.home),
        "interpreter": sys.executable,
        "imported": "driver",
    }
    sweep = SweepRecord(
        run_id, experiment.name, "script", stored, status=status, reason=reason or "logged by a driver",
        created=started, started=started, ended=ended,
    )  # fmt: skip
    child = f"{run_id}_0"
    run = RunRecord(
        id=child, number=0, params={}, series=Series(config.primary_metric_goal, ()), status=status,
        started=started, ended=ended, reason=reason or None,
    )  # fmt: skip
    turn = Turn(new_runs=[run])
    tail = Tail(RunFolder(workspace.run_folder(run_id, 0)).metrics)
    while lines := tail.read(final=True):
        for record in (record for line in lines for record in parse_line(line) or ()):
            if record.kind == "scalar":
                turn.points.append((child, Point(record.name, record.value, record.step, record.time)))
            else:
                turn.entries.append((child, Entry(record.name, record.kind, record.value)))
    workspace.store.create_sweep(sweep, turn)
