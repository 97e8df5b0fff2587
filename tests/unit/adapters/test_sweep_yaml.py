"""Azure's sweep YAML: what a file means, and what each kind of mistake is told."""

import copy
import datetime
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import overdrive
from overdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    ConfigError,
    GridParameterSampling,
    MedianStoppingPolicy,
    MpiConfiguration,
    PrimaryMetricGoal,
    PyTorchConfiguration,
    RandomParameterSampling,
    SobolParameterSampling,
    TensorflowConfiguration,
    TruncationSelectionPolicy,
    choice,
)
from overdrive.adapters.document import Document, parse, put
from overdrive.adapters.job_file import load
from overdrive.adapters.placeholders import fill
from overdrive.adapters.reading import Machine
from overdrive.adapters.sweep_yaml import from_document, terms

FOLDER = Path("/home/ada/project")

WHOLE = """\
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
display_name: A display name
description: What it is for.
experiment_name: iris-example
tags: {team: blue, year: 2024}
sampling_algorithm:
  type: random
  seed: 11
search_space:
  lr: {type: uniform, min_value: 1e-3, max_value: 0.1}
  boosting:
    type: choice
    values: [gbdt, dart]
objective:
  goal: Minimize
  primary_metric: test-multi_logloss
inputs:
  data: {type: uri_folder, path: data, mode: ro_mount}
  epochs: 3
outputs:
  model:
trial:
  code: src
  command: >-
    python main.py --data ${{inputs.data}} --epochs ${{ inputs.epochs }}
    --lr ${{search_space.lr}} --boosting ${{inputs.boosting}}
  environment: azureml:lightgbm-env@latest
  environment_variables: {SEED: 7, VERBOSE: true}
compute: azureml:cpu-cluster
limits: {max_total_trials: 20, max_concurrent_trials: 10, timeout: 7200, trial_timeout: 600}
early_termination: {type: bandit, slack_factor: 0.2, evaluation_interval: 2, delay_evaluation: 4}
"""

MINIMAL = {
    "type": "sweep",
    "search_space": {"lr": {"type": "uniform", "min_value": 0, "max_value": 1}},
    "objective": {"goal": "maximize", "primary_metric": "acc"},
    "trial": {"command": "python t.py ${{search_space.lr}}", "code": "src"},
}


def read(data, *settings, exists=lambda path: True):
    """A sweep file from text or data, in a folder where everything exists."""
    document = parse(data) if isinstance(data, str) else Document(copy.deepcopy(data))
    put(document, settings)
    return from_document(document, FOLDER, Machine(exists=exists))


def problems(data, *settings, **options):
    """{where: what} of a file that is refused."""
    with pytest.raises(ConfigError) as caught:
        read(data, *settings, **options)
    return {problem.where: problem.what for problem in caught.value.problems}


def changed(**sections):
    """The smallest file, with these sections in place of its own; None leaves one out."""
    return {key: value for key, value in {**MINIMAL, **sections}.items() if value is not None}


def space(**laws):
    return changed(search_space=laws, trial={"command": "python t.py $OVERDRIVE_PARAMS", "code": "src"})


def law(**keys):
    """The law that one entry means."""
    return read(space(x=keys)).config.hyperparameter_sampling.space.parameters["x"]


