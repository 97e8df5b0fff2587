"""The schema for editors says of a file what reading it says."""

import copy
from pathlib import Path

import jsonschema
import pytest

from overdrive import ConfigError
from overdrive.adapters.document import Document, parse
from overdrive.adapters.json_schema import KINDS, json_schema
from overdrive.adapters.reading import Machine
from overdrive.adapters.sweep_yaml import from_document

FOLDER = Path("/home/ada")
SWEEP = json_schema()
CHECK = jsonschema.Draft202012Validator(SWEEP)

GOOD = """\
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
display_name: lightgbm
experiment_name: iris
tags: {team: blue, year: 2024}
sampling_algorithm: {type: random, seed: 3, rule: sobol}
search_space:
  lr: {type: loguniform, min_value: -6, max_value: -1}
  depth: {type: randint, upper: 9}
  size: {type: quniform, min_value: 1, max_value: 9, q: 2}
  model:
    type: choice
    values:
      - {kernel: {type: choice, values: [rbf, 1, true]}, C: 3}
      - plain
objective: {goal: minimize, primary_metric: loss}
inputs:
  data: {type: uri_file, path: ./iris.csv, mode: ro_mount}
  epochs: 3
outputs:
  model:
  table: {type: uri_file, mode: upload}
trial:
  code: src
  command: p ${{search_space.lr}} $OVERDRIVE_PARAMS
  environment: {image: ubuntu, conda_file: ./conda.yml}
  environment_variables: {SEED: 7}
  distribution: {type: pytorch, process_count_per_instance: 1}
compute: azureml:cpu
resources: {instance_count: 1}
limits: {max_total_trials: 20, max_concurrent_trials: 10, timeout: 7200, trial_timeout: 60.5}
early_termination: {type: bandit, slack_factor: 0.2, evaluation_interval: 2, delay_evaluation: 4}
"""


def changed(path, value):
    """The good file with one value changed (None takes it away)."""
    data = copy.deepcopy(parse(GOOD).data)
    *above, last = path.split(".")
    inner = data
    for key in above:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return data


def test_each_is_a_schema():
    for kind in KINDS:
        jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "sweep"),
        ("trial", "file:./train.yml"),
        ("sampling_algorithm", "bayesian"),
        ("early_termination", {"type": "median_stopping", "delay_evaluation": 5}),
        ("early_termination", {"type": "truncation_selection", "truncation_percentage": 20}),
        ("early_termination", None),
        ("limits", None),
        ("tags.team", 7),
    ],
)
def test_good_files(path, value):
    CHECK.validate(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("objective.goal", "smaller"),
        ("objective", None),
        ("limits.max_total_trials", 0),
        ("limits.max_total_trials", 2.5),
        ("limits.max_trials", 3),
        ("limits.timeout", 0),
        ("search_space.lr.type", "unifrom"),
        ("search_space.lr.min_value", None),
        ("search_space.lr.min_value", "low"),
        ("search_space", {}),
        ("early_termination.slack", 1),
        ("early_termination", {"type": "truncation_selection"}),
        ("sampling_algorithm", "randam"),
        ("inputs.data.type", "uri_fold"),
        ("inputs.data.path", None),
        ("outputs.table.mode", "fly"),
        ("trial.command", None),
        ("trial.cod", "src"),
        ("descripton", "x"),
    ],
)
def test_bad_files_are_refused_by_both(path, value):
    data = changed(path, value)
    assert not CHECK.is_valid(data)
    with pytest.raises(ConfigError):
        from_document(Document(data), FOLDER, Machine(exists=lambda path: True))


def test_a_good_file_is_read():
    data = changed("trial.environment", "azureml:sklearn@latest")
    CHECK.validate(data)
    assert from_document(Document(data), FOLDER, Machine(exists=lambda path: True)).experiment_name == "iris"


def test_components_and_commands():
    component = {
        "type": "command",
        "inputs": {"c": {"type": "number", "default": 1}},
        "command": "p ${{inputs.c}}",
    }
    jsonschema.Draft202012Validator(json_schema("component")).validate(component)
    command = jsonschema.Draft202012Validator(json_schema("command"))
    command.validate({"type": "command", "command": "p", "limits": {"timeout": 3}})
    assert not command.is_valid({"type": "command", "command": "p", "search_space": {}})
