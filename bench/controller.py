"""A controller with 100 live runs that log 100 values a second each, and a policy that judges every value.

    python bench/controller.py [--runs 200] [--places 100] [--seconds 20] [--rate 100] [--sampling random]

Run 0 climbs by a thousandth a value. Every other run climbs almost as fast for `--seconds`, then stands still, and so
falls behind the bandit's slack at a value that is known: a decision takes from that value's log() to the TERM in
the script, the signal's way included. Printed: whether every value that was logged is stored, the decisions, and what
the controller took of a core, while all places are taken, and of memory. Beside it, how late a bare sleep ends: on a
busy machine everybody waits for the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from overdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    Experiment,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    choice,
    loguniform,
    uniform,
)

SCRIPT = """
import json, os, signal, sys, time
from overdrive import Run
run = Run.get_context()
turn, rate = int(sys.argv[1]), int(sys.argv[2])
behind = int(turn * 0.95 * 1.1) + 1
logged, told = 0, 0.0
def stopped(*_):
    now = time.time()
    with open("outputs/told.json", "w") as file:
        json.dump({"values": logged, "seconds": now - told if told else None}, file)
    os._exit(1)
signal.signal(signal.SIGTERM, stopped)
began, leader = time.time(), run.number == 0
while True:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # what is counted is written
    if logged + 1 == behind and not leader:
        told = time.time()
    run.log("accuracy", (logged + 1) / 1000 if leader else 0.95 * min(logged + 1, turn) / 1000)
    logged += 1
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    if not leader or logged > 2 * turn:
        time.sleep(max(0.0, began + logged / rate - time.time()) if not leader else 1 / rate)
"""
SPACE = {
    "lr": loguniform(-9, -2),
    "dropout": uniform(0, 0.6),
    "momentum": uniform(0.5, 1),
    "width": choice(16, 32, 64, 128),
}
SAMPLERS = {"random": RandomParameterSampling, "bayesian": BayesianParameterSampling}
TICKS = os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """The processor time of a process, looked at every 50 ms, and its largest memory; `late` is by how much the sleeps
    in between were too long, which is what this machine's processor keeps anybody waiting."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.seen: list[tuple[float, float]] = []
        self.megabytes = 0.0
        self.late: list[float] = []
        self.start()

    def run(self) -> None:
        try:
            while True:
                fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
                self.seen.append((time.time(), (int(fields[11]) + int(fields[12])) / TICKS))
                status = Path(f"/proc/{self._pid}/status").read_text()
                self.megabytes = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                before = time.perf_counter()
                time.sleep(0.05)
                self.late.append(time.perf_counter() - before - 0.05)
        except (OSError, IndexError):
            return

    def share(self, begin: float, end: float) -> float:
        """Of one core, between two times."""
        within = [one for one in self.seen if begin <= one[0] <= end]
        (first, before), (last, after) = within[0], within[-1]
        return (after - before) / (last - first)


def submit(folder: Path, given: argparse.Namespace) -> HyperDriveRun:
    (folder / "source").mkdir()
    (folder / "source" / "train.py").write_text(SCRIPT)
    turn = int(given.seconds * given.rate)
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(
            str(folder / "source"), script="train.py", arguments=[str(turn), str(given.rate)]
        ),
        hyperparameter_sampling=SAMPLERS[given.sampling](SPACE, seed=1),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        policy=BanditPolicy(slack_factor=0.1),
        max_total_runs=given.runs,
        max_concurrent_runs=given.places,
    )
    return Experiment(Workspace.find(folder), "controller").submit(config)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--places", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--sampling", choices=SAMPLERS, default="random")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = submit(Path(name), given)
        store = run.experiment.workspace.store
        while (holder := store.holder(run.id)) is None:
            time.sleep(0.01)
        watch = Watch(holder.pid)
        while not _ended(run, given.runs - 1):
            time.sleep(0.5)
        run.cancel()
        run.wait_for_completion()
        _report(run, watch, given)


def _ended(run: HyperDriveRun, count: int) -> bool:
    run.view.refresh()
    return sum(child.ended is not None for child in run.view.runs) >= count


def _report(run: HyperDriveRun, watch: Watch, given: argparse.Namespace) -> None:
    view, folder = run.view, run.experiment.workspace.sweep_folder(run.id)
    view.refresh()
    told = [json.loads((folder / str(child.number) / "outputs/told.json").read_text()) for child in view.runs]
    logged = sum(one["values"] for one in told)
    stored = Counter(child.id for child in view.runs for _ in view.metrics(child.id)["accuracy"])
    missing = sum(one["values"] - stored[child.id] for child, one in zip(view.runs, told, strict=True))
    decisions = sorted(1e3 * one["seconds"] for one in told if one["seconds"] is not None)
    cut = statistics.quantiles(decisions, n=100)
    begin = sorted(child.started or 0.0 for child in view.runs)[given.places - 1]
    end = max(child.ended or 0.0 for child in view.runs if child.number)
    pace = logged / (end - min(child.started or 0.0 for child in view.runs))
    print(f"{given.runs} runs, {given.places} at once, {given.sampling} sampling, bandit")
    print(f"{logged} values logged, {pace:.0f} a second in the mean; {missing} of them are not stored")
    print(f"decisions: median {cut[49]:.0f} ms, 99 % {cut[98]:.0f} ms, worst {decisions[-1]:.0f} ms")
    late = sorted(1e3 * one for one in watch.late)
    print(
        f"beside it a bare sleep ended late by {statistics.median(late):.0f} ms in the median, "
        f"99 % {late[int(0.99 * len(late))]:.0f} ms"
    )
    print(f"controller: {100 * watch.share(begin, end):.0f} % of a core, {watch.megabytes:.0f} MB at most")


if __name__ == "__main__":
    main()
