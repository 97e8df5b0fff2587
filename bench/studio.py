"""The studio in Chromium: how soon a page is usable and what it sends, what one new point costs, what a running
sweep pays for an open page.

A page is usable when the table shows runs and the metrics chart is drawn; the time is from the navigation on. The
studio reads the newest sweep when it starts: "ready" is after that, "cold" is a page asked for right at the start.
Needs playwright and chromium.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _measure import in_turn

from overdrive import (
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    choice,
    loguniform,
    uniform,
)
from overdrive.model.history import History
from overdrive.model.metrics import Point, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store.base import Turn

SPACE = {
    "lr": loguniform(-12, -1),
    "momentum": uniform(0, 0.99),
    "batch": choice(16, 32, 64, 128),
    "kind": choice("adam", "sgd", "lamb"),
    "decay": loguniform(-14, -4),
}
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DRAWN = "document.querySelector('.panel.{}')?.querySelector('.plot')?.data?.length > 0"
ROWS = "document.querySelectorAll('tr[data-run]').length > 0"


def written(workspace: Workspace, runs: int, points: int, *, running: bool = False) -> str:
    """A finished sweep (or one whose last run goes on), written straight into the store."""
    sampling = RandomParameterSampling(SPACE, seed=1)
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(workspace.root), script="train.py"),
        hyperparameter_sampling=sampling,
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=runs,
        max_concurrent_runs=16,
    )
    settings = {**config.to_json(), "limits": config.limits(2).to_json(), "interpreter": sys.executable}
    sweep = SweepRecord(
        f"HD_{runs}_{points}", f"random-{runs}", "hyperdrive", settings, created=0.0, started=1.0
    )
    sweep.status, sweep.ended = (Status.RUNNING, None) if running else (Status.COMPLETED, 2.0 * runs)
    draw, history = random.Random(0), History(PrimaryMetricGoal.MAXIMIZE)
    records, logged = [], []
    for number in range(runs):
        params = sampling.propose(history, number)
        assert params is not None
        run = RunRecord(f"{sweep.id}_{number}", number, params, Series(PrimaryMetricGoal.MAXIMIZE))
        run.status = Status.RUNNING if running and number == runs - 1 else Status.COMPLETED
        run.created = run.started = 2.0 * number
        run.ended = None if run.status is Status.RUNNING else run.started + 16.0
        records.append(run)
        values = run.series
        top = 0.9 - 0.02 * (math.log10(float(params["lr"])) + 3) ** 2  # type: ignore[arg-type]
        for k in range(points):
            value = top * (1 - math.exp(-4 * (k + 1) / points)) + draw.gauss(0, 0.01)
            logged.append((run.id, Point("accuracy", value, time=2.0 * number + k / points)))
            values.append(value)
    workspace.store.create_sweep(sweep)
    workspace.store.commit(sweep.id, Turn(new_runs=records))
    for first in range(0, len(logged), 100_000):
        workspace.store.commit(sweep.id, Turn(points=logged[first : first + 100_000]))
    workspace.store.commit(sweep.id, Turn(sweep=sweep))
    return sweep.id


@contextmanager
def studio(root: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of an open studio, and its process."""
    words = [sys.executable, "-m", "overdrive", "studio", "--json", "--port", "0", "--workspace", str(root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"].rstrip("/"), process
        finally:
            process.terminate()


def opened(browser: Any, url: str, charts: tuple[str, ...]) -> tuple[float, float]:
    """(seconds until the rows and these charts are there, MB that came over the wire until then)."""
    page = browser.new_page(viewport={"width": 1280, "height": 2400}, bypass_csp=True)
    sent = [0]
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on(
        "Network.loadingFinished", lambda event: sent.__setitem__(0, sent[0] + event["encodedDataLength"])
    )
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_function(" && ".join([ROWS, *(DRAWN.format(chart) for chart in charts)]), timeout=600_000)
    took = time.perf_counter() - began
    page.close()
    return took, sent[0] / 1e6


def pages(browser: Any, runs: int, points: int, charts: tuple[str, ...], times: int) -> None:
    """Print what a sweep of this size costs."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.find(folder)
        sweep = written(workspace, runs, points)
        for state in ("cold", "ready"):
            found = []
            for _ in range(times):
                with studio(workspace.root) as (url, process):
                    if state == "ready":
                        urllib.request.urlopen(f"{url}/api/sweeps/{sweep}").read()
                        for chart in charts:
                            urllib.request.urlopen(f"{url}/api/sweeps/{sweep}/charts/{chart}").read()
                    before = spent(process.pid)
                    took, sent = opened(browser, f"{url}/#/sweeps/{sweep}", charts)
                    found.append((took, sent, spent(process.pid) - before))
            took, sent, processor = sorted(found)[len(found) // 2]
            print(
                f"{runs:,} runs x {points:,} points, {' '.join(charts)}, {state}: {took:.2f} s "
                f"({processor:.2f} s of processor in the studio), {sent:.2f} MB",
                flush=True,
            )


def spent(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def one_point() -> None:
    """Print how large the message of one new point is, in a sweep of 1,000 runs."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.find(folder)
        sweep = written(workspace, 1000, 10, running=True)
        with studio(workspace.root) as (url, _process):
            known = json.load(urllib.request.urlopen(f"{url}/api/sweeps/{sweep}"))
            address = f"{url}/api/live/sweeps/{sweep}?feed={known['feed']}&since={known['version']}"
            with urllib.request.urlopen(address) as stream:
                workspace.store.commit(
                    sweep, Turn(points=[(f"{sweep}_999", Point("accuracy", 0.5, time=1.0))])
                )
                size = next(len(line) for line in stream if line.startswith(b"data:") and b"0.5" in line)
    print(f"one new point of 1,000 runs: a message of {size:,} bytes", flush=True)


def slowdown(browser: Any, times: int, runs: int, concurrent: int, work: int) -> None:
    """Print how long the same sweep takes with an open page and without; 60,000 of `work` take some 4 ms."""
    script = (
        "from overdrive import Run\nrun = Run.get_context()\n"
        f"for step in range(20):\n    total = sum(k * k for k in range({work}))\n    run.log('accuracy', step / 20)\n"
    )

    def sweep(root: Path, page: Any) -> float:
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(str(root / "source"), script="train.py"),
            hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}, seed=1),
            primary_metric_name="accuracy",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=runs,
            max_concurrent_runs=concurrent,
        )
        began = time.perf_counter()
        run = Experiment(Workspace.find(root), "slow").submit(config)
        if page is not None:
            page[0].goto(f"{page[1]}/#/sweeps/{run.id}")
        run.wait_for_completion()
        return time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "source").mkdir()
        (root / "source" / "train.py").write_text(script)
        Workspace.find(root)
        with studio(root) as (url, process):
            page = browser.new_page(viewport={"width": 1280, "height": 900})

            def closed() -> float:
                page.goto("about:blank")
                return sweep(root, None)

            with_page, without, ratio = in_turn(lambda: sweep(root, (page, url)), closed, times)
            processor = spent(process.pid)
    each = without * concurrent / runs
    print(
        f"{runs} runs x 20 points, {concurrent} at once, {each:.2f} s each: {with_page:.2f} s with an open page, "
        f"{without:.2f} s without, ratio {ratio:.3f}; "
        f"the studio's process took {processor / times:.2f} s of processor a sweep",
        flush=True,
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=3)
    options.add_argument("--only", choices=["pages", "point", "slowdown"])
    chosen = options.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        if chosen.only in (None, "pages"):
            pages(chromium, 1_000, 1_000, ("curves",), chosen.times)
            pages(chromium, 20_000, 1, ("curves", "parallel", "scatter", "scatter3d"), chosen.times)
        if chosen.only in (None, "point"):
            one_point()
        if chosen.only in (None, "slowdown"):
            slowdown(chromium, chosen.times, runs=60, concurrent=1, work=60_000)
            slowdown(chromium, chosen.times, runs=24, concurrent=2, work=700_000)
        chromium.close()
