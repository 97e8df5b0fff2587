"""Syne Tune's local back end. `syne_tune_sweep.py TASK PLACES SEED FOLDER SCHEDULER`."""

from __future__ import annotations

import sys
from pathlib import Path

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import choice, loguniform, randint, uniform
from syne_tune.optimizer.baselines import ASHA, BOHB, CQR
from trainings import SPACES

SCHEDULERS = {"asha": ASHA, "cqr": CQR, "bohb": BOHB}
LAWS = {"log": loguniform, "float": uniform, "int": randint, "choice": choice}

if __name__ == "__main__":
    task, places, seed, folder, scheduler = sys.argv[1:]
    space = {name: LAWS[kind](*bounds) for name, (kind, *bounds) in SPACES[task].items()}
    script = Path(folder, "run.py")
    here = Path(__file__).parent
    script.write_text(
        f"import runpy, sys\nsys.path.insert(0, {str(here)!r})\nsys.argv[1:1] = [{task!r}, 'syne-tune']\n"
        f"runpy.run_path({str(here / 'train.py')!r}, run_name='__main__')\n"
    )
    Tuner(
        trial_backend=LocalBackend(entry_point=str(script), rotate_gpus=False),
        scheduler=SCHEDULERS[scheduler](
            config_space=space,
            metric="loss",
            random_seed=int(seed),
            do_minimize=True,
            **({} if scheduler == "cqr" else {"time_attr": "epoch", "max_t": 40}),
        ),
        stop_criterion=StoppingCriterion(max_num_trials_started=1000),
        n_workers=int(places),
        sleep_time=0.1,
        save_tuner=False,
    ).run()
