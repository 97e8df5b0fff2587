"""Ray Tune with ASHA. `ray_sweep.py TASK PLACES SEED FOLDER`."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = str(Path(__file__).parent)


def trained(config: dict[str, Any]) -> None:
    from ray import tune
    from trainings import train

    warnings.filterwarnings("ignore")
    for loss in train(config.pop("task"), config):
        tune.report({"loss": loss})


if __name__ == "__main__":
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from trainings import SPACES

    made = {
        "log": tune.loguniform,
        "float": tune.uniform,
        "int": lambda low, high: tune.randint(low, high + 1),
        "choice": tune.choice,
    }
    task, places, seed, folder = sys.argv[1:]
    passed = {"PYTHONPATH": HERE, "JOURNAL": os.environ["JOURNAL"]}
    ray.init(num_cpus=int(places), include_dashboard=False, runtime_env={"env_vars": passed})
    import random

    import numpy as np

    random.seed(int(seed))
    np.random.seed(int(seed))
    tune.Tuner(
        trained,
        param_space={"task": task, **{n: made[kind](*bounds) for n, (kind, *bounds) in SPACES[task].items()}},
        tune_config=tune.TuneConfig(
            metric="loss", mode="min", scheduler=ASHAScheduler(max_t=40), num_samples=1000
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    ).fit()
