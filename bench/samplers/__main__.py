"""How soon each sampler finds good configurations, beside other projects', and what a suggestion costs.

    python -m bench.samplers [--peers all] [--tasks held-out] [--seeds 20] [--budgets 25,50,100,200]
                             [--pending 1,8,32] [--results FOLDER] [--workers 1] [--install]

Runs what the folder lacks, seed after seed, then prints the tables; an interrupted bench goes on where it was.
The tasks want `pip install -e '.[bench]'`; the peers run in environments of their own, which --install makes. What
takes seconds a suggestion runs a quarter of the tasks, with fewer seeds and runs, unless --patient.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from . import environments, regret, report, tasks
from .peers import PEERS
from .races import ONE_THREAD, Heat, work
from .results import Results

FOLDER = Path("~/.cache/overdrive/bench-samplers").expanduser()
SLOW_SEEDS, SLOW_BUDGET = 3, 50


def arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="python -m bench.samplers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--peers", default="random,sobol,bayesian", help=f"all, or some of {', '.join(PEERS)}"
    )
    parser.add_argument("--tasks", default="tuning-half", choices=tasks.SUITES)
    parser.add_argument("--only", default="", help="only tasks whose name this pattern finds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--budgets",
        type=numbers,
        default=[25, 50, 100],
        help="the greatest is run, the tables have 25, 50, 100 and 200",
    )
    parser.add_argument("--pending", type=numbers, default=[1])
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--workers", type=int, default=1, help="sweeps at once")
    parser.add_argument("--patient", action="store_true", help="slow peers run all that the others run")
    parser.add_argument("--install", action="store_true", help="make the environments of the peers")
    parser.add_argument("--label", default="", help="what to call `bayesian` in the results")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is known")
    parser.add_argument("--each", action="store_true", help="the median regret of each task as well")
    parser.add_argument(
        "--store", action="store_true", help="keep best values and random's medians in known.json"
    )
    given = parser.parse_args()
    given.peers = list(PEERS) if given.peers == "all" else given.peers.split(",")
    if unknown := set(given.peers) - set(PEERS):
        parser.error(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    return given


def heats(given: argparse.Namespace, names: set[str]) -> Iterator[tuple[str, Heat, int]]:
    """What is asked for, a seed everywhere before the next begins: the peer, what it is in the results, and how
    many runs."""
    few = {task.name for task in tasks.suite(given.tasks.removesuffix("-half").removesuffix("-few") + "-few")}
    for seed in range(given.first, given.first + given.seeds):
        for peer in given.peers:
            slow = PEERS[peer].slow and not given.patient
            label = given.label if given.label and peer == "bayesian" else peer
            for pending in given.pending if PEERS[peer].heeds else [1]:
                for name in sorted(names & few if slow else names):
                    if not slow:
                        yield peer, Heat(label, name, seed, pending), max(given.budgets)
                    elif seed < given.first + SLOW_SEEDS:
                        yield peer, Heat(label, name, seed, pending), min(SLOW_BUDGET, max(given.budgets))


def run(given: argparse.Namespace, results: Results, names: set[str]) -> None:
    done = results.budgets()
    missing = [h for h in heats(given, names) if done.get(h[1], 0) < h[2]]
    pythons = {peer: environments.python(given.results / "environments", peer) for peer in given.peers}
    for peer in [peer for peer, python in pythons.items() if python is None]:
        print(f"{peer}: not installed; --install does it", file=sys.stderr)
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        waiting = [
            pool.submit(work, peer, python, given.results / f"{peer}.log", heat, budget)
            for peer, heat, budget in missing
            if (python := pythons[peer])
        ]
        try:
            for place, done_one in enumerate(as_completed(waiting), 1):
                row = done_one.result()
                results.add(row)
                print(
                    f"\r{place} of {len(waiting)} {row['peer']} {row['task']}\033[K {row.get('error', '')}",
                    end="\n" if "error" in row else "",
                    file=sys.stderr,
                )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def main() -> None:
    given = arguments()
    chosen = {t.name: t for t in tasks.suite(given.tasks) if re.search(given.only, t.name)}
    if not chosen:
        sys.exit(f"no task of {given.tasks} has a name that {given.only!r} finds")
    results = Results(given.results)
    if given.install:
        environments.install(given.results / "environments", given.peers)
    if not given.table:
        run(given, results, set(chosen))
    rows = [row for row in results.rows() if row["task"] in chosen]
    least = {name: task.lowest() if given.store else task.least for name, task in chosen.items()}
    known = regret.known(rows, least)
    if given.store:
        regret.store(known)
    present = {row["peer"] for row in rows}
    peers = [p for p in PEERS if p in present] + sorted(present - set(PEERS))
    free = [peer for peer in peers if peer in PEERS and not PEERS[peer].heeds]
    for pending in given.pending:
        for table in report.tables(rows, known, peers, pending, free):
            print(f"\n{table}")
    if given.each:
        print("\n" + report.each(regret.Scores(rows, known), peers, sorted(chosen)))


if __name__ == "__main__":
    main()
