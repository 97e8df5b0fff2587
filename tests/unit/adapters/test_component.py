"""Component files: the job reads as if their command stood in it, and mistakes name the file they are in."""

from pathlib import Path

import pytest

from overdrive import ConfigError
from overdrive.adapters.document import parse
from overdrive.adapters.reading import Machine
from overdrive.adapters.sweep_yaml import from_document
from overdrive.errors import NotFound

FOLDER = Path("/home/ada/project")

JOB = """\
type: sweep
trial: file:./parts/train.yml
inputs:
  data: {type: uri_folder, path: data}
search_space:
  c_value: {type: uniform, min_value: 0.5, max_value: 0.9}
  kernel: {type: choice, values: [rbf, linear]}
objective: {goal: minimize, primary_metric: training_f1_score}
"""

COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_model
version: 1
inputs:
  data: {type: uri_folder}
  c_value: {type: number, default: 1.0}
  kernel: {type: string, default: rbf}
  random_state: {type: integer, default: 42}
  note: {type: string, optional: true}
outputs:
  model_output: {type: mlflow_model}
  report: {type: uri_file}
code: ./src
environment: azureml:sklearn:1
command: >-
  python train.py --data ${{inputs.data}} --C ${{inputs.c_value}} --kernel ${{ inputs.kernel }}
  --seed ${{inputs.random_state}} $[[--note ${{inputs.note}}]]
  --model ${{outputs.model_output}} --report ${{outputs.report}}
"""


def read(job=JOB, component=COMPONENT):
    files = {FOLDER / "parts" / "train.yml": component}

    def file(path):
        if path not in files:
            raise NotFound(f"{path}: there is no such file")
        return parse(files[path], str(path))

    return from_document(parse(job), FOLDER, Machine(exists=lambda path: True, read=file))


def problems(**texts):
    with pytest.raises(ConfigError) as caught:
        read(**texts)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_swept_inputs_defaults_and_optional_parts():
    script = read().config.run_config
    assert script.source_directory == "/home/ada/project/parts/src"
    assert " ".join(script.command.split()) == (
        "mkdir -p outputs/model_output python train.py --data /home/ada/project/data "
        "--C ${{search_space.c_value}} --kernel ${{search_space.kernel}} --seed 42 "
        "--model outputs/model_output --report outputs/report"
    )


def test_an_optional_input_that_is_given_keeps_its_part():
    command = read(JOB.replace("inputs:\n", "inputs:\n  note: two words\n")).config.run_config.command
    assert "--note 'two words'" in command


def test_mistakes_name_the_file_in_which_they_stand():
    assert problems(component=COMPONENT.replace("code: ./src", "cod: ./src")) == {
        "trial.cod": "there is no such key; did you mean 'code'? (train.yml, line 14, column 1)"
    }
    assert problems(component=COMPONENT.replace("inputs.kernel }}", "inputs.kernl }}"))["trial.command"] == (
        "${{inputs.kernl}} is not in inputs; it has c_value, kernel, data, random_state, note "
        "(train.yml, line 16, column 1)"
    )


def test_what_the_component_does_not_declare():
    assert problems(job=JOB.replace("  data:", "  dta: 1\n  data:").replace("kernel:", "krnel:")) == {
        "inputs.dta": (
            "the component has no such input; it has data, c_value, kernel, random_state, note "
            "(line 4, column 3)"
        ),
        "search_space.krnel": (
            "the component has no such input; it has data, c_value, kernel, random_state, note "
            "(line 8, column 3)"
        ),
    }


def test_an_input_without_default_must_be_given():
    job = JOB.replace("inputs:\n  data: {type: uri_folder, path: data}\n", "")
    assert problems(job=job) == {"inputs.data": "is missing: trial needs it"}


def test_a_component_that_is_no_command():
    (what,) = problems(component=COMPONENT.replace("type: command", "type: pipeline")).values()
    assert what == "must be 'command', got 'pipeline' (train.yml, line 2, column 1)"


def test_a_swept_input_that_the_command_forgets():
    found = problems(component=COMPONENT.replace("--C ${{inputs.c_value}} ", ""))
    assert list(found) == ["search_space.c_value"]
    assert "${{inputs.c_value}}" in found["search_space.c_value"]