class TestAWholeFile:
    file = read(WHOLE)
    config = file.config

    def test_names(self):
        assert self.file.experiment_name == "iris-example"
        assert self.file.display_name == "A display name"
        assert self.file.description == "What it is for."
        assert self.file.tags == {"team": "blue", "year": "2024"}

    def test_what_is_tried(self):
        expected = RandomParameterSampling(
            {"lr": overdrive.uniform(0.001, 0.1), "boosting": choice("gbdt", "dart")}, seed=11
        )
        assert self.config.hyperparameter_sampling == expected
        assert self.config.hyperparameter_sampling.seed == 11

    def test_what_counts_and_what_stops(self):
        assert self.config.primary_metric_name == "test-multi_logloss"
        assert self.config.primary_metric_goal is PrimaryMetricGoal.MINIMIZE
        assert self.config.policy == BanditPolicy(2, slack_factor=0.2, delay_evaluation=4)

    def test_limits_to_the_second(self):
        assert self.config.max_total_runs == 20
        assert self.config.max_concurrent_runs == 10
        assert self.config.max_duration_minutes == 120
        assert self.config.run_config.max_run_duration_seconds == 600
        assert read(MINIMAL, "limits.timeout=90").config.max_duration_minutes == 1.5

    def test_what_is_started(self):
        script = self.config.run_config
        assert script.source_directory == "/home/ada/project/src"
        assert script.command == (
            "python main.py --data /home/ada/project/data --epochs 3 "
            "--lr ${{search_space.lr}} --boosting ${{search_space.boosting}}"
        )
        assert script.environment == "lightgbm-env"
        assert script.environment_variables == {"SEED": "7", "VERBOSE": "true"}

    def test_what_a_cloud_alone_can_do_is_said_to_be_ignored(self):
        file = read(WHOLE + "resources: {instance_count: 2}\nidentity: {type: user_identity}\n")
        assert file.advice == ("identity, resources: ignored on this machine",)
        assert self.config.run_config.compute_target == "cpu-cluster"

    @pytest.mark.parametrize(
        ("keys", "instances", "meant"),
        [
            ({"type": "pytorch", "process_count_per_instance": 2}, 1, PyTorchConfiguration("nccl", 2)),
            ({"type": "PyTorch", "process_count_per_instance": 4}, 2, PyTorchConfiguration("nccl", 8, 2)),
            ({"type": "mpi", "process_count_per_instance": 3}, 2, MpiConfiguration(3, 2)),
            ({"type": "tensorflow", "worker_count": 2}, 1, TensorflowConfiguration(2, 0)),
            ({"type": "tensorflow", "parameter_server_count": 1}, 2, TensorflowConfiguration(2, 1, 2)),
        ],
    )
    def test_several_processes(self, keys, instances, meant):
        more = {"distribution": keys, "resources": {"instance_count": instances}}
        file = read({**MINIMAL, "trial": {**MINIMAL["trial"], **more}})
        found = file.config.run_config.distributed_job_config
        assert (found.kind, found.processes, found.servers, found.nodes) == (
            meant.kind, meant.processes, meant.servers, meant.nodes,
        )  # fmt: skip
        assert not any("resources" in sentence for sentence in file.advice)

    def test_several_processes_that_cannot_be(self):
        uneven = {**MINIMAL["trial"], "distribution": {"type": "tensorflow", "worker_count": 3}}
        found = problems({**MINIMAL, "trial": uneven, "resources": {"instance_count": 2}})
        assert "cannot be shared out evenly over 2 nodes" in found["trial.distribution"]
        none = {**MINIMAL["trial"], "distribution": {"type": "mpi"}, "resources": {"instance_count": 0}}
        found = problems({**MINIMAL, "trial": none})
        assert "at least 1, got 0" in found["trial.resources.instance_count"]

    def test_the_configuration_can_be_stored(self):
        stored = json.loads(json.dumps(self.config.to_json()))
        assert overdrive.HyperDriveConfig.from_json(stored).to_json() == self.config.to_json()


class TestDefaults:
    config = read(MINIMAL).config

    def test_azures_own(self):
        assert self.config.max_total_runs == 1000
        assert self.config.max_concurrent_runs is None
        assert self.config.max_duration_minutes == 60 * 24 * 60  # 60 days
        assert self.config.run_config.max_run_duration_seconds is None
        assert self.config.policy is None
        assert isinstance(self.config.hyperparameter_sampling, RandomParameterSampling)

    def test_the_experiment_is_called_like_the_folder(self):
        assert read(MINIMAL).experiment_name == "project"
        odd = from_document(
            Document(copy.deepcopy(MINIMAL)), Path("/x/my sweep (2)"), Machine(exists=lambda path: True)
        )
        assert odd.experiment_name == "my_sweep_2"

    def test_without_code_the_folder_of_the_file_is_copied_and_that_is_said(self):
        file = read(changed(trial={"command": "python t.py ${{search_space.lr}}"}))
        assert file.config.run_config.source_directory == str(FOLDER)
        assert file.advice[0].startswith("trial.code: is not given")

    def test_null_is_as_if_the_key_were_absent(self):
        assert read({**MINIMAL, "limits": None, "inputs": None, "description": None}).description is None


