"""40 small trainings, two at a time: runs that start cold, warm, and `xargs -P 2` with the same script, in turn.

`--python` names the interpreter of the script and `--script torch` a PyTorch one, where that has torch. Time
is from the first run's start to the last one's end, the first, cold runs of a warm sweep included; memory is
the largest sum of proportional set sizes (PSS) of all runs and of what they are forked from.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from overdrive import (
    Experiment,
    HyperDriveConfig,
    HyperDriveRun,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    loguniform,
)
from overdrive.runtime import processes
from overdrive.runtime.wire import read_json

SCRIPTS = {
    "sklearn": """
import argparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
model = LogisticRegression(C=parser.parse_args().rate, max_iter=200)
print(f"accuracy={cross_val_score(model, *load_iris(return_X_y=True)).mean()}")
""",
    "torch": """
import argparse
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
torch.manual_seed(0)
x = torch.randn(512, 16)
y = (x.sum(1) > 0).float()
net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=parser.parse_args().rate)
for _ in range(50):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y)
    loss.backward()
    optimizer.step()
print(f"accuracy={float(((net(x)[:, 0] > 0) == (y > 0)).float().mean())}")
""",
}


def pss(root: int) -> int:
    """Bytes that all descendants of this process hold, shared pages by their share."""
    table, held = processes.table(), 0
    for pid in processes.descendants({root}, table) - {root}:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        held += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return held


def watched(run: HyperDriveRun) -> int:
    """Wait for the sweep's end; the largest memory of its runs."""
    card, most = run.experiment.workspace.sweep_folder(run.id) / "launcher.json", 0
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (run.wait_for_completion(), ended.set()))
    waiting.start()
    while not ended.wait(0.1):
        most = max(most, pss((read_json(str(card)) or {}).get("pid", 0)))
    waiting.join()
    return most


def sweep(folder: Path, python: str, runs: int, warm: str) -> tuple[float, float, list[float]]:
    """Seconds, megabytes, and what the runs printed."""
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(str(folder / "source"), script="train.py", warm=warm, interpreter=python),
        hyperparameter_sampling=RandomParameterSampling({"rate": loguniform(-7, 0)}, seed=1),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=runs,
        max_concurrent_runs=2,
    )
    run = Experiment(Workspace.find(folder), "warm").submit(config)
    most = watched(run)
    children = run.view.runs
    took = max(c.ended or 0 for c in children) - min(c.started or 0 for c in children)
    return took, most / 1e6, [c.series.values[-1] for c in children]


def xargs(folder: Path, python: str, runs: int) -> float:
    """The same script, as fast as a shell tool can start it."""
    argv = ["xargs", "-P", "2", "-I{}", python, str(folder / "source" / "train.py"), "--rate", "{}"]
    numbers = "\n".join(f"0.{n + 1}" for n in range(runs))
    began = time.time()
    subprocess.run(argv, input=numbers, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.time() - began


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--script", choices=sorted(SCRIPTS), default="sklearn")
    options.add_argument("--python", default=sys.executable)
    options.add_argument("--runs", type=int, default=40)
    options.add_argument("--times", type=int, default=3)
    chosen = options.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as whole_bench:
        for number in range(chosen.times):
            folder = Path(whole_bench, str(number))
            (folder / "source").mkdir(parents=True)
            (folder / "source" / "train.py").write_text(SCRIPTS[chosen.script])
            cold = sweep(folder, chosen.python, chosen.runs, "off")
            warm = sweep(folder, chosen.python, chosen.runs, "auto")
            if cold[2] != warm[2]:
                sys.exit(f"cold and warm runs differ: {cold[2]}, {warm[2]}")
            rows.append((cold[0], warm[0], xargs(folder, chosen.python, chosen.runs), cold[1], warm[1]))
    cold_s, warm_s, floor, cold_mb, warm_mb = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    ratio = statistics.median(row[0] / row[1] for row in rows)
    print(
        f"{chosen.script}: xargs {floor:.1f} s, cold {cold_s:.1f} s and {cold_mb:.0f} MB, "
        f"warm {warm_s:.1f} s and {warm_mb:.0f} MB: {ratio:.1f} times faster, the same results"
    )
