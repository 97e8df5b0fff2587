"""Scripts that only know MLflow, for real: what they log belongs to their run, and goes on to a server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from overdrive import (
    Experiment,
    HyperDriveConfig,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)
from polling import until

pytestmark = pytest.mark.engine("mlflow")

SCRIPT = """\
import argparse, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
lr = parser.parse_args().lr
mlflow.log_param("lr", lr)
mlflow.log_params({"layers": 2})
for epoch in range(3):
    mlflow.log_metric("loss", lr / (epoch + 1), step=epoch)
mlflow.log_metrics({"a/b": 1.5})
mlflow.set_tag("team", "blue")
mlflow.log_text("to keep", "notes/hello.txt")
with mlflow.start_run(nested=True, run_name="fold"):
    mlflow.log_metric("loss", -1000)
    mlflow.log_param("fold", 1)
mlflow.end_run()
with mlflow.start_run():  # once more: the same run
    mlflow.log_metric("later", 7)
print(mlflow.get_run(mlflow.last_active_run().info.run_id).data.metrics["loss"])
"""

SPEC = """\
type: sweep
experiment_name: tracked
tags: {why: test}
sampling_algorithm: grid
search_space: {lr: {type: choice, values: [0.5, 0.25]}}
objective: {goal: minimize, primary_metric: loss}
trial: {code: src, command: "python train.py --lr ${{search_space.lr}}"}
limits: {max_total_trials: 2, max_concurrent_trials: 2}
"""

FOUND = """\
import json, sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
found = []
for run in client.search_runs([client.get_experiment_by_name("tracked").experiment_id]):
    steps = [[m.step, m.value, m.timestamp] for m in client.get_metric_history(run.info.run_id, "loss")]
    found.append({"id": run.info.run_id, "name": run.info.run_name, "status": run.info.status, "loss": steps,
                  "params": run.data.params, "tags": run.data.tags, "metrics": run.data.metrics,
                  "start": run.info.start_time, "end": run.info.end_time,
                  "files": [f.path for f in client.list_artifacts(run.info.run_id)]})
print(json.dumps(found))
"""


def call(folder, *arguments, **variables):
    env = {k: v for k, v in os.environ.items() if k not in ("OVERDRIVE_HOME", "MLFLOW_TRACKING_URI")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        env={**env, **variables},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A folder with a finished sweep of the script, and the sweep as JSON."""
    folder = tmp_path_factory.mktemp("tracked sweep")
    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text(SCRIPT)
    (folder / "sweep.yml").write_text(SPEC)
    return folder, json.loads(call(folder, "-m", "overdrive", "submit", "sweep.yml", "--json"))


def test_a_script_reports_to_its_run_without_a_line_changed(tracked):
    folder, sweep = tracked
    assert sweep["best"]["value"] == pytest.approx(0.25 / 3)  # -1000 is a nested run's
    run = sweep["runs"][0]
    assert run["metrics"] == {
        "loss": [0.5, 0.25, pytest.approx(0.5 / 3)],
        "a/b": [1.5],
        "later": [7.0],
    }
    place = folder / ".overdrive" / "runs" / sweep["id"] / "0"
    assert (place / "outputs" / "notes" / "hello.txt").read_text() == "to keep"
    assert float((place / ".run" / "stdout.txt").read_text()) == pytest.approx(0.5 / 3)
    steps = [json.loads(line) for line in (place / ".run" / "metrics.jsonl").read_text().splitlines()]
    assert [one["step"] for one in steps if one["name"] == "loss"] == [0, 1, 2]


