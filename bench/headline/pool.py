"""The best losses of random configurations, each trained in full, as a JSON list. `pool.py TASK COUNT PLACES`."""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import warnings
from math import exp, log
from typing import Any

from trainings import SPACES, Space, train


def drawn(space: Space, rng: random.Random) -> dict[str, Any]:
    made = {
        "log": lambda low, high: exp(rng.uniform(log(low), log(high))),
        "float": rng.uniform,
        "int": rng.randint,
        "choice": rng.choice,
    }
    return {name: made[kind](*bounds) for name, (kind, *bounds) in space.items()}


def full(number: int) -> float:
    warnings.filterwarnings("ignore")
    task = sys.argv[1]
    return min(train(task, drawn(SPACES[task], random.Random(f"{task} {number}"))))


if __name__ == "__main__":
    _, _, count, places = sys.argv
    with multiprocessing.Pool(int(places)) as workers:
        print(json.dumps(workers.map(full, range(int(count)), chunksize=1)))
