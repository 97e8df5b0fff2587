"""What one run of a sweep tells about the rest: the metrics that it reported, where they were found, how long a
sweep of such runs will take."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ..model.records import RunRecord
from ..runtime.wire import RunFolder, Tail, parse_line
from ..sources.base import Place, sources_of
from ..sweep.command import render
from ..sweep.config import HyperDriveConfig
from .hyperdrive_run import HyperDriveRun


class Found(NamedTuple):
    """One metric in one place: how many values, and the last of them."""

    name: str
    source: str
    values: int
    last: float


@dataclass(frozen=True)
class DryRun:
    """What came of the one run. `source`: where the primary metric would be taken from, if anywhere."""

    run: RunRecord
    folder: str
    command: str
    seconds: float | None
    found: list[Found]
    source: str | None


def dry_run(sweep: HyperDriveRun) -> DryRun:
    """Look at the first run of a sweep that has ended."""
    view = sweep.view
    config = HyperDriveConfig.from_json(view.sweep.config)
    run = view.runs[0]
    workspace = sweep.experiment.workspace
    folder = str(workspace.run_folder(sweep.id, run.number, run.attempt))
    search_path = os.environ.get("PATH", "")
    command = render(config.run_config, run.params, view.sweep.config["interpreter"], search_path)
    place = Place(RunFolder(folder), view.sweep.config["snapshot"], view.metric, config.metric_pattern)
    found = list(survey(place))
    source = next((one.source for one in found if one.name == view.metric), None)
    took = None if run.started is None or run.ended is None else run.ended - run.started
    return DryRun(run, folder, shlex.join(command.argv), took, found, source)


def survey(place: Place) -> Iterator[Found]:
    """Every metric that a run has left, by source, the first source first."""
    logged: dict[str, list[float]] = {}
    tail = Tail(place.folder.metrics)
    while True:
        for line in tail.read(final=True):
            for record in parse_line(line) or ():
                if record.kind == "scalar":
                    logged.setdefault(record.name, []).append(record.value)
        if not tail.behind:
            break
    yield from (Found(name, "logged", len(values), values[-1]) for name, values in logged.items())
    for source, reader in sources_of(place).items():
        values: dict[str, list[float]] = {}
        while True:
            for point in reader.read(final=True):
                values.setdefault(point.name, []).append(point.value)
            if not reader.behind:
                break
        yield from (Found(name, source, len(every), every[-1]) for name, every in values.items())


def estimate(seconds: float, runs: int, concurrent: int, limit: float | None = None) -> float:
    """Seconds of a sweep of so many such runs: rounds of `concurrent`, at most its time limit."""
    whole = math.ceil(runs / concurrent) * seconds
    return whole if limit is None else min(whole, limit)
