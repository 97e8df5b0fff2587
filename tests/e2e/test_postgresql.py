"""Sweeps whose memory is a PostgreSQL server: it may go away, controllers may die, and nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from overdrive import (
    Experiment,
    HyperDriveRun,
    RandomParameterSampling,
    ScriptRunConfig,
    choice,
    loguniform,
)
from overdrive.store.base import open_store

ROOT = Path(__file__).parents[2]

THREE_VALUES = """
    log("acc", 1.0)
    log("acc", 2.0)
    tell(place + " is half way")
    wait_for("go")
    log("acc", 3.0)
"""


@pytest.fixture
def lab(lab, postgres):
    url, _, name = postgres.partition("&workspace=")
    settings = f'[store]\nurl = "{url}"\nworkspace = "{name}"\n'
    (lab.workspace.home / "settings.toml").write_text(settings)
    return lab


def cli(lab, *words):
    command = [sys.executable, "-m", "overdrive", *words, "--workspace", str(lab.workspace.root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_killed_controller_is_replaced_and_two_sweeps_run_side_by_side(lab):
    first = lab.submit(THREE_VALUES, max_total_runs=2, max_concurrent_runs=2)
    second = lab.submit(THREE_VALUES, max_total_runs=2, max_concurrent_runs=2)
    for run in (first, second):
        lab.until(lambda run=run: lab.values(run) == [[1, 2]] * 2, "two values of both runs")
    assert lab.controller(first) != lab.controller(second)
    lab.kill(lab.controller(first))
    resumed = cli(lab, "resume", first.id)
    assert resumed.returncode == 0, resumed.stderr
    lab.controller(first)
    lab.open("go")
    for run in (first, second):
        lab.ended(run)
        assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]] * 2, [[]] * 2)
    listed = json.loads(cli(lab, "list", "--json").stdout)
    assert {sweep["id"] for sweep in listed} == {first.id, second.id}
    assert not (lab.workspace.home / "overdrive.db").exists()


def test_the_studio_shows_it_live(lab, studio):
    run = lab.submit(THREE_VALUES, max_total_runs=1)
    lab.until(lambda: lab.values(run) == [[1, 2]], "two values")
    one = studio()
    with urllib.request.urlopen(f"{one.url}/api/live/sweeps/{run.id}", timeout=60) as stream:
        messages = (json.loads(line[6:]) for line in stream if line.startswith(b"data: "))
        known = next(messages)
        assert [row["last"] for row in known["rows"]] == [{"acc": 2.0}]
        lab.open("go")
        assert any(row["last"] == {"acc": 3.0} for message in messages for row in message["rows"])
    lab.ended(run)


def test_the_server_is_restarted_in_the_middle(lab, postgres_server):
    run = lab.submit(THREE_VALUES, max_total_runs=3, max_concurrent_runs=1)
    lab.until(lambda: lab.values(run) == [[1, 2]], "two values")
    log = lab.workspace.sweep_folder(run.id) / "controller.log"
    postgres_server.stop(signal.SIGQUIT)
    lab.open("go")  # the value comes while nobody can store it
    lab.until(lambda: "trying again" in log.read_text(), "the controller has noticed")
    postgres_server.start()
    lab.ended(run)
    assert (lab.values(run), lab.causes(run)) == ([[1, 2, 3]] * 3, [[]] * 3)
    assert "Traceback" not in log.read_text()


def test_two_users_of_one_server_see_a_workspace_each(lab, laboratory, studio, tmp_path):
    other = laboratory(tmp_path / "other")
    settings = (
        (lab.workspace.home / "settings.toml").read_text().replace('workspace = "', 'workspace = "bob-')
    )
    (other.workspace.home / "settings.toml").write_text(settings)
    mine, theirs = lab.submit('log("acc", 1.0)'), other.submit('log("acc", 2.0)')
    for run in (mine, theirs):
        lab.ended(run)
    one, two = studio("--token", "ada"), studio("--token", "bob", root=other.workspace.root)
    for seen, token, run, foreign in ((one, "ada", mine, theirs), (two, "bob", theirs, mine)):
        show = {"Authorization": f"Bearer {token}"}
        status, body, _ = seen.call("/api/sweeps", **show)
        assert (status, [sweep["id"] for sweep in json.loads(body)["sweeps"]]) == (200, [run.id])
        assert seen.call(f"/api/sweeps/{foreign.id}", **show)[0] == 404
        wrong = "bob" if token == "ada" else "ada"
        assert seen.call("/api/sweeps", Authorization=f"Bearer {wrong}")[0] == 401
    other.workspace.store.close()


def test_the_digits_have_the_same_best_run_as_on_sqlite(lab, laboratory, tmp_path):
    digits = str(ROOT / "examples" / "digits")
    config = {
        "hyperparameter_sampling": RandomParameterSampling(
            {"learning_rate": loguniform(-9, 0), "hidden": choice(32, 64)}, seed=7
        ),
        "primary_metric_name": "accuracy",
        "max_total_runs": 3,
        "max_concurrent_runs": 2,
    }
    script = ScriptRunConfig(digits, script="train.py", arguments=["--epochs", "2"])
    found = []
    for place in (lab, laboratory(tmp_path / "file")):
        run = place.submit(script, **config)
        run.wait_for_completion()
        found.append(max(place.runs(run), key=lambda child: child.series.best))
        assert all(len(child.series) == 2 for child in place.runs(run))
    one, two = found
    assert (one.number, one.params, one.series.values) == (two.number, two.params, two.series.values)
    place.workspace.store.close()


def test_a_workspace_moves_to_the_server_and_back(laboratory, postgres, tmp_path):
    lab = laboratory(tmp_path / "lab")
    run = lab.submit(THREE_VALUES, max_total_runs=2, max_concurrent_runs=2)
    lab.until(lambda: lab.values(run) == [[1, 2]] * 2, "two values of both runs")
    refused = cli(lab, "store", "copy", str(lab.workspace.root), postgres)
    assert refused.returncode == 1 and f"{run.id} is held by process" in refused.stderr
    lab.open("go")
    lab.ended(run)
    lab.until(lambda: lab.workspace.store.holder(run.id) is None, "nobody holds it")
    copied = cli(lab, "store", "copy", str(lab.workspace.root), postgres)
    assert copied.returncode == 0 and "1 sweeps, 2 runs, 6 points" in copied.stdout, copied.stderr
    again = cli(lab, "store", "copy", str(lab.workspace.root), postgres)
    assert again.returncode == 1 and "is not empty" in again.stderr

    (lab.workspace.home / "settings.toml").write_text(f'[store]\nurl = "{postgres}"\n')
    assert cli(lab, "resume", run.id, "--set", "max_total_runs=3").returncode == 0
    moved = HyperDriveRun(Experiment(lab.workspace.reopened(), "lab"), run.id)
    lab.until(lambda: len(lab.values(moved)) == 3, "a third run")
    lab.ended(moved)
    assert lab.values(moved) == [[1, 2, 3]] * 3

    server = moved.experiment.workspace.store
    lab.until(lambda: server.holder(run.id) is None, "nobody holds it")
    server.close()
    back = tmp_path / "back.db"
    assert cli(lab, "store", "copy", postgres, str(back)).returncode == 0
    with contextlib.closing(open_store(f"sqlite:///{back}")) as store:
        assert len(store.changes(run.id).points) == 9
    assert cli(lab, "store", "copy", str(tmp_path / "nothing.db"), postgres).returncode == 1
    lab.workspace.store.close()
