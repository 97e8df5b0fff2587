"""Configurations: HyperDrive's signatures, all problems at once, JSON and back, advice."""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace

import pytest

from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, loguniform, quniform, uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.base import NoTerminationPolicy
from overdrive.policies.median import MedianStoppingPolicy
from overdrive.policies.truncation import TruncationSelectionPolicy
from overdrive.samplers.bayesian import BayesianParameterSampling
from overdrive.samplers.grid import GridParameterSampling
from overdrive.samplers.random import RandomParameterSampling
from overdrive.samplers.sobol import SobolParameterSampling
from overdrive.sweep.config import HyperDriveConfig, SingleRunConfig
from overdrive.sweep.distribution import PyTorchConfiguration
from overdrive.sweep.script import ScriptRunConfig

SCRIPT = ScriptRunConfig("src", script="train.py")


def sweep(**changes):
    fields = {
        "hyperparameter_sampling": RandomParameterSampling({"lr": uniform(0, 1)}, seed=1),
        "primary_metric_name": "accuracy",
        "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
        "max_total_runs": 10,
        "run_config": SCRIPT,
    }
    return HyperDriveConfig(**{**fields, **changes})


def problems(make, **fields):
    with pytest.raises(ConfigError) as caught:
        make(**fields)
    return {problem.where: problem.what for problem in caught.value.problems}


# ---------------------------------------------------------------- signatures, facts 1.4, 1.6 and 1.8

SIGNATURES = {
    HyperDriveConfig: {
        "hyperparameter_sampling": None, "primary_metric_name": None, "primary_metric_goal": None,
        "max_total_runs": None, "max_concurrent_runs": None, "max_duration_minutes": 10080, "policy": None,
        "estimator": None, "run_config": None, "resume_from": None, "resume_child_runs": None,
        "pipeline": None, "debug_flag": None, "custom_run_id": None,
    },
    ScriptRunConfig: {
        "source_directory": None, "script": None, "arguments": None, "run_config": None,
        "_telemetry_values": None, "compute_target": None, "environment": None,
        "distributed_job_config": None, "resume_from": None, "max_run_duration_seconds": 2592000,
        "command": None, "docker_runtime_config": None,
    },
    BanditPolicy: {"evaluation_interval": 1, "slack_factor": None, "slack_amount": None, "delay_evaluation": 0},
    MedianStoppingPolicy: {"evaluation_interval": 1, "delay_evaluation": 0},
    TruncationSelectionPolicy: {"truncation_percentage": None, "evaluation_interval": 1, "delay_evaluation": 0},
    RandomParameterSampling: {"parameter_space": None, "properties": None},
    GridParameterSampling: {"parameter_space": None, "properties": None},
}  # fmt: skip


@pytest.mark.parametrize("kind", SIGNATURES, ids=lambda kind: kind.__name__)
def test_the_signature_is_hyperdrives(kind):
    parameters = list(inspect.signature(kind).parameters.values())
    expected = SIGNATURES[kind]
    assert [parameter.name for parameter in parameters][: len(expected)] == list(expected)
    for parameter in parameters:
        default = expected.get(parameter.name)
        if default is not None:
            assert parameter.default == default
    # Whatever we have beyond HyperDrive may be left out.
    assert all(p.default is not p.empty for p in parameters[len(expected) :])


def test_the_guides_own_configuration():
    config = HyperDriveConfig(
        run_config=SCRIPT,
        hyperparameter_sampling=RandomParameterSampling(
            {"learning_rate": uniform(0.0005, 0.005), "momentum": uniform(0.9, 0.99)}
        ),
        policy=BanditPolicy(slack_factor=0.15, evaluation_interval=1, delay_evaluation=10),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=100,
        max_concurrent_runs=4,
    )
    limits = config.limits(machine=2)
    assert (limits.max_total_runs, limits.max_concurrent_runs) == (100, 4)
    assert (limits.max_duration, limits.run_duration) == (7 * 86400, 30 * 86400)


# ---------------------------------------------------------------- what is refused


def test_all_problems_of_a_sweep_are_told_at_once():
    found = problems(
        sweep,
        hyperparameter_sampling=None,
        primary_metric_name="",
        primary_metric_goal=7,
        max_total_runs=0,
        max_concurrent_runs=-1,
        max_duration_minutes=0,
        policy=3,
        run_config="train.py",
        custom_run_id="../up",
        estimator=object(),
        pipeline=object(),
    )
    assert set(found) == {
        "hyperparameter_sampling", "primary_metric_name", "primary_metric_goal", "max_total_runs",
        "max_concurrent_runs", "max_duration_minutes", "policy", "run_config", "custom_run_id",
        "estimator", "pipeline",
    }  # fmt: skip


def test_all_problems_of_a_script_are_told_at_once():
    found = problems(ScriptRunConfig, command=[], script="t.py", max_run_duration_seconds=0, grace_seconds=-1)
    assert set(found) == {"command", "max_run_duration_seconds", "grace_seconds"}


