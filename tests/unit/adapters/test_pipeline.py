"""Pipelines: what feeds what, in which order, and where each mistake stands."""

from pathlib import Path

import pytest

from overdrive import ConfigError, HyperDriveConfig, ScriptRunConfig, uniform
from overdrive.adapters.document import parse
from overdrive.adapters.pipeline import from_pipeline
from overdrive.adapters.reading import Machine

FOLDER = Path("/home/ada/project")

TEXT = """\
type: pipeline
experiment_name: iris
settings: {default_compute: azureml:cpu}
inputs:
  training: {type: uri_folder, path: ./data}
  low: 0.5
outputs:
  trained:
jobs:
  predict:
    type: command
    component:
      type: command
      inputs: {model: {type: mlflow_model}, test: {type: uri_folder}}
      outputs: {result: {type: uri_folder}}
      command: python predict.py ${{inputs.model}} ${{inputs.test}} ${{outputs.result}}
    inputs:
      model: ${{parent.jobs.search.outputs.model}}
      test: {type: uri_folder, path: "${{parent.jobs.search.outputs.test}}"}
  search:
    type: sweep
    inputs: {data: "${{parent.inputs.training}}", seed: 3}
    outputs:
      model: ${{parent.outputs.trained}}
      test:
    search_space: {C: {type: uniform, min_value: "${{parent.inputs.low}}", max_value: 0.9}}
    objective: {goal: minimize, primary_metric: loss}
    trial:
      code: src
      command: python t.py ${{inputs.data}} ${{inputs.C}} ${{inputs.seed}} ${{outputs.model}} ${{outputs.test}}
"""


def read(text=TEXT, exists=lambda path: True):
    return from_pipeline(parse(text), FOLDER, Machine(exists=exists))


def problems(text, **options):
    with pytest.raises(ConfigError) as caught:
        read(text, **options)
    return {problem.where: problem.what for problem in caught.value.problems}


def test_steps_come_in_the_order_of_what_they_need():
    pipeline = read()
    assert [step.name for step in pipeline.steps] == ["search", "predict"]
    assert pipeline.outputs == {"trained": ("search", "model")}
    assert pipeline.experiment_name == "iris"


def test_the_sweep_takes_the_pipelines_inputs_even_as_a_bound():
    config = read().steps[0].job({}).config
    assert isinstance(config, HyperDriveConfig)
    assert config.hyperparameter_sampling.space.parameters["C"] == uniform(0.5, 0.9)
    assert config.run_config.command == (
        "mkdir -p outputs/model outputs/test\n"
        "python t.py /home/ada/project/data ${{search_space.C}} 3 outputs/model outputs/test"
    )


def test_the_next_step_takes_the_best_runs_outputs():
    config = read().steps[1].job({"search": Path("/runs/HD_1/7")}).config
    assert isinstance(config, ScriptRunConfig)
    assert config.command == (
        "mkdir -p outputs/result\n"
        "python predict.py /runs/HD_1/7/outputs/model /runs/HD_1/7/outputs/test outputs/result"
    )


def test_mistakes_of_all_steps_come_at_once_with_their_places():
    text = (
        TEXT.replace("jobs.search.outputs.test", "jobs.search.outputs.tst")
        .replace("jobs.search.outputs.model", "jobs.serach.outputs.model")
        .replace("goal: minimize", "goal: less")
        .replace("parent.inputs.training", "parent.inputs.trainig")
    )
    assert problems(text) == {
        "jobs.predict.inputs.model": "there is no job 'serach'; there are predict, search (line 18, column 7)",
        "jobs.search.inputs.data": (
            "the pipeline has no input 'trainig'; it has training, low (line 22, column 14)"
        ),
    }
    assert problems(TEXT.replace("goal: minimize", "goal: less")) == {
        "jobs.search.objective.goal": "must be 'minimize' or 'maximize', got 'less' (line 27, column 17)"
    }
    assert problems(TEXT.replace("jobs.search.outputs.test", "jobs.search.outputs.tst")) == {
        "jobs.predict.inputs.test": "search has no output 'tst'; it has model, test (line 19, column 7)"
    }


def test_steps_that_wait_for_one_another():
    text = TEXT.replace("seed: 3}", 'seed: "${{parent.jobs.predict.outputs.result}}"}')
    assert "wait for one another: " in problems(text)["jobs"]
