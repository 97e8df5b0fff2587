"""A laboratory for sweeps that are harmed: scripts that wait at gates, and the processes around them by name."""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from overdrive import (
    Experiment,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)
from overdrive.compute.launcher import Names
from overdrive.controller.lease import holds
from overdrive.model.records import RunRecord
from overdrive.runtime import processes
from overdrive.runtime.wire import RunFolder, read_json

DEADLINE = 60.0

PRELUDE = """\
import json, os, signal, sys, time
gates, place = os.environ["GATES"], os.path.basename(os.environ["OVERDRIVE_RUN_DIR"])
def log(name, value):
    with open(os.environ["OVERDRIVE_METRICS"], "ab", buffering=0) as file:
        file.write((json.dumps({"name": name, "value": value}) + "\\n").encode())
def tell(word):
    open(os.path.join(gates, word), "w").close()
def wait_for(word):
    while not os.path.exists(os.path.join(gates, word)):
        time.sleep(0.01)
tell(place + " began")
"""


class Lab:
    """A workspace, the scripts of its sweeps, and gates at which they wait."""

    def __init__(self, folder: Path, gates: Path | None = None) -> None:
        self.source, self.gates = folder / "source", gates or folder / "gates"
        self.source.mkdir(parents=True)
        self.gates.mkdir()
        self.workspace = Workspace(folder)._made()
        self.submitted: list[HyperDriveRun] = []

    def script(self, text: str, **options: Any) -> ScriptRunConfig:
        """A script that may `log`, `tell` a gate that it is there, and `wait_for` one to be opened."""
        (self.source / "train.py").write_text(PRELUDE + textwrap.dedent(text))
        variables = {"GATES": str(self.gates)}
        return ScriptRunConfig(
            str(self.source), script="train.py", environment_variables=variables, **options
        )

    def submit(self, script: str | ScriptRunConfig, **options: Any) -> HyperDriveRun:
        """A sweep over x in [0, 1] with the metric `acc`: by default 2 runs, one at a time."""
        fields: dict[str, Any] = {
            "hyperparameter_sampling": RandomParameterSampling({"x": uniform(0, 1)}, seed=1),
            "primary_metric_name": "acc",
            "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
            "max_total_runs": 2,
            "max_concurrent_runs": 1,
            **options,
        }
        run_config = self.script(script) if isinstance(script, str) else script
        run = Experiment(self.workspace, "lab").submit(HyperDriveConfig(run_config=run_config, **fields))
        self.submitted.append(run)
        return run

    def open(self, *gates: str) -> None:
        """Let whoever waits there go on."""
        for gate in gates:
            (self.gates / gate).touch()

    def told(self, *gates: str) -> None:
        """Wait until scripts have told all of this."""
        self.until(lambda: all((self.gates / gate).exists() for gate in gates), f"the gates {gates}")

    def tidy(self) -> None:
        """End all that still runs."""
        for run in self.submitted:
            if run.get_status() not in ("Completed", "Failed", "Canceled"):
                run.cancel()
                self.ended(run)

    @staticmethod
    def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
        """Look again and again until it is true; its value."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.01)
        raise AssertionError(f"not within {seconds:g} s: {what}")

    @staticmethod
    def ended(run: HyperDriveRun) -> HyperDriveRun:
        """Wait for a sweep's end; the same sweep."""
        log = run.experiment.workspace.sweep_folder(run.id) / "controller.log"
        deadline = time.monotonic() + DEADLINE
        while run.get_status() not in ("Completed", "Failed", "Canceled"):
            assert time.monotonic() < deadline, f"{run}\n{log.read_text() if log.exists() else 'no log'}"
            time.sleep(0.01)
        return run

    @staticmethod
    def controller(run: HyperDriveRun) -> int:
        """The pid of the living controller; waits for one."""

        def living() -> int | None:
            holder = run.experiment.workspace.store.holder(run.id)
            return holder.pid if holder is not None and holds(holder) else None

        pid: int = Lab.until(living, f"a controller of {run.id}")
        return pid

    @staticmethod
    def launcher(run: HyperDriveRun) -> int:
        """The pid of the living launcher."""
        card = read_json(Names(str(run.experiment.workspace.sweep_folder(run.id))).card)
        assert card and processes.alive(card["pid"], card["birth"])
        return int(card["pid"])

    @staticmethod
    def scripts(run: HyperDriveRun) -> list[int]:
        """The pids of the scripts that run."""
        folder = run.experiment.workspace.sweep_folder(run.id)
        cards = [read_json(RunFolder(place).job) for place in folder.iterdir() if place.is_dir()]
        return [card["pid"] for card in cards if card and processes.alive(card["pid"], card["birth"])]

    @staticmethod
    def kill(*pids: int) -> None:
        """kill -9, and wait until they are gone."""
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        Lab.until(lambda: not any(processes.alive(pid, None) for pid in pids), f"the end of {pids}")

    @staticmethod
    def runs(run: HyperDriveRun) -> list[RunRecord]:
        """The records of the runs as they are now."""
        run.view.refresh()
        return run.view.runs

    @staticmethod
    def values(run: HyperDriveRun) -> list[list[float]]:
        """What counts of each run, in the order of their numbers."""
        return [child.series.values for child in Lab.runs(run)]

    @staticmethod
    def causes(run: HyperDriveRun) -> list[list[str]]:
        """Why earlier attempts of each run ended, and the last one."""
        return [[*child.causes, *([child.cause] if child.cause else [])] for child in Lab.runs(run)]

    @staticmethod
    def said(run: HyperDriveRun) -> str:
        """All messages of the sweep."""
        run.view.refresh()
        return "\n".join(message.text for message in run.view.messages)


@pytest.fixture
def laboratory() -> type[Lab]:
    return Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    made.tidy()
