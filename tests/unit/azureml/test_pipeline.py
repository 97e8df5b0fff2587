"""The graph of a v1 pipeline: which steps, in which order, and what is wrong with them."""

from __future__ import annotations

import json

import pytest

from overdrive import ConfigError, HyperDriveConfig, RandomParameterSampling, ScriptRunConfig, uniform
from overdrive.azureml.pipeline.data import (
    OutputFileDatasetConfig,
    PipelineData,
    PipelineParameter,
    TrainingOutput,
    filled,
)
from overdrive.azureml.pipeline.graph import Pipeline, StepSequence
from overdrive.azureml.pipeline.steps import CommandStep, HyperDriveStep, PythonScriptStep


@pytest.fixture
def script(tmp_path):
    """Makes steps whose script is there."""
    (tmp_path / "t.py").touch()

    def step(name, **more):
        return PythonScriptStep("t.py", name, source_directory=str(tmp_path), **more)

    return step


def order(steps, **more):
    return [step.name for step in Pipeline(None, steps, **more).steps]


def sweep(folder, arguments):
    return HyperDriveConfig(
        run_config=ScriptRunConfig(str(folder), script="t.py", arguments=arguments),
        hyperparameter_sampling=RandomParameterSampling({"x": uniform(0, 1)}),
        primary_metric_name="acc",
        primary_metric_goal="MAXIMIZE",
        max_total_runs=2,
    )


def test_a_step_runs_after_those_that_it_takes_from(script, tmp_path):
    data, model = PipelineData("data"), PipelineData("model", training_output=TrainingOutput("Model"))
    last = script("last", arguments=["--model", model], inputs=[model])
    tuned = HyperDriveStep("tuned", sweep(tmp_path, ["--data", data.as_input("d")]), outputs=[model])
    first = script("first", arguments=[data], outputs=[data])
    assert order([last, tuned, first]) == ["first", "tuned", "last"]
    assert order(last) == ["first", "tuned", "last"]  # what it takes from belongs to it


def test_run_after_and_sequences(script):
    a, b, c, d = (script(name) for name in "abcd")
    a.run_after(c)
    assert order([a, c]) == ["c", "a"]
    assert order(StepSequence([d, [b], c, a])) == ["d", "b", "c", "a"]
    assert order(StepSequence(steps=[b])) == ["b"]


def test_an_output_in_the_arguments_alone_is_one(script, tmp_path):
    folder = OutputFileDatasetConfig("prepared")
    maker = script("maker", arguments=["--out", folder])
    assert maker.outputs == [folder] and folder.producer is maker
    inside = HyperDriveStep("tuned", sweep(tmp_path, ["--out", folder]))
    assert inside.outputs == [folder]


def test_all_mistakes_at_once(script, tmp_path):
    lost, twice = PipelineData("lost"), PipelineData("twice")
    missing = PythonScriptStep("none.py", "missing", source_directory=str(tmp_path), inputs=[lost])
    steps = [missing, script("one", outputs=[twice]), script("two", outputs=[twice])]
    with pytest.raises(ConfigError) as caught:
        Pipeline(None, steps)
    assert [problem.where for problem in caught.value.problems] == [
        "two.outputs", "missing.inputs", "missing.script_name",
    ]  # fmt: skip
    a, b = script("a"), script("b")
    a.run_after(b)
    b.run_after(a)
    with pytest.raises(ConfigError, match=r"steps: wait for one another: (a <- b <- a|b <- a <- b)"):
        Pipeline(None, [a, b])
    for given in ("a word", [3]):
        with pytest.raises(ConfigError, match="must be steps"):
            Pipeline(None, [given])


def test_parameters_have_defaults_and_unknown_ones_are_refused(script):
    pipeline = Pipeline(None, [script("a", arguments=["--n", PipelineParameter("n", 3)])])
    assert pipeline.parameters(None) == {"n": 3} and pipeline.parameters({"n": 5}) == {"n": 5}
    with pytest.raises(ConfigError, match="pipeline_parameters: no step reads m; it has n"):
        pipeline.parameters({"m": 1})


def test_words_become_paths_for_the_place_where_they_stand():
    data = PipelineData("data")
    path = '/a "b" c'
    listed = ScriptRunConfig(
        script="t.py", arguments=["--data", data, f"--in={data}/x", data.as_input("digits")]
    )
    done = filled(listed, lambda kind, name: path)
    assert done.arguments == ("--data", path, f"--in={path}/x", path)
    assert json.loads(done.environment_variables["OVERDRIVE_INPUT_digits"])["path"] == path
    command = filled(ScriptRunConfig(command=f"cat {data}/x"), lambda kind, name: path)
    assert command.command == "cat '/a \"b\" c'/x"


def test_a_step_is_a_script_a_command_or_a_sweep(script, tmp_path):
    step = script("s", params={"a": 1}, outputs=[])
    assert step.script.environment_variables == {"AML_PARAMETER_a": "1"}
    command = CommandStep("echo hi", name="c", runconfig=ScriptRunConfig(str(tmp_path), command="ls"))
    assert (command.script.command, command.script.source_directory) == ("echo hi", str(tmp_path))
    for wrong in (lambda: HyperDriveStep("h", "config"), lambda: script("s", outputs=["text"])):
        with pytest.raises(ConfigError, match="must be"):
            wrong()
    with pytest.raises(ConfigError, match="must be Metrics or Model"):
        TrainingOutput("Both")
