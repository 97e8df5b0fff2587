"""What a suggestion of the Bayesian sampler costs, its share of refits included, in 6 mixed dimensions.

    python -m bench.samplers.speed

For each length of the history, in a fresh process: processor time, which a busy machine changes little, over so
many suggestions that the hyperparameters are fitted anew at least once, and the most memory that the process had.
Then the import.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from math import log
from multiprocessing import get_context

from overdrive import BayesianParameterSampling, choice, loguniform, quniform, uniform
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status

SPACE = {
    "lr": loguniform(-9, -2),
    "dropout": uniform(0, 1),
    "width": choice(16, 32, 64, 128),
    "depth": quniform(1, 8, 1),
    "activation": choice("relu", "tanh", "gelu"),
    "decay": loguniform(-12, 0),
}
GOALS = {100: 25, 300: 60, 1000: 150, 10_000: None}
MEMORY = {10_000: 200}
IMPORT = """
import time
start = time.process_time()
import overdrive.samplers.bayesian
print(time.process_time() - start)
"""


def loss(p: dict) -> float:
    smooth = (log(p["lr"]) + 5) ** 2 / 10 + (p["dropout"] - 0.3) ** 2 + (log(p["decay"]) + 6) ** 2 / 50
    return smooth + abs(p["depth"] - 4) / 5 + p["width"] / 128 + 0.3 * (p["activation"] == "tanh")


def measure(count: int) -> tuple[list[float], float]:
    """Milliseconds of each suggestion from `count` results on, and the process's greatest memory in MB."""
    sampler = BayesianParameterSampling(SPACE, seed=0)
    history = History(PrimaryMetricGoal.MINIMIZE)
    waits = []
    turns = max(30, count // 8) if count <= 1000 else 5
    for number in range(count + turns):
        start = time.process_time()
        params = sampler.draw(number) if number < count else sampler.propose(history, number)
        waits.append(1000 * (time.process_time() - start))
        history.propose(str(number), number, params).status = Status.COMPLETED
        history.report(str(number), loss(params))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return waits[count + (count > 1000) :], peak  # at 10,000 the first one reads the whole history


def main() -> None:
    print(f"{'results':>8}{'mean ms':>9}{'greatest':>10}{'goal':>6}{'MB':>6}{'goal':>6}")
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for count, (waits, peak) in zip(GOALS, pool.map(measure, GOALS), strict=True):
            times = f"{statistics.mean(waits):9.1f}{max(waits):10.1f}{GOALS[count] or '':>6}"
            print(f"{count:8}{times}{peak:6.0f}{MEMORY.get(count, ''):>6}", flush=True)
    found = [
        float(
            subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout
        )
        for _ in range(5)
    ]
    print(f"import {statistics.median(found):.2f} s (goal 0.35)")


if __name__ == "__main__":
    main()
