"""The widget in a real JupyterLab, in a real browser, while real sweeps run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for name in ("anywidget", "jupyterlab", "nbclient"):
    pytest.importorskip(name)
playwright = pytest.importorskip("playwright.sync_api")

from overdrive import RandomParameterSampling, choice, loguniform, uniform  # noqa: E402

SECONDS = 60.0
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)>"
SPACE = {
    "lr": loguniform(-9, 0),
    "x": uniform(0, 1),
    "units": choice(32, 64, 128),
    "<i>z</i>": choice(HOSTILE, "b"),
}


WIDER = """(() => {
    const { right } = document.querySelector(".overdrive-widget").getBoundingClientRect();
    return [...document.querySelectorAll(".overdrive-widget :is(section, header > *, .head *)")]
        .filter((one) => one.getBoundingClientRect().right > right + 1).map((one) => one.className); })()"""
"""What of the widget stands out at the right."""


CONNECTED = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    return Boolean(context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle"); }"""
"""Whether the notebook in front has a kernel that waits for work."""


class JupyterLab:
    """A JupyterLab process of its own, which knows nothing of the user's."""

    TOKEN = "sesame"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        homes = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        environment = {**os.environ, **homes, "IPYTHONDIR": str(folder / "ipython"), "PYTHONWARNINGS": ""}
        self.log = (folder / "jupyter.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
             f"--port={self.port}", f"--IdentityProvider.token={self.TOKEN}", "--ServerApp.port_retries=0",
             f"--notebook-dir={self.folder}", "--LabApp.expose_app_in_browser=True"],
            env=environment, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def answers(self) -> bool:
        assert self.process.poll() is None, Path(self.log.name).read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api?token={self.TOKEN}", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def notebook(self, name: str, *cells: str) -> str:
        """The address of a new notebook with these cells."""
        (self.folder / name).write_text(json.dumps(written(*cells)))
        return f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self.TOKEN}&reset"

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


def written(*cells: str) -> dict[str, Any]:
    """A notebook."""
    return {
        "cells": [
            {"cell_type": "code", "id": f"cell-{k}", "execution_count": None, "metadata": {},
             "outputs": [], "source": source}
            for k, source in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip


def cell(run: Any, rest: str = "RunDetails(run).show()") -> str:
    """Code that finds a sweep and does something with it."""
    root = str(run.experiment.workspace.root)
    return (
        f"from overdrive import RunDetails, Workspace\nrun = Workspace({root!r}).get_run({run.id!r})\n{rest}"
    )


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    server = JupyterLab(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        chromium.close()


class Notebook:
    """A notebook in the browser, whose scripts must not complain."""

    def __init__(self, browser: Any, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 1000})
        self.page = self.context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.said: list[str] = []
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("a dialog"), dialog.dismiss()))

    def open(self, address: str) -> None:
        """Open it and run all cells."""
        self.page.goto(address)
        self.page.wait_for_function(CONNECTED)  # earlier, running a cell would ask for a kernel
        self.menu("Run", "runmenu:run-all")
        self.widget.wait_for()

    def menu(self, name: str, command: str) -> None:
        """Choose the item of a menu that does this."""
        self.page.get_by_role("menuitem", name=name, exact=True).click()
        self.page.locator(f"li.lm-Menu-item[data-command='{command}']").click()

    def command(self, name: str, **arguments: Any) -> None:
        """What a menu of JupyterLab does."""
        self.page.evaluate(
            "([name, given]) => void jupyterapp.commands.execute(name, given)", [name, arguments]
        )

    def kernel_is(self, status: str) -> None:
        """Wait for a status of the kernel."""
        shown = self.page.locator(f".jp-Notebook-ExecutionIndicator[data-status='{status}']")
        shown.first.wait_for(state="attached")

    @property
    def widget(self) -> Any:
        return self.page.locator(".overdrive-widget").first

    def data(self, chart: str) -> list[dict[str, Any]]:
        """The traces that are shown."""
        script = """(chart) => (document.querySelector(`.panel.${chart} .plot`)?.data ?? []).map((trace) => ({
            live: trace.meta?.live ?? null, y: Array.from(trace.y ?? []), runs: Array.from(trace.customdata ?? []),
            names: (trace.dimensions ?? []).map((one) => one.name) }))"""
        found: list[dict[str, Any]] = self.page.evaluate(script, chart)
        return found

    def close(self) -> None:
        self.context.close()
        assert self.said == []


@pytest.fixture
def notebook(browser: Any, jupyter: JupyterLab, lab: Any) -> Iterator[Notebook]:
    lab.until(jupyter.answers, "JupyterLab")
    made = Notebook(browser)
    yield made
    made.close()


