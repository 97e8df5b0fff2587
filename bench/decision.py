"""From log() to the policy's decision, with 50 live runs.

Every run logs nine values, and a tenth that is the bandit's first occasion to stop it; then it waits for
its TERM. The time between that log() and the TERM in the script is an upper bound of the decision's: it
includes the signal's way.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from overdrive import (
    BanditPolicy,
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)

SCRIPT = """
import os, random, signal, sys, time
from overdrive import Run
run = Run.get_context()
number = run.number
logged = 0.0
def stopped(*_):
    run.log("latency", time.time() - logged)
    os._exit(1)
signal.signal(signal.SIGTERM, stopped)
for k in range(1, 11):
    if number:
        time.sleep(random.uniform(0.3, 0.7))
    logged = time.time()
    run.log("accuracy", 0.1 if number else 1.0)
time.sleep(600)
"""
RUNS, PLACES = 400, 51

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        (folder / "source").mkdir()
        (folder / "source" / "train.py").write_text(SCRIPT)
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(str(folder / "source"), script="train.py"),
            hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}, seed=1),
            primary_metric_name="accuracy",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            policy=BanditPolicy(slack_factor=0.1, delay_evaluation=10),
            max_total_runs=RUNS,
            max_concurrent_runs=PLACES,
        )
        run = Experiment(Workspace.find(folder), "decision").submit(config)
        view = run.view
        while sum(child.status == "Canceled" for child in view.runs) < RUNS - 1:
            view.refresh()
        run.cancel()
        run.wait_for_completion()
        stopped = [view.metrics(child.id)["latency"][0] * 1e3 for child in view.runs if child.number]
    latencies = sorted(stopped)
    cut = statistics.quantiles(latencies, n=100)
    print(
        f"{len(latencies)} decisions, {PLACES - 1} live runs: median {cut[49]:.0f} ms, "
        f"99th percentile {cut[98]:.0f} ms, worst {latencies[-1]:.0f} ms"
    )