@pytest.mark.parametrize("gpus", [0, -1, 1.5, "1", True])
def test_gpus_are_whole_or_a_share_of_one(gpus):
    assert list(problems(ScriptRunConfig, script="t.py", gpus_per_run=gpus)) == ["gpus_per_run"]


def test_cores_are_whole_and_what_is_pinned_is_counted():
    found = problems(ScriptRunConfig, script="t.py", cores_per_run=1.5)
    assert list(found) == ["cores_per_run"]
    assert list(problems(ScriptRunConfig, script="t.py", pin_cores=True)) == ["pin_cores"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_total_runs", True),
        ("max_total_runs", 2.5),
        ("max_total_runs", "10"),
        ("max_concurrent_runs", 1.5),
        ("max_duration_minutes", float("nan")),
        ("max_duration_minutes", float("inf")),
        ("max_duration_minutes", "5"),
        ("primary_metric_name", None),
        ("primary_metric_name", 3),
        ("primary_metric_goal", "upwards"),
        ("primary_metric_goal", None),
        ("custom_run_id", ""),
        ("custom_run_id", "a b"),
        ("custom_run_id", "-a"),
        ("custom_run_id", "a/../b"),
        ("custom_run_id", "x" * 129),
        ("run_config", None),
    ],
)
def test_a_wrong_field_names_itself_and_what_was_given(field, value):
    found = problems(sweep, **{field: value})
    assert list(found) == [field]
    assert repr(value) in found[field]


def test_a_message_has_one_line_a_problem():
    with pytest.raises(ConfigError) as caught:
        sweep(max_total_runs=0, primary_metric_name="")
    assert len(str(caught.value).splitlines()) == 2
    assert "max_total_runs: must be a whole number of runs, at least 1, got 0" in str(caught.value)


@pytest.mark.parametrize("fields", [{}, {"arguments": ["--a"]}, {"script": ""}])
def test_a_script_is_needed(fields):
    assert list(problems(ScriptRunConfig, **fields)) == ["script"]


def test_a_command_takes_the_place_of_script_and_arguments():
    assert "command" in problems(ScriptRunConfig, command="t", script="t.py")
    assert "command" in problems(ScriptRunConfig, command="t", arguments=["a"])


def test_arguments_with_an_open_quote_are_refused():
    assert "give a list" in problems(ScriptRunConfig, script="t.py", arguments="--a 'b")["arguments"]


@pytest.mark.parametrize("where", ["command", "arguments"])
def test_a_placeholder_that_the_space_does_not_know_is_refused(where):
    words = ["t", "${{search_space.rl}}"]
    script = (
        ScriptRunConfig(command=words) if where == "command" else ScriptRunConfig(script="t", arguments=words)
    )
    found = problems(sweep, run_config=script)
    assert "'rl'" in found[f"run_config.{where}"] and "lr" in found[f"run_config.{where}"]


def test_a_placeholder_may_name_a_conditional_parameter():
    space = {"net": choice({"depth": choice(1, 2)}, {"width": choice(3, 4)})}
    script = ScriptRunConfig(command=["t", "${{search_space.depth}}", "${{search_space.width}}"])
    sweep(hyperparameter_sampling=RandomParameterSampling(space), run_config=script)


@pytest.mark.parametrize("goal", ["maximize", "MAXIMIZE", "Maximize"])
def test_a_goal_may_be_a_word(goal):
    assert sweep(primary_metric_goal=goal).primary_metric_goal is PrimaryMetricGoal.MAXIMIZE


# ---------------------------------------------------------------- limits, names, seeds


@pytest.mark.parametrize("nothing", [None, 0])
def test_without_a_number_as_many_runs_run_as_the_machine_can(nothing):
    assert sweep(max_concurrent_runs=nothing).limits(machine=3).max_concurrent_runs == 3


def test_hyperdrives_caps_do_not_bind():
    limits = sweep(max_total_runs=100_000, max_concurrent_runs=5_000, max_duration_minutes=1e6).limits(
        machine=2
    )
    assert (limits.max_total_runs, limits.max_concurrent_runs, limits.max_duration) == (100_000, 5_000, 6e7)


def test_no_time_limit_is_none():
    script = ScriptRunConfig(script="t.py", max_run_duration_seconds=None, grace_seconds=3)
    limits = sweep(max_duration_minutes=None, run_config=script).limits(machine=1)
    assert (limits.max_duration, limits.run_duration, limits.grace) == (None, None, 3)


def test_objects_with_a_name_are_taken_by_their_name():
    script = ScriptRunConfig(
        script="t.py",
        compute_target=SimpleNamespace(name="cpu"),
        environment=SimpleNamespace(
            name="torch",
            environment_variables={"A": "1", "B": "2"},
            python=SimpleNamespace(interpreter_path="/py"),
        ),
        environment_variables={"B": 3},
    )
    assert (script.compute_target, script.environment, script.interpreter) == ("cpu", "torch", "/py")
    assert script.environment_variables == {"A": "1", "B": "3"}


