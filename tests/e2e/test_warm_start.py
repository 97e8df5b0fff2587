"""Warm start and the resume of single runs: what a new sweep takes from earlier ones, and says of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from overdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    RandomParameterSampling,
    choice,
    uniform,
)
from overdrive.errors import ConfigError
from overdrive.runtime.wire import RunFolder

GOOD = 'log("acc", 1); log("acc", 10 + float(sys.argv[2]))'
POOR = 'log("acc", 1); log("acc", float(sys.argv[2]))'


def grid(**space):
    return GridParameterSampling({name: choice(list(values)) for name, values in space.items()})


def inherited(run):
    run.view.refresh()
    return sorted(run.view.inherited.values(), key=lambda one: one.number)


# ---------------------------------------------------------------- prior knowledge


def test_two_parents_one_of_another_workspace_and_the_best_run_is_theirs(lab, laboratory, tmp_path):
    other = laboratory(tmp_path / "other")
    first = lab.ended(lab.submit(POOR, hyperparameter_sampling=grid(x=(0.1, 0.2))))
    second = other.ended(other.submit(GOOD, hyperparameter_sampling=grid(x=(0.3, 0.4))))
    run = lab.submit(POOR, hyperparameter_sampling=grid(x=(0.1, 0.2, 0.3, 0.4)), resume_from=[first, second])
    lab.ended(run)
    assert [one.params["x"] for one in inherited(run)] == [0.1, 0.2, 0.3, 0.4]
    assert f"warm start from {first.id}: 2 runs taken" in lab.said(run)
    assert f"warm start from {second.id}: 2 runs taken" in lab.said(run)
    best = run.get_best_run_by_primary_metric()
    assert best.id == f"{second.id}_1" and best.get_metrics("acc")["acc"] == [1, 10.4]
    assert best.experiment.workspace.home == other.workspace.home
    own = run.get_best_run_by_primary_metric(include_resume_from_runs=False)
    assert own.id.startswith(run.id) and own.record.series.best == 1
    assert run.view.best.id.startswith(run.id) and len(run.view.runs) == 2
    other.workspace.store.close()


def test_a_single_sweep_needs_no_list_and_its_runs_cost_no_budget(lab):
    parent = lab.ended(lab.submit(POOR, max_total_runs=3))
    run = lab.ended(lab.submit(POOR, max_total_runs=2, resume_from=parent))
    assert len(run.view.runs) == 2 and len(inherited(run)) == 3
    assert run.get_status() == "Completed" and "all 2 runs have ended" in run.view.sweep.reason
    assert [child.id for child in run.get_children()] == [f"{run.id}_1", f"{run.id}_0"]


def test_parents_of_any_status_are_taken_with_what_they_logged(lab):
    text = (
        'log("acc", 1)\nif float(sys.argv[2]) > 0.5: sys.exit("%s" % place)\ntell("logged"); wait_for("go")'
    )
    failed = lab.submit(
        'log("acc", 7); log("acc", 2); sys.exit("abc"[int(place)])',
        hyperparameter_sampling=grid(x=(0.1, 0.2)),
    )
    lab.ended(failed)
    cancelled = lab.submit(text, hyperparameter_sampling=grid(x=(0.3,)))
    lab.told("logged")
    lab.until(lambda: lab.values(cancelled) == [[1]], "its value is stored")
    cancelled.cancel()
    lab.ended(cancelled)
    (lab.gates / "logged").unlink()
    running = lab.submit(text, hyperparameter_sampling=grid(x=(0.4,)))
    lab.told("logged")
    lab.until(lambda: lab.values(running) == [[1]], "its value is stored")
    assert (failed.get_status(), cancelled.get_status()) == ("Failed", "Canceled")
    run = lab.submit(
        'log("acc", 0)',
        hyperparameter_sampling=grid(x=(0.1, 0.2, 0.3, 0.4)),
        resume_from=[failed, cancelled, running],
    )
    lab.open("go")
    lab.ended(run)
    assert [(one.params["x"], one.series.values, str(one.status)) for one in inherited(run)] == [
        (0.1, [7, 2], "Failed"),
        (0.2, [7, 2], "Failed"),
        (0.3, [1], "Canceled"),
        (0.4, [1], "Canceled"),
    ]
    assert run.get_best_run_by_primary_metric().id == f"{failed.id}_0"
    assert run.get_best_run_by_primary_metric(include_failed=False).id == f"{cancelled.id}_0"
    lab.ended(running)


def test_a_space_that_has_changed_takes_what_fits_and_says_what_does_not(lab):
    parent = lab.submit(POOR, hyperparameter_sampling=grid(x=(0.1, 0.5, 0.9), y=(1, 2)), max_total_runs=6)
    lab.ended(parent)
    space = {"x": uniform(0, 0.6), "z": choice("a", "b")}
    without = lab.submit(
        POOR, hyperparameter_sampling=RandomParameterSampling(space, seed=1), resume_from=[parent]
    )
    assert inherited(without) == []
    assert f"{parent.id}: 0 runs taken; 6 left out: no value for z (give it in resume_defaults)" in lab.said(
        without
    )
    with_default = lab.submit(
        POOR,
        hyperparameter_sampling=RandomParameterSampling(space, seed=1),
        resume_from=[parent],
        resume_defaults={"z": "b"},
    )
    # x = 0.1 and 0.5, each with both values of y, which is a parameter no more.
    assert [one.params for one in inherited(with_default)] == [
        {"x": x, "z": "b"} for x in (0.1, 0.1, 0.5, 0.5)
    ]
    assert "4 runs taken; 2 left out: outside the new search space" in lab.said(with_default)
    wrong = lab.submit(
        POOR,
        hyperparameter_sampling=RandomParameterSampling(space, seed=1),
        resume_from=[parent],
        resume_defaults={"z": "c"},
    )
    assert "0 runs taken; 6 left out: outside the new search space" in lab.said(wrong)
    for run in (without, with_default, wrong):
        lab.ended(run)


def test_runs_without_the_metric_are_left_out_and_counted(lab):
    parent = lab.ended(lab.submit('log("other", 1)', max_total_runs=2))
    run = lab.submit(POOR, max_total_runs=1, resume_from=[parent])
    assert "0 runs taken; 2 left out: never logged 'acc'" in lab.said(run)
    lab.ended(run)


def test_policies_compare_with_inherited_runs(lab):
    parent = lab.ended(lab.submit('log("acc", 10)', max_total_runs=1))
    policy = BanditPolicy(slack_factor=0.1)
    run = lab.submit(
        'log("acc", 5)\nwait_for("never")', max_total_runs=1, policy=policy, resume_from=[parent]
    )
    lab.ended(run)
    (one,) = run.view.runs
    # 10 / (1 + 0.1) = 9.0909...
    assert str(one.status) == "Canceled" and one.cause == "policy" and "9.09" in one.reason


def test_bayesian_sampling_begins_from_what_is_known(lab):
    # acc = 1 - (x - 0.8)^2, known at 11 places, so that a first proposal near 0.8 is no chance.
    text = 'log("acc", 1 - (float(sys.argv[2]) - 0.8) ** 2)'
    parent = lab.ended(
        lab.submit(text, hyperparameter_sampling=grid(x=[k / 10 for k in range(11)]), max_total_runs=11)
    )
    sampling = BayesianParameterSampling({"x": uniform(0, 1)}, seed=3)
    run = lab.ended(
        lab.submit(text, hyperparameter_sampling=sampling, max_total_runs=2, resume_from=[parent])
    )
    assert len(inherited(run)) == 11
    assert all(abs(one.params["x"] - 0.8) < 0.15 for one in run.view.runs)


def test_inherited_runs_are_there_after_a_takeover(lab):
    parent = lab.ended(lab.submit('log("acc", 10)', max_total_runs=1))
    text = 'log("acc", 5)\nwait_for("go")\nlog("acc", 5)\nwait_for("never")'
    policy = BanditPolicy(slack_factor=0.1, delay_evaluation=2)
    run = lab.submit(text, max_total_runs=1, policy=policy, resume_from=[parent])
    lab.until(lambda: lab.values(run) == [[5]], "its value is stored")
    lab.kill(lab.controller(run))
    run.resume()
    lab.open("go")
    lab.ended(run)
    assert run.view.runs[0].cause == "policy" and len(inherited(run)) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda parent: [parent, parent], "resume_from: names HD_.* twice"),
        (lambda parent: parent.id, "resume_from: takes sweeps"),
        (lambda parent: [parent, None], "resume_from: takes sweeps .*, got None"),
        (lambda parent: next(parent.get_children()), "resume_from: takes sweeps"),
    ],
    ids=["twice", "id", "None", "run"],
)
def test_what_is_no_sweep_is_refused_before_anything_runs(lab, wrong, words):
    parent = lab.ended(lab.submit(POOR, max_total_runs=1))
    with pytest.raises(ConfigError, match=words):
        lab.submit(POOR, resume_from=wrong(parent))
    assert len(lab.workspace.store.sweeps()) == 1


def test_nothing_to_start_from_is_no_mistake(lab):
    run = lab.ended(lab.submit(POOR, max_total_runs=1, resume_from=[], resume_child_runs=[]))
    assert run.get_status() == "Completed"


# ---------------------------------------------------------------- single runs


TRAIN = """\
from overdrive import Run
run = Run.get_context()
print(json.dumps({"argv": sys.argv, "variables": [os.environ.get(name) for name in (
    "AZUREML_DATAREFERENCE_MODEL_LOCATION", "OVERDRIVE_RESUME_FROM")]}), flush=True)
