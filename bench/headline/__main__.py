"""How long until a sweep is as good as 100 full random runs: the whole system as a user starts it, beside others.

    python -m bench.headline [--tasks sklearn,lightgbm,torch] [--peers all] [--seeds 10] [--places 2] [--folder FOLDER]
                             [--pool 200] [--limit 300] [--install]

For each training a pool of random configurations is trained in full once; the target is the loss that the best of 100
of them reaches half of the time. Every loss of every run goes into a journal with its time, the same way for all; the
clock runs from the start of the tuner's process to the first loss at the target, imports and servers included. A sweep
that has not got there within the limit counts with the limit. Peers run in turn, seed by seed; --install makes an
environment for all of them. An interrupted bench goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDER = Path("~/.cache/overdrive/bench-headline").expanduser()
PEERS = {
    "overdrive": ("overdrive_sweep.py",),
    "optuna-tpe-median": ("optuna_sweep.py", "tpe", "median"),
    "optuna-tpe-hyperband": ("optuna_sweep.py", "tpe", "hyperband"),
    "optuna-gp-median": ("optuna_sweep.py", "gp", "median"),
    "ray-asha": ("ray_sweep.py",),
    "syne-tune-asha": ("syne_tune_sweep.py", "asha"),
    "syne-tune-bohb": ("syne_tune_sweep.py", "bohb"),
    "random": ("optuna_sweep.py", "random", "none"),
}
REQUIREMENTS = (
    "scikit-learn", "lightgbm", "torch", "optuna==5.0.0", "cmaes", "ray[tune]", "syne-tune==0.16.0",
)  # fmt: skip
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def target(task: str, given: argparse.Namespace) -> float:
    """What 100 random runs reach half of the time: all miss the best share q with probability (1 - q)^100 = 1/2."""
    kept = given.folder / f"{task}-{given.pool}.json"
    if not kept.exists():
        argv = [given.python, HERE / "pool.py", task, str(given.pool), str(given.places)]
        environment = os.environ | ONE_THREAD | {"JOURNAL": os.devnull}
        kept.write_text(
            subprocess.run(argv, env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout
        )
    losses = sorted(json.loads(kept.read_text()))
    return losses[int(given.pool * (1 - 2 ** (-1 / 100)))]


def seconds(peer: str, task: str, seed: int, goal: float, given: argparse.Namespace) -> float | None:
    """From the start of the tuner's process to the first loss at the goal; None when that took too long."""
    script, *options = PEERS[peer]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        journal, log_file = Path(folder, "journal"), given.folder / f"{peer}.log"
        journal.touch()
        path = os.pathsep.join([str(HERE), str(ROOT / "src")])
        argv = [sys.executable, str(HERE / script), task, str(given.places), str(seed), folder, *options]
        argv[0] = str(given.python)
        environment = os.environ | ONE_THREAD | {"JOURNAL": str(journal), "PYTHONPATH": path}
        began, reached, seen = time.time(), None, 0
        with log_file.open("w") as printed:
            tuner = subprocess.Popen(
                argv, env=environment, cwd=folder, stdout=printed, stderr=printed, start_new_session=True
            )
            while reached is None and tuner.poll() is None and time.time() - began < given.limit:
                time.sleep(0.05)
                with journal.open("rb") as lines:
                    lines.seek(seen)
                    fresh = lines.read()
                fresh = fresh[: fresh.rfind(b"\n") + 1]
                seen += len(fresh)
                hits = [at for at, loss in map(json.loads, fresh.splitlines()) if loss <= goal]
                reached = min(hits) - began if hits else None
            if tuner.poll() not in (None, 0):
                raise SystemExit(f"{peer} ended with {tuner.returncode}; {log_file} says why")
            tuner.send_signal(signal.SIGINT)
            try:
                tuner.wait(30)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(tuner.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            tuner.wait()
    return reached


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.headline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", default="sklearn,lightgbm,torch")
    parser.add_argument("--peers", default="all", help=f"all, or some of {', '.join(PEERS)}")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--places", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--pool", type=int, default=200)
    parser.add_argument("--limit", type=float, default=300.0)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is known")
    given = parser.parse_args()
    given.peers = list(PEERS) if given.peers == "all" else given.peers.split(",")
    given.tasks = given.tasks.split(",")
    given.python = given.folder / "environment" / "bin" / "python"
    return given


def main() -> None:
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.install and not given.python.exists():
        venv.create(given.folder / "environment", with_pip=True)
        subprocess.run([given.python, "-m", "pip", "install", "-q", *REQUIREMENTS, str(ROOT)], check=True)
    results = given.folder / "results.jsonl"
    rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    done = {(row["peer"], row["task"], row["seed"], row["places"]) for row in rows}
    for seed in range(0 if given.table else given.seeds):
        for task in given.tasks:
            goal = target(task, given)
            for peer in given.peers:
                if (peer, task, seed, given.places) in done:
                    continue
                took = seconds(peer, task, seed, goal, given)
                rows.append(
                    {"peer": peer, "task": task, "seed": seed, "places": given.places, "seconds": took}
                )
                print(f"{task} {peer} {seed}: {took and round(took, 1)} s to {goal:.4f}", file=sys.stderr)
                with results.open("a") as kept:
                    kept.write(json.dumps(rows[-1]) + "\n")
    table(given, [row for row in rows if row["places"] == given.places])


def table(given: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """Median seconds (how many did not get there), and how often longer than Overdrive, seed by seed."""
    print("| peer | " + " | ".join(given.tasks) + " | times Overdrive's, geometric mean of the tasks |")
    print("|---|" + "---|" * (len(given.tasks) + 1))
    for peer in given.peers:
        cells, ratios = [], []
        for task in given.tasks:
            found = {r["seed"]: r["seconds"] for r in rows if r["peer"] == peer and r["task"] == task}
            ours = {r["seed"]: r["seconds"] for r in rows if r["peer"] == "overdrive" and r["task"] == task}
            if not found:
                cells.append("–")
                continue
            times = [given.limit if s is None else s for s in found.values()]
            missed = sum(s is None for s in found.values())
            cells.append(
                f"{statistics.median(times):.1f} s" + (f" ({missed} of {len(times)} not)" if missed else "")
            )
            if ours:
                base = statistics.median(given.limit if s is None else s for s in ours.values())
                ratios.append(statistics.median(times) / base)
        mean = f"{statistics.geometric_mean(ratios):.2f}" if ratios else "–"
        print(f"| {peer} | " + " | ".join(cells) + f" | {mean} |")


if __name__ == "__main__":
    main()
