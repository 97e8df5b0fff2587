"""How soon each sampler finds good configurations, and what a suggestion costs.

    python bench/samplers [--methods random,bayesian,optuna-tpe] [--seeds 5] [--budget 100] [--pending 1]
                          [--tasks REGEX] [--report] [--file runs.jsonl]

Runs what the file lacks, then prints the table. Without --report only the tuning tasks are run. BBOB wants
`pip install ioh`; the peers want `pip install optuna cmaes torch nevergrad hyperopt`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import warnings
from pathlib import Path

import peers
import tasks
from regret import table


def sweep(task: tasks.Task, method: str, seed: int, budget: int, pending: int) -> dict[str, object]:
    """One sweep with `pending` runs at once, which end in the order they were started."""
    sampler = peers.make(method, task.space, seed, budget, pending)
    losses: list[float] = []
    waits: list[float] = []
    running: list[tuple[int, float]] = []
    for number in range(budget):
        start = time.perf_counter()
        params = sampler.ask(number)
        waits.append(time.perf_counter() - start)
        losses.append(task.loss(params))
        running.append((number, losses[-1]))
        if len(running) == pending:
            start = time.perf_counter()
            sampler.tell(*running.pop(0))
            waits[-1] += time.perf_counter() - start
    return {
        "task": task.name,
        "method": method,
        "seed": seed,
        "budget": budget,
        "pending": pending,
        "losses": losses,
        "ms": [round(1000 * wait, 2) for wait in waits],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", default="random,sobol,bayesian")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--pending", type=int, default=1)
    parser.add_argument("--tasks", default="", help="only tasks whose name this pattern finds")
    parser.add_argument("--report", action="store_true", help="the held-out tasks")
    parser.add_argument("--label", default="", help="what to call `bayesian` in the file")
    parser.add_argument("--file", type=Path, default=Path("bench-samplers.jsonl"))
    parser.add_argument("--each", action="store_true", help="a line for each task as well")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = [
        t for t in (tasks.held_out() if given.report else tasks.tuning()) if re.search(given.tasks, t.name)
    ]
    lines = given.file.read_text().splitlines() if given.file.exists() else []
    known = [json.loads(line) for line in lines]
    done = {(r["task"], r["method"], r["seed"], r["pending"]) for r in known if r["budget"] >= given.budget}
    with given.file.open("a") as out:
        for method in given.methods.split(","):
            name = given.label if given.label and method == "bayesian" else method
            # Random draws and Sobol points heed no results: one sweep serves every number pending.
            pending = 1 if method in ("random", "sobol") else given.pending
            for task in chosen:
                for seed in range(given.first, given.first + given.seeds):
                    if (task.name, name, seed, pending) in done:
                        continue
                    try:
                        row = sweep(task, method, seed, given.budget, pending)
                    except ImportError as missing:
                        print(f"{method}: {missing}", file=sys.stderr)
                        break
                    row["method"] = name
                    out.write(json.dumps(row) + "\n")
                    out.flush()
                    known.append(row)
    least = {task.name: task.least for task in chosen}
    print(table(known, least, given.pending, each=given.each))


if __name__ == "__main__":
    main()
