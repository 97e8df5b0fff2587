"""How long a place is idle between two runs, with Bayesian sampling: 300 short runs in 4 places.

    python bench/idle.py [--runs 300] [--places 4] [--seconds 0.3]

A run's end, as the launcher saw it, to the start of the run that takes its place. The script logs one value and
sleeps. Medians and 95th percentiles over the whole sweep, of random and of Bayesian sampling: their difference is
what choosing costs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from overdrive import (
    BayesianParameterSampling,
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

SCRIPT = """
import sys, time
from overdrive import Run
values = dict(zip(sys.argv[1::2], sys.argv[2::2]))
time.sleep({seconds})
Run.get_context().log("loss", (float(values["--dropout"]) - 0.3) ** 2 + float(values["--lr"]))
"""
SPACE = {
    "lr": loguniform(-9, -2),
    "decay": loguniform(-9, -2),
    "dropout": uniform(0, 0.6),
    "width": choice(16, 32, 64, 128),
    "activation": choice("relu", "tanh"),
    "momentum": uniform(0.5, 1),
}


def idle(folder: Path, sampling: type, runs: int, places: int, seconds: float) -> list[float]:
    """Milliseconds, for each run but the first ones."""
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "short.py").write_text(SCRIPT.format(seconds=seconds))
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(source), script="short.py"),
        hyperparameter_sampling=sampling(SPACE, seed=0),
        primary_metric_name="loss",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=runs,
        max_concurrent_runs=places,
    )
    run = Experiment(Workspace.find(folder), "idle").submit(config)
    run.wait_for_completion()
    children = run.view.runs
    starts = sorted(child.started or 0.0 for child in children)[places:]
    ends = sorted(child.ended or 0.0 for child in children)
    return [1000 * (start - end) for end, start in zip(ends, starts, strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.3)
    given = parser.parse_args()
    for sampling in (RandomParameterSampling, BayesianParameterSampling):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / ".overdrive").mkdir()
            found = sorted(idle(folder, sampling, given.runs, given.places, given.seconds))
        p95 = found[int(0.95 * len(found))]
        print(f"{sampling.NAME:10} median {statistics.median(found):6.1f} ms, 95 % {p95:6.1f} ms", flush=True)


if __name__ == "__main__":
    main()