def test_a_sweep_is_sent_to_a_server_whole_and_only_once(tracked):
    folder, sweep = tracked
    uri = f"sqlite:///{folder}/server.db"
    told = json.loads(call(folder, "-m", "overdrive", "export", sweep["id"], "--mlflow", uri, "--json"))
    runs = {run["id"]: run for run in json.loads(call(folder, "-c", FOUND, uri))}
    parent = runs[told["mlflow_run_id"]]
    assert parent["name"] == sweep["id"]
    assert parent["status"] == "FINISHED"
    assert parent["params"]["primary_metric"] == "loss"
    assert parent["tags"]["why"] == "test"
    assert parent["metrics"]["loss"] == pytest.approx(0.25 / 3)
    children = [run for run in runs.values() if run["tags"].get("mlflow.parentRunId") == parent["id"]]
    assert sorted(child["params"]["lr"] for child in children) == ["0.25", "0.5"]
    child = next(one for one in children if one["params"]["lr"] == "0.5")
    assert child["params"]["layers"] == "2"
    assert child["tags"]["team"] == "blue"
    assert sorted(one[:2] for one in child["loss"]) == [[0, 0.5], [1, 0.25], [2, pytest.approx(0.5 / 3)]]
    assert all(child["start"] <= at <= child["end"] for _, _, at in child["loss"])
    assert {"notes", "stdout.txt"} <= set(child["files"])
    (nested,) = [run for run in runs.values() if run["tags"].get("mlflow.parentRunId") == child["id"]]
    assert (nested["name"], nested["params"], nested["metrics"]) == ("fold", {"fold": "1"}, {"loss": -1000})
    assert len(runs) == 1 + 2 + 2
    with pytest.raises(AssertionError, match=f"is at {uri} already, as run {parent['id']}"):
        call(folder, "-m", "overdrive", "export", sweep["id"], "--mlflow", uri)


def test_whoever_has_a_server_of_their_own_keeps_it(tracked):
    folder, _ = tracked
    (folder / "src" / "env.py").write_text(
        "import os; print('loss=1'); open('outputs/uri', 'w').write(os.environ['MLFLOW_TRACKING_URI'])\n"
    )
    spec = SPEC.replace("train.py --lr", "env.py").replace("max_total_trials: 2", "max_total_trials: 1")
    (folder / "own.yml").write_text(spec)
    submit = ("-m", "overdrive", "submit", "own.yml", "--json")
    sweep = json.loads(call(folder, *submit, MLFLOW_TRACKING_URI="http://127.0.0.1:9"))
    place = folder / ".overdrive" / "runs" / sweep["id"] / "0"
    assert (place / "outputs" / "uri").read_text() == "http://127.0.0.1:9"


def test_a_run_without_mlflow_loads_nothing_of_it(tmp_path: Path):
    code = "import sys, overdrive; overdrive.Run.get_context().log('a', 1); print('mlflow' in sys.modules)"
    out = call(
        tmp_path, "-c", code, OVERDRIVE_METRICS=str(tmp_path / "m"), MLFLOW_TRACKING_URI="overdrive:run"
    )
    assert out.split() == ["False"]


@pytest.mark.skipif(sys.platform != "linux", reason="runs start warm on Linux only")
def test_runs_that_are_forked_from_one_process_report_to_themselves(tmp_path):
    (tmp_path / "train.py").write_text(
        "import sys\nwarm = 'mlflow' in sys.modules\n" + SCRIPT + "mlflow.log_metric('warm', warm)\n"
    )
    script = ScriptRunConfig(str(tmp_path), script="train.py", warm=["mlflow"])
    config = HyperDriveConfig(
        run_config=script,
        hyperparameter_sampling=RandomParameterSampling({"lr": uniform(0, 1)}),
        primary_metric_name="loss",
        primary_metric_goal="minimize",
        max_total_runs=500,
        max_concurrent_runs=1,
    )
    sweep = Experiment(Workspace(tmp_path)._made(), "warm").submit(config)
    try:
        until(lambda: sum(run["warm"] for run in warmed(sweep)) >= 2, "two runs have started warm", 240)
    finally:
        sweep.cancel()
        sweep.wait_for_completion()
    runs = warmed(sweep)
    assert runs[0]["warm"] == 0  # nobody waits for the warm process
    for run in runs:
        assert run["loss"] == [pytest.approx(run["lr"] / (epoch + 1)) for epoch in range(3)]
    assert len({run["lr"] for run in runs}) == len(runs)


def warmed(sweep):
    """What each run that is over has logged, in their order."""
    runs = sorted(sweep.get_children(status="Completed"), key=lambda run: run.number)
    return [run.get_metrics() | run.record.params for run in runs]