start = 0
if "--resume-from" in sys.argv:
    left = sys.argv[sys.argv.index("--resume-from") + 1]
    start = int(open(os.path.join(left, "model")).read())
    assert run.latest_checkpoint and open(run.latest_checkpoint).read() == str(start)
for epoch in range(start, 4):
    run.log("acc", epoch)
    for path in ("outputs/model", os.path.join(run.checkpoint_dir, "last")):
        open(path, "w").write(str(epoch + 1))
    run.keep_checkpoint(path)
    if epoch == 1 and not start:
        tell(place + " half way")
        wait_for("never")
"""


def test_a_run_is_resumed_from_what_it_left(lab):
    old = lab.submit(TRAIN, max_total_runs=1)
    lab.told("0 half way")
    lab.until(lambda: lab.values(old) == [[0, 1]], "its values are stored")
    old.cancel()
    lab.ended(old)
    (child,) = old.get_children()
    run = lab.ended(lab.submit(TRAIN, max_total_runs=1, resume_child_runs=[child]))
    assert run.get_status() == "Completed", lab.said(run)
    (new,) = run.get_children()
    left = os.path.join(child.folder, "outputs")
    told = json.loads(Path(RunFolder(new.folder).stdout).read_text())
    assert told["argv"][-2:] == ["--resume-from", left] and told["variables"] == [left, left]
    assert told["argv"][1:3] == ["--x", repr(child.record.params["x"])]
    assert new.get_details()["runDefinition"]["arguments"][-2:] == ["--resume-from", left]
    assert lab.values(run) == [[0, 1, 2, 3]] and new.get_metrics("acc") == {"acc": [0, 1, 2, 3]}


def test_what_a_retried_run_kept_is_taken_over_from_all_its_attempts(lab):
    # Killed after the value of epoch 0 and before its checkpoint is kept: its checkpoint is none.
    text = TRAIN.replace(
        "    for path in", '    if place == "0" and not start: os.kill(os.getpid(), 9)\n    for path in'
    )
    old = lab.submit(text, max_total_runs=1)
    lab.told("0.1 half way")
    lab.until(lambda: lab.causes(old) == [["lost"]] and lab.values(old) == [[0, 1]], "its values are stored")
    old.cancel()
    lab.ended(old)
    (child,) = old.get_children()
    assert child.folder.endswith("0.1")
    run = lab.ended(lab.submit(text, max_total_runs=1, resume_child_runs=child))
    assert run.get_status() == "Completed", lab.said(run)
    assert lab.values(run) == [[0, 1, 2, 3]]


def test_the_rest_of_the_budget_is_new_runs(lab):
    old = lab.ended(lab.submit('log("acc", 1)', max_total_runs=2))
    children = sorted(old.get_children(), key=lambda child: child.number)
    run = lab.ended(lab.submit('log("acc", 2)', max_total_runs=3, resume_child_runs=children))
    assert [one.params for one in run.view.runs[:2]] == [child.record.params for child in children]
    assert lab.values(run) == [[1, 2], [1, 2], [2]]
    assert [one.origin is not None for one in run.view.runs] == [True, True, False]
    # The first new run is what the first run of a new sweep with this seed would be.
    assert run.view.runs[2].params == children[0].record.params


def test_more_runs_than_the_budget_and_what_is_no_run_are_refused(lab):
    old = lab.ended(lab.submit('log("acc", 1)', max_total_runs=2))
    for wrong, words in (
        (list(old.get_children()), "2 runs are more than max_total_runs=1"),
        ([old], "takes runs of a sweep"),
        (["HD_x_0"], "takes runs of a sweep, got 'HD_x_0'"),
    ):
        with pytest.raises(ConfigError, match=f"resume_child_runs: .*{words}"):
            lab.submit('log("acc", 1)', max_total_runs=1, resume_child_runs=wrong)


def test_a_resumed_run_that_is_lost_is_tried_again_with_its_history_once(lab):
    old = lab.ended(lab.submit('log("acc", 1)', max_total_runs=1))
    text = 'log("acc", 2)\nif "." not in place: os.kill(os.getpid(), 9)'
    run = lab.ended(lab.submit(text, max_total_runs=1, resume_child_runs=list(old.get_children())))
    assert (lab.values(run), lab.causes(run)) == ([[1, 2]], [["lost"]])


def test_what_was_logged_after_the_checkpoint_is_logged_again_and_counts_once(lab):
    text = TRAIN.replace("    if epoch == 1", '    run.log("late", epoch)\n    if epoch == 1').replace(
        "    for path in",
        '    if epoch == 1 and not start:\n        tell("logged")\n        wait_for("never")\n    for path in',
    )
    old = lab.submit(text, max_total_runs=1)
    lab.told("logged")
    lab.until(lambda: lab.values(old) == [[0, 1]], "its values are stored")
    old.cancel()
    lab.ended(old)
    run = lab.ended(lab.submit(text, max_total_runs=1, resume_child_runs=list(old.get_children())))
    assert run.get_status() == "Completed", lab.said(run)
    assert lab.values(run) == [[0, 1, 2, 3]]


def test_the_example_is_cancelled_and_resumes_at_its_epoch(tmp_path):
    pytest.importorskip("sklearn")
    script = Path(__file__).parents[2] / "examples" / "resume" / "tune.py"
    environment = {name: value for name, value in os.environ.items() if name != "OVERDRIVE_HOME"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    cancelled, resumed = done.stdout.split("resumed:")
    runs = re.findall(r"run (\d): (\w+) after (\d+) epochs", cancelled)
    assert runs and all(status == "Canceled" and int(epochs) < 40 for _, status, epochs in runs)
    assert re.findall(r"run (\d): (\w+) after (\d+) epochs", resumed) == [
        (str(number), "Completed", "40") for number in range(4)
    ]
    outputs = sorted((tmp_path / ".overdrive" / "runs").glob("*/0/.run/stdout.txt"), key=os.path.getmtime)
    assert "going on after epoch" in outputs[-1].read_text()
