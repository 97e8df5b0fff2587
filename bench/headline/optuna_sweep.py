"""Optuna at its quickest: worker processes that import once and share a journal. `optuna_sweep.py TASK PLACES SEED
FOLDER SAMPLER PRUNER`."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from trainings import SPACES, train

SAMPLERS = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "random": optuna.samplers.RandomSampler,
}
PRUNERS = {
    "median": optuna.pruners.MedianPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "none": optuna.pruners.NopPruner,
}


def suggested(trial: optuna.Trial, name: str, kind: str, *bounds: Any) -> Any:
    if kind == "choice":
        return trial.suggest_categorical(name, *bounds)
    if kind == "int":
        return trial.suggest_int(name, *bounds)
    return trial.suggest_float(name, *bounds, log=kind == "log")


def work(task: str, seed: int, file: str, sampler: str, pruner: str) -> None:
    warnings.filterwarnings("ignore")
    study = optuna.load_study(
        study_name="headline",
        storage=JournalStorage(JournalFileBackend(file)),
        sampler=SAMPLERS[sampler](seed=seed),
        pruner=PRUNERS[pruner](),
    )

    def objective(trial: optuna.Trial) -> float:
        params = {name: suggested(trial, name, *law) for name, law in SPACES[task].items()}
        loss = float("inf")
        for epoch, loss in enumerate(train(task, params)):
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    study.optimize(objective, n_trials=1000)


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    task, places, seed, folder, sampler, pruner = sys.argv[1:]
    file = f"{folder}/journal.log"
    optuna.create_study(study_name="headline", storage=JournalStorage(JournalFileBackend(file)))
    multiprocessing.set_start_method("fork")
    workers = [
        multiprocessing.Process(target=work, args=(task, 1000 * int(seed) + n, file, sampler, pruner))
        for n in range(int(places))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