class TestLaws:
    @pytest.mark.parametrize(
        ("entry", "expected"),
        [
            ({"type": "choice", "values": [1, 0.5, "a", True]}, choice(1, 0.5, "a", True)),
            ({"type": "randint", "upper": 5}, overdrive.randint(5)),
            ({"type": "uniform", "min_value": 0, "max_value": 1}, overdrive.uniform(0, 1)),
            ({"type": "quniform", "min_value": 0, "max_value": 9, "q": 3}, overdrive.quniform(0, 9, 3)),
            ({"type": "loguniform", "min_value": -6, "max_value": -1}, overdrive.loguniform(-6, -1)),
            ({"type": "qloguniform", "min_value": 0, "max_value": 4, "q": 2}, overdrive.qloguniform(0, 4, 2)),
            ({"type": "normal", "mu": 0, "sigma": 1}, overdrive.normal(0, 1)),
            ({"type": "qnormal", "mu": 0, "sigma": 9, "q": 1}, overdrive.qnormal(0, 9, 1)),
            ({"type": "lognormal", "mu": 0, "sigma": 1}, overdrive.lognormal(0, 1)),
            ({"type": "qlognormal", "mu": 3, "sigma": 1, "q": 0.5}, overdrive.qlognormal(3, 1, 0.5)),
            (
                {"type": "loguniform", "min_value": -9, "max_value": -2, "near": "3e-4"},
                overdrive.loguniform(-9, -2).near(3e-4),
            ),
            (
                {"type": "choice", "values": [16, 32], "near": 32},
                overdrive.choice(16, 32).near(32),
            ),
            ({"type": "LogUniform", "min_value": "-6", "max_value": "-1.5"}, overdrive.loguniform(-6, -1.5)),
            ({"type": "log_uniform", "min_value": "1e-2", "max_value": 1}, overdrive.loguniform(0.01, 1)),
        ],
        ids=lambda given: given["type"] if isinstance(given, dict) else "",
    )
    def test_each_type(self, entry, expected):
        assert law(**entry) == expected

    def test_a_mapping_in_a_choice_is_a_branch_with_laws_and_constants(self):
        branch = {"model": "svm", "C": {"type": "uniform", "min_value": 0, "max_value": 1}}
        deep = {"model": "net", "opt": {"type": "choice", "values": [{"m": 0.9}, "adam"]}}
        assert law(type="choice", values=[branch, deep]) == choice(
            {"model": "svm", "C": overdrive.uniform(0, 1)},
            {"model": "net", "opt": choice({"m": 0.9}, "adam")},
        )

    def test_numbers_in_exponent_form_are_numbers(self):
        text = "{type: choice, values: [1e-5, 2E+3, 1.5e3, '1e-5']}"
        document = parse(f"x: {text}")
        assert document.data["x"]["values"] == [1e-5, 2000.0, 1500.0, "1e-5"]

    @pytest.mark.parametrize(
        ("entry", "where", "what"),
        [
            (
                {"type": "unifrom", "min_value": 0},
                "x.type",
                "no law is called 'unifrom'; did you mean 'uniform'?",
            ),
            ({"min_value": 0, "max_value": 1}, "x.type", "is missing; there are choice, randint, uniform"),
            (
                {"type": "uniform", "min_value": 1, "max_value": 2, "near": 3},
                "x.near",
                "must be a number from 1 to 2, as the run gets it, got 3",
            ),
            ({"type": "uniform", "min_value": 1}, "x.max_value", "is missing: uniform needs it"),
            ({"type": "uniform", "min": 1, "max_value": 2}, "x.min", "did you mean 'min_value'?"),
            ({"type": "randint", "upper": 0}, "x.upper", "must be a whole number above 0, got 0"),
            ({"type": "normal", "mu": "a", "sigma": 1}, "x.mu", "must be a number, got 'a'"),
            ({"type": "choice", "values": []}, "x.values", "must be a list of one or more values, got []"),
            ({"type": "choice", "values": [7, 8, 7]}, "x.values.2", "is the same as options[0]"),
            ([1, 2], "x", "must be a law such as {type: choice, values: [1, 2]}, got [1, 2]"),
            (
                {"type": "choice", "values": [{"a": {"type": "normal", "mu": 0}}]},
                "x.values.0.a.sigma",
                "is missing: normal needs it",
            ),
        ],
    )
    def test_a_wrong_one_is_told_where_and_what(self, entry, where, what):
        found = problems(space(x=entry, lr=MINIMAL["search_space"]["lr"]))
        assert list(found) == [f"search_space.{where}"]
        assert what in found[f"search_space.{where}"]

    def test_bounds_that_cross_name_the_line(self):
        text = WHOLE.replace("max_value: 0.1", "max_value: 1e-4")
        (problem,) = problems(text).items()
        assert problem == (
            "search_space.lr.min_value",
            "must be below max_value (0.0001), got 0.001 (line 11, column 23)",
        )


