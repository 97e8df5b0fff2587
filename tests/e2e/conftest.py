"""A laboratory for sweeps that are harmed: scripts that wait at gates, and the processes around them by name; the
studio and pages of it in a browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers import Project
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
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project's folder, untouched by the variables of this machine."""
    for name in ("OVERDRIVE_HOME", "OVERDRIVE_AZUREML", "OVERDRIVE_ENVIRONMENT_MAP"):
        monkeypatch.delenv(name, raising=False)
    return Project(tmp_path / "my project")


@pytest.fixture
def laboratory() -> type[Lab]:
    return Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    made.tidy()
    made.workspace.store.close()


# ---------------------------------------------------------------- the studio in a browser

CHROMIUM = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Studio:
    """A studio process and its address."""

    def __init__(self, workspace: Path, *options: str) -> None:
        words = [
            sys.executable,
            "-m",
            "overdrive",
            "studio",
            "--json",
            "--port",
            "0",
            "--workspace",
            workspace,
        ]
        self.process = subprocess.Popen([*words, *options], stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.link = json.loads(self.process.stdout.readline())["url"]
        self.url = self.link.partition("?")[0].rstrip("/")
        self.port = int(self.url.rpartition(":")[2])

    def call(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, bytes, Any]:
        """Status, body and headers of one request."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, named, method=method)
        opener = urllib.request.build_opener(_Still())
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def json(self, path: str) -> Any:
        """The JSON of one page that must be there."""
        status, body, _ = self.call(path)
        assert status == 200, body
        return json.loads(body)

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(DEADLINE) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


class _Still(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture
def studio(lab: Any) -> Iterator[Callable[..., Studio]]:
    opened: list[Studio] = []

    def start(*options: str, root: Path | None = None) -> Studio:
        opened.append(Studio(root or lab.workspace.root, *options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=DEADLINE * 1000)
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield chromium
        chromium.close()


class Page:
    """A page that must not complain, and never runs what a script has named."""

    def __init__(self, browser: Any, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.context.set_default_timeout(DEADLINE * 1000)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))
        self.page.on("console", lambda m: self.said.append(m.text) if m.type == "error" else None)

    until = staticmethod(Lab.until)

    def data(self, chart: str) -> list[dict[str, Any]]:
        """The traces that are shown, as plain lists; `chosen` are the runs that are not faded, None for all."""
        script = """(chart) => { const plot = document.querySelector(`.panel.${chart} .plot`);
            return (plot?.data ?? []).map((trace) => ({
                type: trace.type, name: trace.meta?.live ?? null,
                x: Array.from(trace.x ?? []), y: Array.from(trace.y ?? []),
                runs: Array.from(trace.customdata ?? []), chosen: plot.chosen,
                dimensions: (plot.axes ?? []).map((one) => ({ ...one, values: Array.from(one.values) })) })) }"""
        found: list[dict[str, Any]] = self.page.evaluate(script, chart)
        return found

    def sees(self, chart: str) -> list[dict[str, Any]]:
        """The traces of a chart, once it is in sight and drawn."""
        self.page.locator(f".panel.{chart}").scroll_into_view_if_needed()
        found: list[dict[str, Any]] = self.until(lambda: self.data(chart), f"the chart {chart}")
        return found

    def close(self) -> None:
        self.context.close()
        assert self.said == []


@pytest.fixture
def pages(browser: Any) -> Iterator[Callable[..., Page]]:
    """Opens pages of a width; none may complain until its end."""
    opened: list[Page] = []

    def make(width: int = 1280) -> Page:
        opened.append(Page(browser, width))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def page(pages: Callable[..., Page]) -> Page:
    """A page of 1280 pixels."""
    return pages()