def test_a_seed_is_kept_or_given():
    assert sweep().seeded(7).hyperparameter_sampling.seed == 1
    seedless = sweep(hyperparameter_sampling=RandomParameterSampling({"lr": uniform(0, 1)}))
    assert seedless.seeded(7).hyperparameter_sampling.seed == 7


# ---------------------------------------------------------------- JSON and back

SPACES = RandomParameterSampling(
    {"--lr": loguniform(-6, -1), "n": quniform(1, 9, 2), "k": choice("a b", 3, 0.5, True, None), "c": 4},
    seed=3,
)
CONFIGS = {
    "plain": {},
    "all": {
        "hyperparameter_sampling": SPACES,
        "primary_metric_goal": PrimaryMetricGoal.MINIMIZE,
        "policy": BanditPolicy(slack_factor=0.1, delay_evaluation=3),
        "max_concurrent_runs": 4,
        "max_duration_minutes": None,
        "run_config": ScriptRunConfig(
            "a b/c", script="t.py", arguments=["--x", 1, "y z\n"], environment_variables={"A": "1"},
            max_run_duration_seconds=5, grace_seconds=1, interpreter="/py", environment="e",
            gpus_per_run=0.25, cores_per_run=2, pin_cores=True,
            distributed_job_config=PyTorchConfiguration("gloo", 1),
        ),
    },
    "command": {"run_config": ScriptRunConfig(command="t ${{search_space.lr}} | tee x")},
    "command list": {"run_config": ScriptRunConfig(command=["t", "${{search_space.lr}}", "a b"])},
    "grid": {"hyperparameter_sampling": GridParameterSampling({"k": choice(1, 2)})},
    "sobol": {"hyperparameter_sampling": SobolParameterSampling({"lr": uniform(0, 1)}, seed=5)},
    "none": {"policy": NoTerminationPolicy()},
    "median": {"policy": MedianStoppingPolicy(2, 5)},
    "truncation": {"policy": TruncationSelectionPolicy(20, 1, 5)},
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_survives_json(name):
    config = sweep(**CONFIGS[name])
    text = json.dumps(config.to_json(), allow_nan=False)
    again = HyperDriveConfig.from_json(json.loads(text))
    assert again == config
    assert again.limits(machine=2) == config.limits(machine=2)


def test_a_single_run_is_the_smallest_sweep():
    single = SingleRunConfig(SCRIPT)
    limits = single.limits(machine=8)
    assert limits.max_total_runs == 1 and limits.max_duration is None
    assert single.hyperparameter_sampling.propose(None, 0) == {}
    assert single.hyperparameter_sampling.propose(None, 1) is None
    json.dumps(single.to_json())


# ---------------------------------------------------------------- advice


def test_a_bound_that_was_meant_as_a_value_is_told_with_its_fix():
    config = sweep(hyperparameter_sampling=RandomParameterSampling({"lr": loguniform(1e-5, 1e-1)}))
    (advice,) = config.advice()
    assert "lr" in advice and "1.00001" in advice and "1.105" in advice
    assert "-11.5" in advice  # ln 1e-5 = -11.51...: what was meant


@pytest.mark.parametrize(
    "command",
    [
        "t --lr ${{search_space.lr}}",
        ["t", "${{ search_space.lr }}"],
        "t --lr $AZUREML_SWEEP_lr",
        "t --lr $OVERDRIVE_PARAM_lr",
    ],
)
def test_a_command_that_takes_the_values_needs_no_advice(command):
    assert sweep(run_config=ScriptRunConfig(command=command)).advice() == []


@pytest.mark.parametrize("name", ["lr", "--lr", "--learning-rate"])
def test_a_command_that_never_mentions_a_parameter_is_refused(name):
    sampling = RandomParameterSampling({name: uniform(0, 1)})
    found = problems(
        sweep, hyperparameter_sampling=sampling, run_config=ScriptRunConfig(command="./train.sh")
    )
    assert f"${{{{search_space.{name}}}}}" in found["run_config.command"]
    assert f"$OVERDRIVE_PARAM_{name.lstrip('-').replace('-', '_')}" in found["run_config.command"]


def test_a_program_may_read_the_file_of_all_values():
    script = ScriptRunConfig(command='./train.sh "$OVERDRIVE_PARAMS"')
    assert sweep(run_config=script).advice() == []


def test_the_variable_of_a_name_with_dashes_is_a_mention():
    sampling = RandomParameterSampling({"--learning-rate": uniform(0, 1)})
    script = ScriptRunConfig(command="t --lr $AZUREML_SWEEP_learning_rate")
    assert sweep(hyperparameter_sampling=sampling, run_config=script).advice() == []


def test_hints_of_the_sampling_go_by_the_limits():
    config = sweep(hyperparameter_sampling=BayesianParameterSampling({"x": uniform(0, 1)}), max_total_runs=10)
    (hint,) = config.hints(config.limits(machine=2))
    assert "20 for 1, not 10" in hint and "advice" in hint
    assert sweep(max_total_runs=1).hints(config.limits(machine=2)) == []