LIVE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
x = parser.parse_known_args()[0].x
log("acc", x / 2)
wait_for("more")
log("acc", x)
wait_for("end")
"""


@pytest.mark.engine("chromium")
def test_a_sweep_is_live_in_a_notebook_and_is_cancelled_there(
    lab: Any, jupyter: JupyterLab, notebook: Notebook
) -> None:
    run = lab.submit(
        LIVE,
        hyperparameter_sampling=RandomParameterSampling(SPACE, seed=3),
        max_total_runs=8,
        max_concurrent_runs=2,
    )
    lab.told("0 began", "1 began")
    notebook.open(jupyter.notebook("live.ipynb", cell(run)))
    page, widget = notebook.page, notebook.widget
    playwright.expect(widget.locator(".head .status")).to_have_text("Running")
    playwright.expect(widget.locator("tr[data-run]")).to_have_count(2)
    heads = widget.locator(".runs thead").inner_text()
    assert all(name in heads for name in SPACE)
    first = [child.params["x"] / 2 for child in lab.runs(run)]

    def points() -> dict[int, list[float]]:
        return {t["live"]: t["y"] for t in notebook.data("curves") if t["live"] is not None and t["y"]}

    lab.until(lambda: points() == {0: [first[0]], 1: [first[1]]}, "the first point of each run")
    lab.open("more")
    lab.until(lambda: points() == {k: [y, 2 * y] for k, y in enumerate(first)}, "another point of each")
    lab.until(lambda: notebook.data("parallel"), "parallel coordinates")
    assert notebook.data("parallel")[0]["names"] == ["run", *(f"param:{n}" for n in SPACE), "metric"]
    lab.until(lambda: {r for t in notebook.data("scatter") for r in t["runs"]} == {0, 1}, "the scatter")

    widget.get_by_role("button", name="Cancel…").click()
    widget.get_by_role("button", name="Leave it").click()
    assert run.get_status() == "Running"
    widget.get_by_role("button", name="Cancel…").click()
    widget.get_by_role("button", name="Cancel the sweep").click()
    lab.until(lambda: run.get_status() == "Canceled", "the sweep cancelled in the store")
    playwright.expect(widget.locator(".head .status")).to_have_text("Canceled")
    playwright.expect(widget.get_by_role("button", name="Cancel…")).to_have_count(0)
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert page.evaluate("window.Plotly") is None


@pytest.mark.engine("chromium")
def test_a_busy_kernel_an_interrupt_and_another_theme_do_not_stop_it(
    lab: Any, jupyter: JupyterLab, notebook: Notebook
) -> None:
    run = lab.submit(LIVE, hyperparameter_sampling=RandomParameterSampling(SPACE, seed=3), max_total_runs=3)
    lab.told("0 began")
    wait = "run.wait_for_completion()\nprint('waited')"
    notebook.open(jupyter.notebook("busy.ipynb", cell(run), wait))
    page, widget = notebook.page, notebook.widget
    notebook.kernel_is("busy")
    lab.until(lambda: notebook.data("curves"), "the curves, while a cell waits")
    lab.open("more")
    x = lab.runs(run)[0].params["x"]
    lab.until(lambda: [x / 2, x] in [t["y"] for t in notebook.data("curves")], "a point, while a cell waits")

    notebook.menu("Kernel", "kernelmenu:interrupt")
    page.get_by_text("KeyboardInterrupt").first.wait_for()
    assert run.get_status() == "Running"

    playwright.expect(widget).to_have_attribute("data-theme", "light")
    notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    playwright.expect(widget).to_have_attribute("data-theme", "dark")

    lab.open("end")
    playwright.expect(widget.locator(".head .status")).to_have_text("Completed")
    playwright.expect(widget.locator("tr[data-run]")).to_have_count(3)
    notebook.command("application:toggle-left-area")
    page.set_viewport_size({"width": 400, "height": 1000})
    lab.until(lambda: widget.bounding_box()["width"] < 400, "a narrow output")
    widget.locator(".panel.parallel").scroll_into_view_if_needed()
    assert page.evaluate(WIDER) == []


def test_the_example_runs_and_what_is_saved_shows_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbclient
    import nbformat

    monkeypatch.setenv("OVERDRIVE_HOME", str(tmp_path / ".overdrive"))
    example = Path(__file__).parents[2] / "examples" / "notebook" / "tune.ipynb"
    document = nbformat.read(example, as_version=4)
    submit = document.cells[1]
    submit.source = submit.source.replace("max_total_runs=12", "max_total_runs=4").replace("8]", "2]")
    resources = {"metadata": {"path": str(example.parent)}}
    nbclient.NotebookClient(document, timeout=120, resources=resources).execute()
    (shown,) = document.cells[2].outputs
    assert "Completed, 4 of 4 runs" in shown["data"]["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]
    widgets = document.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    states = [one["state"]["state"] for one in widgets.values() if "state" in one["state"]]
    assert [json.loads(text)["sweep"]["status"] for text in states] == ["Completed"]
    assert sum(map(len, states)) < 100_000