class TestSampling:
    @pytest.mark.parametrize(
        ("given", "expected", "seed"),
        [
            ("random", RandomParameterSampling, None),
            ("grid", GridParameterSampling, None),
            ("sobol", SobolParameterSampling, None),
            ({"type": "bayesian", "seed": 5}, BayesianParameterSampling, 5),
            ({"type": "Random", "seed": "3"}, RandomParameterSampling, 3),
            ({"type": "random", "rule": "sobol", "seed": 4}, SobolParameterSampling, 4),
            ({"type": "random", "rule": "random", "logbase": "e"}, RandomParameterSampling, None),
        ],
    )
    def test_each_form(self, given, expected, seed):
        data = space(x={"type": "choice", "values": [1, 2]})
        sampling = read({**data, "sampling_algorithm": given}).config.hyperparameter_sampling
        assert type(sampling) is expected
        assert sampling.seed == seed

    @pytest.mark.parametrize(
        ("given", "where", "what"),
        [
            ({"type": "bayesan"}, ".type", "did you mean 'bayesian'?"),
            ("randum", "", "no sampling is called 'randum'; did you mean 'random'?"),
            ({"type": "random", "rule": "halton"}, ".rule", "must be random or sobol, got 'halton'"),
            ({"type": "random", "sed": 1}, ".sed", "did you mean 'seed'?"),
            ({"type": "random", "seed": "x"}, ".seed", "must be a whole number or None, got 'x'"),
            ({"type": "random", "logbase": 10}, ".logbase", "write the bounds as natural logarithms"),
            (3, "", "must be random, grid, sobol, bayesian, or a mapping with a type, got 3"),
        ],
    )
    def test_a_wrong_one(self, given, where, what):
        found = problems(changed(sampling_algorithm=given))
        assert list(found) == [f"sampling_algorithm{where}"]
        assert what in found[f"sampling_algorithm{where}"]


class TestPolicies:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"type": "bandit", "slack_amount": "0.5"}, BanditPolicy(slack_amount=0.5)),
            ({"type": "median_stopping", "delay_evaluation": 5}, MedianStoppingPolicy(delay_evaluation=5)),
            ({"type": "MedianStopping"}, MedianStoppingPolicy()),
            ("median_stopping", MedianStoppingPolicy()),
            (
                {"type": "truncation_selection", "truncation_percentage": 20, "evaluation_interval": 3},
                TruncationSelectionPolicy(20, evaluation_interval=3),
            ),
            # v2's Python classes write interval 0 for every interval, and 0 for the slack that is not meant.
            (
                {"type": "bandit", "evaluation_interval": 0, "slack_factor": 0.1, "slack_amount": 0},
                BanditPolicy(1, slack_factor=0.1),
            ),
            ({"type": "bandit", "slack_factor": 0, "slack_amount": 0.3}, BanditPolicy(slack_amount=0.3)),
        ],
    )
    def test_each_form(self, given, expected):
        assert read(changed(early_termination=given)).config.policy == expected

    @pytest.mark.parametrize(
        ("given", "where", "what"),
        [
            ({"type": "bandits", "slack_factor": 1}, "type", "did you mean 'bandit'?"),
            ({"slack_factor": 1}, "type", "is missing"),
            ({"type": "bandit"}, "slack_factor", "give it, or slack_amount; neither was given"),
            ({"type": "bandit", "slack_factor": 1, "slack_ammount": 1}, "slack_ammount", "did you mean"),
            ({"type": "truncation_selection"}, "truncation_percentage", "is missing"),
            ({"type": "median_stopping", "evaluation_interval": 1.5}, "evaluation_interval", "got 1.5"),
        ],
    )
    def test_a_wrong_one(self, given, where, what):
        found = problems(changed(early_termination=given))
        assert list(found) == [f"early_termination.{where}"]
        assert what in found[f"early_termination.{where}"]


