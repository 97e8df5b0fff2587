"""200 empty scripts on Slurm against bare jobs of the same script, an array with as many at once, in turn; medians
of 5.

"runs" is from the first run's start to the last run's end, "whole" from the call of submit to the return of
wait_for_completion; of the bare array from sbatch to the last job's end. Without --here the cluster is one of the
bench's own, two nodes on this machine, which needs root and Slurm's daemons.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from overdrive import (
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from slurm import Slurm

LOOK = 0.02  # seconds between two looks for the ends of bare jobs


def sweep(folder: Path, runs: int, places: int) -> tuple[float, float]:
    """(runs, whole) in seconds."""
    source = folder / "source"
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(source), script="noop.py", compute_target="slurm"),
        hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}),
        primary_metric_name="loss",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=runs,
        max_concurrent_runs=places,
    )
    began = time.time()
    run = Experiment(Workspace.find(folder), "slurm").submit(config)
    run.wait_for_completion()
    whole = time.time() - began
    children = run.view.runs
    assert [child.exit_code for child in children] == [0] * runs, run
    return max(c.ended or 0 for c in children) - min(c.started or 0 for c in children), whole


def bare(folder: Path, runs: int, places: int) -> float:
    """The floor: the same script with the same kind of arguments, as one array."""
    ends = folder / "ends"
    ends.mkdir()
    script = (
        f'#!/bin/sh\n"{sys.executable}" "{folder}/source/noop.py" --x 0.5\n: >"{ends}/$SLURM_ARRAY_TASK_ID"\n'
    )
    words = ["sbatch", f"--array=0-{runs - 1}%{places}", "--cpus-per-task=1", "--no-requeue"]
    began = time.time()
    subprocess.run(
        [*words, "--output=/dev/null", "--error=/dev/null"],
        input=script,
        text=True,
        check=True,
        capture_output=True,
    )
    while len(os.listdir(ends)) < runs:
        time.sleep(LOOK)
    return time.time() - began


@contextlib.contextmanager
def cluster(here: bool) -> Iterator[None]:
    """The one that sbatch reaches, or one of our own."""
    if here:
        yield
        return
    own = Slurm()
    try:
        own.up()
        yield
    finally:
        own.down()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--places", type=int, default=8)
    options.add_argument("--times", type=int, default=5)
    options.add_argument(
        "--folder", default=".", help="where to make the temporary workspace; all nodes see it"
    )
    options.add_argument("--here", action="store_true", help="use the cluster that sbatch reaches")
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=chosen.folder) as whole_bench, cluster(chosen.here):
        for number in range(chosen.times):
            folder = Path(whole_bench, str(number)).absolute()
            (folder / "source").mkdir(parents=True)
            (folder / "source" / "noop.py").write_text("pass\n")
            rows.append(
                (*sweep(folder, chosen.runs, chosen.places), bare(folder, chosen.runs, chosen.places))
            )
    *taken, floor = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"bare array  {floor:.2f} s")
    for number, name in enumerate(("runs", "whole")):
        ratio = statistics.median(row[number] / row[-1] for row in rows)
        print(f"{name:11} {taken[number]:.2f} s, {ratio:.2f} times the bare array")
