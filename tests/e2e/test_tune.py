"""`tune`: a Python function, each call in a worker process."""

import os

import pytest

from overdrive import ConfigError, MedianStoppingPolicy, Run, Workspace, tune, uniform


@pytest.fixture
def workspace(tmp_path):
    return Workspace.find(tmp_path)


def test_a_closure_is_tuned_in_processes_of_its_own(workspace):
    target = 0.25

    def distance(x):
        assert os.path.basename(os.path.dirname(os.getcwd())).startswith("HD_")
        return abs(x - target)

    sweep = tune(
        distance, {"x": uniform(0, 1)}, goal="minimize", seed=1, max_total_runs=6, workspace=workspace
    )
    best = sweep.get_best_run_by_primary_metric()
    values = [abs(run.params["x"] - target) for run in sweep.view.runs]
    assert sweep.get_status() == "Completed"
    assert best.get_metrics()["value"] == min(values)
    assert sweep.experiment.name == "distance"


def test_what_the_function_logs_itself_is_not_logged_again(workspace):
    def curve(x):
        for step in range(3):
            Run.get_context().log("loss", x + step)
        return {"loss": x, "other": 1}

    sweep = tune(
        curve,
        {"x": uniform(0, 1)},
        goal="minimize",
        metric="loss",
        policy=MedianStoppingPolicy(delay_evaluation=10),
        max_total_runs=2,
        workspace=workspace,
    )
    for run in sweep.view.runs:
        x = run.params["x"]
        assert sweep.view.metrics(run.id) == {"loss": [x, x + 1, x + 2], "other": [1.0]}


def test_a_function_that_fails_shows_its_traceback(workspace):
    def broken(x):
        raise RuntimeError("no such luck")

    sweep = tune(broken, {"x": uniform(0, 1)}, max_total_runs=1, workspace=workspace, wait=False)
    sweep.wait_for_completion(raise_on_error=False)
    assert any("no such luck" in message.text for message in sweep.view.messages)


def test_what_is_no_function_is_refused_before_anything_runs(workspace):
    with pytest.raises(ConfigError, match="must be callable, got 3"):
        tune(3, {"x": uniform(0, 1)}, workspace=workspace)
    assert workspace.store.sweeps() == []
