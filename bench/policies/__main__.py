"""What each early termination policy saves and what it loses, on real learning curves.

    python bench/policies [--policies median:delay=5,optuna-median] [--places 4,16] [--orders 20] [--runs 100]
                          [--configurations 150] [--tasks REGEX] [--held-out] [--each] [--checkpoints]
                          [--folder FOLDER]

Curves are trained once and kept in the folder. Each order is a sweep of so many runs, drawn from the
configurations and shuffled. Columns: intervals, run time and wall time saved, added regret in percent of
|best - median|, sweeps that lost their winner, and the task that lost it most often. The peers want
`pip install optuna`, one task `pip install lightgbm`; without them they are left out. Separate policies by
blanks where their arguments need commas.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import peers
import tasks
from curves import curves, sweep_of

from overdrive.sdk.rehearsal import policy_of
from overdrive.sweep.replay import Curve, Outcome, Score, replay

DEFAULT = (
    "median:delay=5 truncation:percentage=20,interval=5 bandit:slack_factor=0.1,delay=5 asha:eta=3 "
    "asha:eta=2,min_interval=5 hyperband:eta=3 optuna-median optuna-percentile75 optuna-halving optuna-hyperband"
)


def outcomes(
    task: tasks.Task,
    found: Sequence[Curve],
    name: str,
    places: int,
    runs: int,
    orders: range,
    checkpoints: bool,
) -> list[Outcome]:
    """One outcome for each order."""
    made = []
    for order in orders:
        chosen = sweep_of(found, runs, order)
        if name in peers.PRUNERS:
            made.append(peers.replay_optuna(chosen, task.goal, name, places=places, order=order))
        else:
            made.append(
                replay(
                    chosen, task.goal, policy_of(name), places=places, order=order, checkpoints=checkpoints
                )
            )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policies", default=DEFAULT)
    parser.add_argument("--places", default="4,16")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--configurations", type=int, default=150)
    parser.add_argument("--tasks", default="", help="only tasks whose name this pattern finds")
    parser.add_argument("--held-out", action="store_true", help="the tasks that nothing was tuned on")
    parser.add_argument("--checkpoints", action="store_true", help="what is paused can go on")
    parser.add_argument("--each", action="store_true", help="a line for each task as well")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "overdrive-curves")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    trained = {}
    for task in tasks.HELD_OUT if given.held_out else tasks.TUNING:
        if re.search(given.tasks, task.name):
            try:
                trained[task] = curves(task, given.configurations, given.folder)
            except ImportError as missing:
                print(f"{task.name}: {missing}", file=sys.stderr)
    print(f"{'policy':38}places  saved  time  wall  regret  lost %  worst task                        ms")
    for name in given.policies.split():
        for places in map(int, given.places.split(",")):
            scores, began = {}, time.perf_counter()
            try:
                for task, found in trained.items():
                    orders = range(1, given.orders + 1)
                    made = outcomes(task, found, name, places, given.runs, orders, given.checkpoints)
                    scores[task] = Score.of(made)
            except ImportError as missing:
                print(f"{name}: {missing}", file=sys.stderr)
                break
            spent = 1000 * (time.perf_counter() - began) / given.orders / len(trained)
            worst = max(scores, key=lambda task: (scores[task].lost, scores[task].regret))
            mean = [sum(column) / len(scores) for column in zip(*scores.values(), strict=True)]
            print(
                line(name, places, Score(*mean)),
                f"{worst.name} {scores[worst].lost:.0f} %".ljust(34),
                f"{spent:.0f}",
                flush=True,
            )
            if given.each:
                for task, score in scores.items():
                    print(line("  " + task.name, places, score))


def line(name: str, places: int, score: Score) -> str:
    return (
        f"{name:38}{places:6}{score.saved:7.1f}{score.seconds_saved:6.1f}{score.wall_saved:6.1f}"
        f"{score.regret:8.3f}{score.lost:8.1f} "
    )


if __name__ == "__main__":
    main()
