"""`overdrive replay` on a sweep that really ran."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """\
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--level", type=float)
level = parser.parse_args().level
with open(os.environ["OVERDRIVE_METRICS"], "a") as file:
    for epoch in range(1, 6):
        file.write(json.dumps({"name": "accuracy", "value": level + epoch / 1000}) + "\\n")
"""

SPEC = """\
type: sweep
sampling_algorithm: grid
search_space:
  level: {type: choice, values: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}
objective: {goal: maximize, primary_metric: accuracy}
trial:
  code: src
  command: python train.py --level ${{search_space.level}}
limits: {max_total_trials: 6, max_concurrent_trials: 2, timeout: 120}
"""


def call(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "overdrive", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        env={k: v for k, v in os.environ.items() if k != "OVERDRIVE_HOME"},
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text(SCRIPT)
    (folder / "sweep.yml").write_text(SPEC)
    done = call(folder, "submit", "sweep.yml", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_table_and_its_json(project):
    asked = ["replay", "--policy", "bandit:slack_amount=0.05", "--policy", "none", "--orders", "5"]
    answer = json.loads(call(project, *asked, "--json").stdout)
    assert (answer["curves"], answer["places"], answer["orders"]) == (6, 2, 5)
    bandit, none = answer["policies"]
    # Levels lie 0.1 apart and never cross: whoever is behind goes after one value of five, the winner never.
    assert bandit["policy"] == "bandit:slack_amount=0.05"
    assert 0 < bandit["saved"] <= 100 * 5 * 4 / 30
    assert (bandit["lost"], bandit["regret"], none["saved"], none["lost"]) == (0, 0, 0, 0)
    assert answer["suggested"] == "bandit:slack_amount=0.05"
    shown = call(project, *asked).stdout
    assert "6 finished runs, 2 at a time, in 5 orders" in shown
    assert "bandit:slack_amount=0.05 *" in shown
    assert call(project, *asked, "--suggest").stdout == "bandit:slack_amount=0.05\n"


def test_without_a_policy_the_usual_ones_are_tried(project):
    answer = json.loads(call(project, "replay", "last", "--orders", "2", "--places", "1", "--json").stdout)
    assert len(answer["policies"]) > 5
    assert answer["places"] == 1


def test_mistakes(project):
    failed = call(project, "replay", "--policy", "medan", "--policy", "asha:eta=1")
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 2
    assert "medan: there is no policy 'medan'" in failed.stderr
    assert "asha:eta=1: eta: must be a whole number >= 2, got 1" in failed.stderr
