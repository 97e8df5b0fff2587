"""Sweeps whose memory is a PostgreSQL server: it may go away, controllers may die, and nothing is lost or doubled."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

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
