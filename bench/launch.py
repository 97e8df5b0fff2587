"""200 empty scripts at concurrency 8, cold and warm, against `xargs -P 8` starting the same script, in turn;
medians of 5.

"runs" is from the first run's start to the last run's end; "whole" is from the call of submit to the
return of wait_for_completion, the start of the controller and the launcher included.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
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


def sweep(folder: Path, runs: int, places: int, warm: str) -> tuple[float, float]:
    """(runs, whole) in seconds."""
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(folder / "source"), script="noop.py", warm=warm),
        hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}),
        primary_metric_name="loss",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=runs,
        max_concurrent_runs=places,
    )
    began = time.time()
    run = Experiment(Workspace.find(folder), "launch").submit(config)
    run.wait_for_completion()
    whole = time.time() - began
    children = run.view.runs
    return max(c.ended or 0 for c in children) - min(c.started or 0 for c in children), whole


def xargs(folder: Path, runs: int, places: int) -> float:
    """The floor: the same script with the same kind of arguments, as fast as a shell tool can."""
    numbers = "\n".join(f"0.{n}" for n in range(runs))
    argv = [
        "xargs",
        "-P",
        str(places),
        "-I{}",
        sys.executable,
        str(folder / "source" / "noop.py"),
        "--x",
        "{}",
    ]
    began = time.time()
    subprocess.run(argv, input=numbers, text=True, check=True)
    return time.time() - began


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--places", type=int, default=8)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--folder", default=".", help="where to make the temporary workspace")
    chosen = options.parse_args()
    rows = []
    # Nothing is deleted before the end: ext4 is slow to make files for minutes after many were deleted.
    with tempfile.TemporaryDirectory(dir=chosen.folder) as whole_bench:
        for number in range(chosen.times):
            folder = Path(whole_bench, str(number))
            folder.mkdir()
            (folder / "source").mkdir()
            (folder / "source" / "noop.py").write_text("pass\n")
            cold = sweep(folder, chosen.runs, chosen.places, "off")
            floor = xargs(folder, chosen.runs, chosen.places)
            rows.append((*cold, *sweep(folder, chosen.runs, chosen.places, "auto"), floor))
    *taken, floor = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"xargs {floor:.2f} s")
    for number, name in enumerate(("cold: runs", "cold: whole", "warm: runs", "warm: whole")):
        ratio = statistics.median(row[number] / row[-1] for row in rows)
        print(f"{name:11} {taken[number]:.2f} s, {ratio:.2f} times xargs")
