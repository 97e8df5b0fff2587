"""200 empty scripts as a sweep on a Ray cluster of two nodes on this machine, against bare tasks of the same cluster
that start the same script, in turn; medians of 5, the goal is 1.3. `--without-warm` starts every run cold.

Both are timed from the first start to the last end; the cluster is the one at RAY_ADDRESS, else one of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from _measure import in_turn

from overdrive import (
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)
from raycluster import RayCluster

BARE = """\
import subprocess, sys, time
import ray
ray.init("auto", log_to_driver=False)
start = ray.remote(num_cpus=1, max_retries=0)(lambda n: subprocess.run([sys.executable, sys.argv[1], "--x", str(n)]))
ray.get([start.remote(n) for n in range(8)])
began = time.time()
ray.get([start.remote(n) for n in range(int(sys.argv[2]))])
print(time.time() - began)
"""


def bare(script: Path, runs: int) -> float:
    """The engine's own tasks, once its workers are there."""
    words = [sys.executable, "-c", BARE, str(script), str(runs)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1])


def sweep(workspace: Workspace, source: Path, runs: int, warm: str) -> float:
    """The same as runs of a sweep."""
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(source), script="noop.py", warm=warm, compute_target="ray"),
        hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}),
        primary_metric_name="loss",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=runs,
    )
    run = Experiment(workspace, "ray").submit(config)
    run.wait_for_completion()
    children = run.view.runs
    return max(c.ended or 0 for c in children) - min(c.started or 0 for c in children)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--without-warm", action="store_true")
    chosen = options.parse_args()
    cluster = None if "RAY_ADDRESS" in os.environ else RayCluster()
    try:
        if cluster is not None:
            cluster.up()
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "source")
            source.mkdir()
            (source / "noop.py").write_text("pass\n")
            workspace = Workspace(folder)
            warm = "off" if chosen.without_warm else "auto"
            ours, theirs, ratio = in_turn(
                lambda: sweep(workspace, source, chosen.runs, warm),
                lambda: bare(source / "noop.py", chosen.runs),
                chosen.times,
            )
        print(
            f"{chosen.runs} empty runs: {ours:.2f} s; bare tasks: {theirs:.2f} s; ratio {ratio:.2f} (goal 1.3)"
        )
    finally:
        if cluster is not None:
            cluster.down()


if __name__ == "__main__":
    main()