class TestInputsAndOutputs:
    def command(self, command, **sections):
        data = changed(trial={"command": command + " ${{search_space.lr}}", "code": "src"}, **sections)
        return read(data).config.run_config.command.removesuffix(" ${{search_space.lr}}")

    def test_a_literal_arrives_whole_wherever_it_stands(self):
        inputs = {"x": 'two words, "q" and $HOME'}
        for command in ("p ${{inputs.x}}", "p '${{inputs.x}}'"):
            assert shlex.split(self.command(command, inputs=inputs)) == ["p", inputs["x"]]
        assert self.command('p "${{inputs.x}}"', inputs=inputs) == 'p "two words, \\"q\\" and \\$HOME"'

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.sampled_from(["{}", "'{}'", "a{}b"]))
    @settings(max_examples=50, deadline=None)
    def test_any_literal_arrives_whole(self, value, form):
        command, faults = fill("p " + form.format("${{inputs.x}}"), {"x": value}, {}, [])
        assert not faults
        assert shlex.split(command) == ["p", form.strip("'").format(value)]

    def test_the_swept_value_beats_an_input_of_its_name(self):
        assert self.command("p ${{ inputs.lr }}", inputs={"lr": 3}) == "p ${{search_space.lr}}"

    def test_an_output_is_a_folder_of_the_run_that_is_there_before_the_command(self):
        found = self.command(
            "p ${{outputs.m}}/x ${{outputs.f}}", outputs={"m": None, "f": {"type": "uri_file"}}
        )
        assert found == "mkdir -p outputs/m\np outputs/m/x outputs/f"

    def test_data_may_be_anywhere_on_this_machine(self):
        for path, found in {
            "file:../iris.csv": "/home/ada/iris.csv",
            "/data/iris.csv": "/data/iris.csv",
            "./iris.csv": "/home/ada/project/iris.csv",
        }.items():
            assert (
                self.command("p ${{inputs.d}}", inputs={"d": {"type": "uri_file", "path": path}})
                == f"p {found}"
            )

    def test_the_workspace_knows_where_azures_data_are(self):
        machine = Machine(
            exists=lambda path: True,
            data={"iris:2": "/data/two", "iris": "/data/iris", "web": "https://h/x.csv"},
            download=lambda address: Path("/kept") / address[-5:],
        )
        for path, found in {
            "azureml:iris:1": "/data/iris",
            "azureml:iris@latest": "/data/iris",
            "azureml:iris:2": "/data/two",
            "azureml:web:1": "/kept/x.csv",
            "https://h/y.csv": "/kept/y.csv",
        }.items():
            data = changed(
                inputs={"d": {"path": path}},
                trial={"command": "p ${{inputs.d}} ${{inputs.lr}}", "code": "src"},
            )
            file = from_document(Document(data), FOLDER, machine)
            assert file.config.run_config.command == f"p {found} ${{{{search_space.lr}}}}"
        assert file.downloads == {"https://h/y.csv": Path("/kept/y.csv")}

    @pytest.mark.parametrize("path", ["azureml:iris:1", "https://host/iris.csv", "wasbs://a@b/iris.csv"])
    def test_data_elsewhere_says_how_to_name_them_here(self, path):
        found = problems(changed(inputs={"d": {"type": "uri_file", "path": path}}))
        assert "--set inputs.d.path=" in found["inputs.d.path"]
        read(changed(inputs={"d": {"type": "uri_file", "path": path}}), "inputs.d.path=./iris.csv")

    def test_what_is_not_there(self):
        found = problems(changed(inputs={"d": {"path": "x"}}), exists=lambda path: False)
        assert found == {
            "trial.code": "there is nothing at '/home/ada/project/src'",
            "inputs.d.path": "there is nothing at '/home/ada/project/x'",
        }

    def test_unknown_placeholders(self):
        branches = {"type": "choice", "values": [{"a": 1}, {"b": 2}]}
        (what,) = problems(
            changed(search_space={"x": branches}, trial={"command": "${{search_space.x}}", "code": "s"})
        ).values()
        assert what == "${{search_space.x}} is not in search_space; it has a, b"
        (what,) = problems(changed(trial={"command": "p ${{inputs.epoch}}", "code": "s"})).values()
        assert what == "${{inputs.epoch}} is not in inputs; it has lr"
        with pytest.raises(ConfigError) as caught:
            read(changed(trial={"command": "${{search_space.a}} ${{outputs.b}} ${{parent.c}}", "code": "s"}))
        assert [problem.what for problem in caught.value.problems] == [
            "${{search_space.a}} is not in search_space; it has lr",
            "${{outputs.b}} is not in outputs; it is empty",
            "${{parent.c}} is not known; there are inputs.x, outputs.x and search_space.x",
        ]


class TestEnvironment:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("local", None),
            (None, None),
            ("azureml:sklearn:7", "sklearn"),
            ("azureml:sklearn@latest", "sklearn"),
            ("azureml://registries/azureml/environments/sklearn-1.5/labels/latest", "sklearn-1.5"),
            ("my-env", "my-env"),
            ({"image": "python:3.11"}, None),
        ],
    )
    def test_the_bare_name(self, given, name):
        data = changed(trial={**MINIMAL["trial"], "environment": given})
        file = read(data)
        assert file.config.run_config.environment == name
        assert bool(file.advice) is isinstance(given, dict)  # names are looked up at submit

    @pytest.mark.parametrize(
        ("given", "pip"),
        [
            ({"conda_file": {"dependencies": ["python=3.11", {"pip": ["numpy==2.0"]}]}}, ["numpy==2.0"]),
            ({"name": "e", "image": "x", "pip": ["numpy", "pandas<3"]}, ["numpy", "pandas<3"]),
        ],
    )
    def test_packages_in_the_file(self, given, pip):
        script = read(changed(trial={**MINIMAL["trial"], "environment": given})).config.run_config
        assert script.requirements["pip"] == pip

    def test_files_of_packages(self, tmp_path):
        (tmp_path / "needs.txt").write_text("numpy\n")
        (tmp_path / "conda.yml").write_text("dependencies: [{pip: [scipy]}]\n")
        (tmp_path / "env.yml").write_text("image: ubuntu\nconda_file: conda.yml\n")
        for written, pip in {
            "./needs.txt": "numpy",
            "file:conda.yml": "scipy",
            "file:./env.yml": "scipy",
        }.items():
            document = Document(changed(trial={**MINIMAL["trial"], "environment": written, "code": "."}))
            assert list(from_document(document, tmp_path).config.run_config.requirements["pip"]) == [pip]
        found = problems(
            changed(trial={**MINIMAL["trial"], "environment": "./none.txt"}),
            exists=lambda p: "none" not in str(p),
        )
        assert "there is nothing at" in found["trial.environment"]
        found = problems(changed(trial={**MINIMAL["trial"], "environment": {"conda_file": {"deps": []}}}))
        assert "must be like a conda file" in found["trial.environment.conda_file"]

    def test_an_interpreter(self):
        data = changed(trial={**MINIMAL["trial"], "environment": {"python": "/opt/venv/bin/python"}})
        assert read(data).config.run_config.interpreter == "/opt/venv/bin/python"


