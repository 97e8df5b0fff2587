"""The learning curves of a task, trained once and kept in a folder."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tasks import Task

from overdrive import RandomParameterSampling
from overdrive.model.history import History
from overdrive.sweep.replay import Curve


def curves(task: Task, number: int, folder: Path) -> list[Curve]:
    """The first `number` random configurations, each trained to its end; what the folder lacks is trained."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{task.name}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    found = [Curve(row["params"], row["values"], row["times"]) for row in map(json.loads, lines)]
    sampling = RandomParameterSampling(task.space, seed=1)
    history = History(task.goal)
    with file.open("a") as out:
        for index in range(len(found), number):
            params = sampling.propose(history, index)
            assert params is not None
            values, times = [], []
            began = time.perf_counter()
            for value in task.train(dict(params)):
                values.append(float(value))
                times.append(round(time.perf_counter() - began, 6))
            if task.name.startswith(("boosting", "lightgbm")):  # trained as a whole: even rounds
                times = [times[-1] * (k + 1) / len(times) for k in range(len(times))]
            out.write(json.dumps({"params": params, "values": values, "times": times}) + "\n")
            found.append(Curve(params, values, times))
    return found[:number]


def sweep_of(found: Sequence[Curve], runs: int, order: int) -> list[Curve]:
    """The runs of one sweep."""
    return Random(f"sweep {order}").sample(list(found), min(runs, len(found)))
