"""Overdrive as a user starts it: Bayesian sampling, the forecast policy, all defaults. `overdrive_sweep.py TASK PLACES
SEED FOLDER`."""

from __future__ import annotations

import sys
from math import log
from pathlib import Path
from typing import Any

from trainings import SPACES, Space

from overdrive import (
    BayesianParameterSampling,
    Experiment,
    ForecastPolicy,
    HyperDriveConfig,
    PrimaryMetricGoal,
    ScriptRunConfig,
    Workspace,
    choice,
    loguniform,
    quniform,
    uniform,
)


def laws(space: Space) -> dict[str, Any]:
    made = {
        "log": lambda low, high: loguniform(log(low), log(high)),
        "float": uniform,
        "int": lambda low, high: quniform(low, high, 1),
        "choice": lambda options: choice(*options),
    }
    return {name: made[kind](*bounds) for name, (kind, *bounds) in space.items()}


if __name__ == "__main__":
    task, places, seed, folder = sys.argv[1:]
    source = Path(__file__).parent
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(source), script="train.py", arguments=[task, "overdrive"]),
        hyperparameter_sampling=BayesianParameterSampling(laws(SPACES[task]), seed=int(seed)),
        policy=ForecastPolicy(),
        primary_metric_name="loss",
        primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        max_total_runs=1000,
        max_concurrent_runs=int(places),
    )
    run = Experiment(Workspace.find(Path(folder)), "headline").submit(config)
    try:
        run.wait_for_completion()
    finally:
        run.cancel()
        run.wait_for_completion(raise_on_error=False)