class TestMistakes:
    def test_all_of_them_come_at_once_in_the_order_of_the_file(self):
        text = (
            WHOLE.replace("goal: Minimize", "goal: smaller")
            .replace("type: random", "type: randam")
            .replace("max_total_trials: 20", "max_total_trials: 0")
            .replace("experiment_name: iris", "experiment_name: my iris")
            .replace("slack_factor: 0.2", "slack_factor: -0.2")
            .replace("description:", "descripton:")
        )
        assert list(problems(text).items()) == [
            ("descripton", "there is no such key; did you mean 'description'? (line 4, column 1)"),
            (
                "experiment_name",
                "must be letters, digits, _ and -, at most 255 in all, got 'my iris-example' (line 5, column 1)",
            ),
            (
                "sampling_algorithm.type",
                "no sampling is called 'randam'; did you mean 'random'? (line 8, column 3)",
            ),
            ("objective.goal", "must be 'minimize' or 'maximize', got 'smaller' (line 16, column 3)"),
            ("limits.max_total_trials", "must be 1 or more, got 0 (line 31, column 10)"),
            ("early_termination.slack_factor", "must be a finite number >= 0, got -0.2 (line 32, column 35)"),
        ]

    def test_nothing_but_the_type(self):
        found = problems({"type": "sweep"})
        assert list(found) == ["search_space", "objective", "trial"]
        assert all(what.startswith("is missing: write ") for what in found.values())

    @pytest.mark.parametrize(
        ("sections", "where", "what"),
        [
            ({"type": None}, "type", "is missing: write type: sweep"),
            ({"type": "automl"}, "type", "must be sweep, pipeline or command, got 'automl'"),
            ({"trial": "azureml:train:1"}, "trial", "is a component that Azure keeps"),
            ({"trial": "file:./none.yml"}, "trial", "none.yml: there is no such file"),
            ({"trial": {"code": "src"}}, "trial.command", "is missing"),
            ({"trial": {"command": "  "}}, "trial.command", "must not be empty"),
            (
                {"trial": {"command": "p", "distribution": {"type": "mpi2"}}},
                "trial.distribution.type",
                "must be 'pytorch', 'mpi' or 'tensorflow', got 'mpi2'",
            ),
            (
                {"trial": {"command": "p", "code": "azureml:code:1"}},
                "trial.code",
                "must be a folder on this machine",
            ),
            (
                {"objective": {"goal": "maximize"}},
                "objective.primary_metric",
                "write the name that the script logs",
            ),
            ({"objective": ["acc"]}, "objective", "must be a mapping (`key: value` lines), got ['acc']"),
            ({"limits": {"timeout": "soon"}}, "limits.timeout", "must be a number, got 'soon'"),
            ({"limits": {"timeout": 0}}, "limits.timeout", "must be above 0, got 0"),
            (
                {"limits": {"max_total_trials": 2.5}},
                "limits.max_total_trials",
                "must be a whole number, got 2.5",
            ),
            ({"limits": {"max_trials": 2}}, "limits.max_trials", "did you mean 'max_total_trials'?"),
            ({"search_space": {}}, "search_space", "must be a mapping of names to laws, got {}"),
            (
                {"inputs": {"x": [1]}},
                "inputs.x",
                "must be text, a number, true or false, or {type, path}, got [1]",
            ),
            ({"inputs": {"x": {"type": "uri_fold", "path": "d"}}}, "inputs.x.type", "got 'uri_fold'"),
            ({"tags": "blue"}, "tags", "must be a mapping"),
        ],
    )
    def test_one(self, sections, where, what):
        found = problems(changed(**sections))
        assert where in found
        assert what in found[where]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "the file: is empty"),
            ("# only a comment\n", "the file: is empty"),
            ("- a\n- b\n", "the file: must be a mapping (`key: value` lines), is a list"),
            ("sweep", "the file: must be a mapping (`key: value` lines), is a single value"),
            ("a: [1, 2\nb: 3\n", "the file: is not YAML in line 2, column 2"),
            (
                "a: 1\n\tb: 2\n",
                "the file: is not YAML in line 2, column 1: a tab cannot indent a line; use blanks",
            ),
            (
                "a: {b: 1,\nc: 2\nd: 3\n",
                "the file: is not YAML in line 3, column 2: while parsing a flow mapping, expected ',' or '}', but",
            ),
            (
                "a: 1\nb: é\x00\n",
                r"the file: is not YAML in line 2, column 5: a text holds no character '\x00'",
            ),
            ("a: " + "[" * 3000, "the file: is nested too deeply"),
            ("a: !!python/object:os.system x\n", "the file: is not YAML in line 1, column 4"),
            ("a: 1\n---\nb: 1\n", "the file: is not YAML in line 2"),
            ("a: \x07\n", "the file: is not YAML"),
            ("? [1, 2]\n: 3\n", "a key must be a word, got a list or a mapping in line 1"),
            ("a: &a\n  b: *a\n", "a.b: refers to itself (line 2, column 3)"),
            ("a: 2024-02-31\n", "the file: cannot be read: day is out of range for month"),
        ],
    )
    def test_no_yaml_at_all_is_one_line(self, text, message):
        with pytest.raises(ConfigError) as caught:
            read(text)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)

    def test_a_bracket_that_is_left_open_is_told_by_its_place(self):
        with pytest.raises(ConfigError, match=r"but got ':' \(it begins in line 1, column 4\)"):
            read("a: {b: 1,\nc: 2\nd: 3\n")

    def test_a_space_that_cannot_be_read_is_not_told_twice(self):
        assert set(problems(changed(search_space=["lr"]))) == {"search_space"}
        assert set(problems(space(lr={"type": "choice", "values": []}))) == {"search_space.lr.values"}

    def test_single_braces_are_azures_old_form(self):
        trial = {
            "command": "p {inputs.a} ${{search_space.x}} {search_space.x} {other} ${inputs.a}",
            "code": "src",
        }
        file = read(
            changed(trial=trial, inputs={"a": 3}, search_space={"x": {"type": "randint", "upper": 3}})
        )
        assert file.config.run_config.command == (
            "p 3 ${{search_space.x}} ${{search_space.x}} {other} ${inputs.a}"
        )
        assert any("is an old form and read as ${{inputs.x}}" in sentence for sentence in file.advice)

    def test_a_date_where_text_is_meant(self):
        told = problems(changed(description=datetime.date(2024, 1, 1)))
        assert "quotes keep it as text" in told["description"]

    def test_the_pattern_of_the_metric(self):
        objective = {"goal": "minimize", "primary_metric": "loss", "metric_pattern": r"loss is (\S+)"}
        assert read(changed(objective=objective)).config.metric_pattern == r"loss is (\S+)"
        told = problems(changed(objective={**objective, "metric_pattern": "no group"}))
        assert set(told) == {"objective.metric_pattern"}

    def test_a_key_that_stands_twice(self):
        text = WHOLE + "compute: local\n"
        assert problems(text) == {"compute": "stands twice, in lines 30 and 33; keep one (line 33, column 1)"}

    def test_files_that_cannot_be_read(self, tmp_path):
        with pytest.raises(overdrive.OverdriveError, match="there is no such file"):
            load(tmp_path / "none.yml")
        with pytest.raises(ConfigError, match="is a folder"):
            load(tmp_path)
        (tmp_path / "latin.yml").write_bytes(b"type: sw\xe9ep\n")
        with pytest.raises(ConfigError, match="is not UTF-8 text in line 1, column 9; save it as UTF-8"):
            load(tmp_path / "latin.yml")

    @given(
        st.dictionaries(
            st.sampled_from(
                [*MINIMAL, "limits", "inputs", "outputs", "early_termination", "sampling_algorithm"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["type", "values", "lr", "path", "command", "goal", "timeout"]), inner
                    )
                ),
                max_leaves=6,
            ),
        )
    )
    @settings(max_examples=150, deadline=None)
    def test_nonsense_is_refused_never_a_crash(self, sections):
        try:
            read(changed(**sections))
        except ConfigError as error:
            assert all(problem.where and problem.what for problem in error.problems)


