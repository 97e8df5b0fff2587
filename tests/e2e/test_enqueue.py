"""Runs that somebody asks for by their values: from Python, from the command line, before and after the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overdrive import RandomParameterSampling, choice, uniform
from overdrive.errors import ConfigError

SCRIPT = """
print("seed", os.environ["OVERDRIVE_SEED"], flush=True)
log("acc", float(sys.argv[sys.argv.index("--x") + 1]))
wait_for("go")
"""


def test_what_is_asked_for_runs_next_and_counts(lab: Any) -> None:
    run = lab.submit(SCRIPT, max_total_runs=3)
    lab.told("0 began")
    run.enqueue({"x": 0.5})
    lab.until(lambda: len(lab.runs(run)) == 2, "the run that waits")
    lab.open("go")
    lab.ended(run)
    alone = RandomParameterSampling({"x": uniform(0, 1)}, seed=1)
    drawn = [alone.propose([], number)["x"] for number in range(2)]
    assert [child.params["x"] for child in lab.runs(run)] == [drawn[0], 0.5, drawn[1]]
    assert lab.values(run)[1] == [0.5]

    # After the end: the same values again, with another seed, and nothing else.
    words = [sys.executable, "-m", "overdrive", "enqueue", run.id, "--like", "1", "--json"]
    done = subprocess.run([*words, "--workspace", str(lab.workspace.root)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["id"] == run.id
    lab.until(lambda: len(lab.runs(run)) == 4 and run.get_status() == "Completed", "the run again")
    first, again = (run._child(lab.runs(run)[number]) for number in (1, 3))
    assert again.record.params == first.record.params
    seeds = [Path(child._folder.stdout).read_text().split() for child in (first, again)]
    assert seeds[0][0] == "seed" and seeds[0][1] != seeds[1][1]


def test_what_is_no_configuration_is_refused_with_every_reason(lab: Any) -> None:
    space = {"x": uniform(0, 1), "model": choice({"depth": choice(1, 2)}, "flat")}
    run = lab.submit(SCRIPT, max_total_runs=1, hyperparameter_sampling=RandomParameterSampling(space, seed=1))
    with pytest.raises(ConfigError) as caught:
        run.enqueue({"x": 3, "depth": 7, "hight": 1})
    assert [problem.where for problem in caught.value.problems] == ["hight", "x", "depth"]
    with pytest.raises(ConfigError, match="x: has no value"):
        run.enqueue({"depth": 1})
    with pytest.raises(ConfigError, match="no branch of the space: x, model, depth"):
        run.enqueue({"x": 0.5, "model": "flat", "depth": 1})
    lab.open("go")