class TestAdvice:
    def test_words_that_yaml_takes_for_something_else(self):
        text = WHOLE.replace("[gbdt, dart]", "[no, 'off', 1:30, 010, plain]")
        advice = [line for line in read(text).advice if line.startswith("search_space")]
        assert advice == [
            (
                "search_space.boosting.values.0: no is read as false; "
                "write 'no' in quotes for the text (line 14, column 14)"
            ),
            (
                "search_space.boosting.values.2: 1:30 is read as a number in base 60; "
                "write '1:30' in quotes for the text (line 14, column 25)"
            ),
            (
                "search_space.boosting.values.3: 010 is read as the octal number 8; "
                "write '010' in quotes for the text (line 14, column 31)"
            ),
        ]

    def test_a_date_among_the_values_is_refused(self):
        text = WHOLE.replace("[gbdt, dart]", "[gbdt, 2024-01-31]")
        assert "write '2024-01-31' in quotes" in problems(text)["search_space.boosting.values.1"]

    def test_local_compute_needs_no_word(self):
        assert read(changed(compute="local")).advice == ()
        assert read(changed(compute="azureml:gpu", resources={"instance_count": 1})).advice == (
            "resources: ignored on this machine",
        )

    def test_our_own_words_become_those_of_the_file(self):
        assert terms("run_config.command: never mentions lr") == "trial.command: never mentions lr"
        assert terms("source_directory: there is no folder 'x'") == "trial.code: there is no folder 'x'"
        assert terms("lr: looks odd") == "lr: looks odd"


class TestSettings:
    def test_they_go_over_the_file(self):
        file = read(
            WHOLE,
            "limits.max_total_trials=10",
            "search_space.lr.max_value=1e-1",
            "search_space.boosting.values[1]=goss",
            "inputs.epochs=8",
            "tags.note='a: b'",
        )
        assert file.config.max_total_runs == 10
        assert file.config.hyperparameter_sampling.space.parameters["boosting"] == choice("gbdt", "goss")
        assert file.tags["note"] == "a: b"
        assert "--epochs 8" in file.config.run_config.command

    def test_sections_are_made_where_there_are_none(self):
        config = read(MINIMAL, "limits.max_total_trials=5", "sampling_algorithm.seed=4").config
        assert config.max_total_runs == 5
        assert config.hyperparameter_sampling.seed == 4
        shorthand = read(changed(sampling_algorithm="sobol"), "sampling_algorithm.seed=4").config
        assert shorthand.hyperparameter_sampling == SobolParameterSampling(
            {"lr": overdrive.uniform(0, 1)}, seed=4
        )

    def test_their_mistakes_are_told_as_theirs(self):
        found = problems(WHOLE, "limits.max_total_trials=0", "limits.max=3")
        assert found == {
            "limits.max_total_trials": "must be 1 or more, got 0 (from --set)",
            "limits.max": found["limits.max"],
        }
        assert found["limits.max"].endswith("(from --set)")

    @pytest.mark.parametrize(
        ("setting", "what"),
        [
            ("max_total_trials", "must look like limits.max_total_trials=10, got 'max_total_trials'"),
            ("a..b=1", "must look like"),
            ("limits.timeout=[1", "the value is not YAML"),
            ("objective.goal.x=1", "objective.goal is 'Minimize', which has no 'x'"),
            ("search_space.boosting.values.7=a", "search_space.boosting.values is a list of 2, so not '7'"),
        ],
    )
    def test_what_cannot_be_set(self, setting, what):
        assert what in " ".join(problems(WHOLE, setting).values())


def test_a_billion_laughs_take_no_time():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert "a39" in problems("\n".join([*lines, "inputs: *a39"]))


class TestBeyondAzure:
    def test_limits_retries_and_what_is_resumed(self):
        file = read(
            changed(
                limits={"max_retries": {"exit": 1}, "max_cost": 3, "price_per_hour": "1.5"},
                resume_from="HD_1",
                resume_child_runs=["HD_1_0", "HD_1_2"],
                resume_defaults={"lr": 0.1},
                trial={
                    **MINIMAL["trial"],
                    "grace_seconds": 5,
                    "memory_limit_mb": 800,
                    "gpus_per_run": "0.5",
                    "cores_per_run": 2,
                    "pin_cores": True,
                },
            )
        )
        config = file.config
        assert (config.retries.exit, config.retries.lost) == (1, 2)
        assert (config.max_cost, config.price_per_hour) == (3, 1.5)
        assert (file.resume_from, file.resume_child_runs) == (("HD_1",), ("HD_1_0", "HD_1_2"))
        assert config.resume_defaults == {"lr": 0.1}
        script = config.run_config
        assert (script.grace_seconds, script.memory_limit_mb) == (5, 800)
        assert (script.gpus_per_run, script.cores_per_run, script.pin_cores) == (0.5, 2, True)

    def test_their_mistakes_have_places_too(self):
        with pytest.raises(ConfigError) as caught:
            read(changed(limits={"max_retries": {"exitt": 1}, "max_cost": 3}))
        assert "limits.max_retries.exitt: is no cause" in str(caught.value)
        assert "limits.price_per_hour: must be the price" in str(caught.value)
        with pytest.raises(ConfigError, match=r"trial\.gpus_per_run: must be a whole number of GPUs or"):
            read(changed(trial={**MINIMAL["trial"], "gpus_per_run": 1.5}))
