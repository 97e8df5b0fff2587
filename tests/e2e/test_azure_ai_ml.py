"""The notebooks of Azure ML v2 as scripts, in our own words with their calls and shapes, with no Azure installed."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

PRELUDE = """\
from azure.ai.ml import MLClient, Input, Output, automl, command, load_job
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import AmlCompute, Data, Environment, Model
from azure.ai.ml.sweep import BanditPolicy, Choice, MedianStoppingPolicy, Uniform
from azure.identity import DefaultAzureCredential, InteractiveBrowserCredential

try:
    credential = DefaultAzureCredential()
    credential.get_token("https://management.azure.com/.default")
except Exception:
    credential = InteractiveBrowserCredential()
ml_client = MLClient(credential, subscription_id="0", resource_group_name="rg", workspace_name="ws")
"""

TRAIN = """\
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--data")
parser.add_argument("--c", type=float)
parser.add_argument("--kernel")
parser.add_argument("--model")
args = parser.parse_args()
rows = len(open(args.data).readlines())
for epoch in range(3):
    print(f"loss={args.c / (epoch + 1)}")
with open(os.path.join(args.model, "m.json"), "w") as file:
    json.dump({"c": args.c, "rows": rows}, file)
"""

SWEEP = """\
ml_client.compute.begin_create_or_update(AmlCompute(name="cpu-cluster", size="STANDARD_D2", max_instances=4)).result()
env = ml_client.environments.create_or_update(Environment(name="iris-env", image="ubuntu"))
data = ml_client.data.create_or_update(Data(name="iris", path="./iris.csv", type=AssetTypes.URI_FILE))

job = command(
    code="./src",
    command="python train.py --data ${{inputs.data}} --c ${{inputs.c}} --kernel ${{ inputs.kernel }}"
    " --model ${{outputs.model}}",
    environment=f"{env.name}:{env.version}",
    inputs={"data": Input(type="uri_file", path="azureml:iris@latest"), "c": 1.0, "kernel": "rbf"},
    outputs={"model": Output(type="uri_folder")},
    compute="cpu-cluster",
    display_name="iris-svm",
    experiment_name="iris-svm",
)
alone = ml_client.create_or_update(job)
ml_client.jobs.stream(alone.name)

job_for_sweep = job(c=Uniform(min_value=0.5, max_value=0.9), kernel=Choice(values=["rbf", "linear"]))
sweep_job = job_for_sweep.sweep(
    compute="cpu-cluster", sampling_algorithm="random", primary_metric="loss", goal="Minimize"
)
sweep_job.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)
sweep_job.early_termination = MedianStoppingPolicy(delay_evaluation=5, evaluation_interval=2)
returned = ml_client.create_or_update(sweep_job)
print(returned.services["Studio"].endpoint)
ml_client.jobs.stream(returned.name)
returned = ml_client.jobs.get(name=returned.name)
assert returned.status == "Completed"
best = returned.properties["best_child_run_id"]
ml_client.jobs.download(returned.name, output_name="model")
model = ml_client.models.create_or_update(
    Model(path=f"azureml://jobs/{best}/outputs/artifacts/paths/model/", name="iris", type="custom_model")
)
trials = list(ml_client.jobs.list(parent_job_name=returned.name))
print(alone.status, best.startswith(returned.name), len(trials), model.version)
"""


SILENT = """\
job = command(command="p", code="src", inputs={"x": 1})(x=Choice([1, 2]))
ml_client.create_or_update(job.sweep(primary_metric="m", goal="minimize"))
"""


def run(folder, driver, *command, **variables):
    """The driver under `overdrive exec`, or with another command."""
    (folder / "driver.py").write_text(PRELUDE + textwrap.dedent(driver))
    env = {k: v for k, v in os.environ.items() if k not in ("OVERDRIVE_HOME", "MLFLOW_TRACKING_URI")}
    return subprocess.run(
        [sys.executable, *(command or ("-m", "overdrive", "exec")), "driver.py"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        env={**env, **variables},
    )


@pytest.fixture
def project(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    (tmp_path / "iris.csv").write_text("1\n2\n3\n")
    return tmp_path


def test_a_notebook_from_its_command_to_its_model(project):
    done = run(project, SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Completed True 4 1"
    found = json.loads((project / "named-outputs" / "model" / "m.json").read_text())
    assert found["rows"] == 3
    assert 0.5 <= found["c"] <= 0.9
    assert json.loads((project / ".overdrive/models/iris/1/model/m.json").read_text()) == found


def test_a_notebook_says_it_in_its_first_line(project):
    (project / "first.py").write_text("import overdrive.azure_ai_ml\nexec(open('driver.py').read())\n")
    done = run(project, "print(ml_client.workspace_name, Uniform(0, 1))", "first.py")
    assert done.stdout == "ws Uniform(min_value=0, max_value=1)\n", done.stderr


def test_where_microsofts_sdk_is_installed_we_step_aside(project, tmp_path_factory):
    installed = tmp_path_factory.mktemp("site") / "azure" / "ai" / "ml"
    installed.mkdir(parents=True)
    site = {"PYTHONPATH": os.pathsep.join([str(installed.parents[2]), os.environ.get("PYTHONPATH", "")])}
    done = run(project, "", **site)
    assert done.returncode == 1
    assert "Microsoft's azure-ai-ml is installed in" in done.stderr
    done = run(project, "print(MLClient.__module__)", OVERDRIVE_AZUREML="replace", **site)
    assert done.stdout == "overdrive.azure_ai_ml.client\n", done.stderr


def test_a_job_file_in_python(project):
    (project / "job.yml").write_text(
        "type: sweep\ntrial:\n  code: src\n"
        "  command: python train.py --data ${{inputs.d}} --c ${{search_space.c}} --model outputs\n"
        "inputs: {d: {type: uri_file, path: iris.csv}}\n"
        "search_space: {c: {type: choice, values: [1, 2]}}\n"
        "objective: {goal: minimize, primary_metric: loss}\n"
    )
    done = run(
        project,
        """\
        job = load_job("job.yml", params_override=[{"limits.max_total_trials": 2}])
        job.display_name = "from a file"
        made = ml_client.jobs.create_or_update(job)
        ml_client.jobs.stream(made.name)
        print(made.status, made.properties["score"])
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"Completed {1 / 3!r}"


COMPONENTS = {
    "train.yml": """
        type: command
        name: train_model
        inputs: {data: {type: uri_file}, c_value: {type: number}, degree: {type: integer, default: 3}}
        outputs: {model_output: {type: uri_folder}, test_data: {type: uri_folder}}
        code: ./train-src
        command: >-
          python train.py ${{inputs.data}} ${{inputs.c_value}} ${{inputs.degree}} ${{outputs.model_output}}
          ${{outputs.test_data}}
        """,
    "predict.yml": """
        type: command
        name: score
        inputs: {model: {type: uri_folder}, test_data: {type: uri_folder}}
        outputs: {predict_result: {type: uri_folder}}
        code: ./predict-src
        command: cat ${{inputs.model}}/c ${{inputs.test_data}}/rows > ${{outputs.predict_result}}/told
        """,
    "train-src/train.py": """
        import sys
        data, c, degree, model, test_data = sys.argv[1:]
        open(model + "/c", "w").write(c + " " + degree + chr(10))
        open(test_data + "/rows", "w").write(open(data).read())
        print("loss =", float(c))
        """,
    "predict-src/.keep": "",
}


def test_a_pipeline_in_python_with_a_sweep_that_feeds_the_step_after_it(project):
    for name, text in COMPONENTS.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(textwrap.dedent(text))
    done = run(
        project,
        """\
        from azure.ai.ml import load_component
        from azure.ai.ml.dsl import pipeline

        train_component_func = load_component(source="./train.yml")
        score_component_func = load_component(source="./predict.yml")

        @pipeline()
        def pipeline_with_hyperparameter_sweep(data, degree):
            train_model = train_component_func(data=data, c_value=Choice([0.5, 0.25]), degree=degree)
            sweep_step = train_model.sweep(primary_metric="loss", goal="minimize", sampling_algorithm="grid")
            sweep_step.set_limits(max_total_trials=2, max_concurrent_trials=2, timeout=7200)
            score_data = score_component_func(model=sweep_step.outputs.model_output,
                                              test_data=sweep_step.outputs.test_data)
            return {"result": score_data.outputs.predict_result}

        job = pipeline_with_hyperparameter_sweep(Input(type="uri_file", path="iris.csv"), degree=5)
        job.settings.default_compute = "local"
        made = ml_client.jobs.create_or_update(job, experiment_name="pipeline_samples")
        ml_client.jobs.stream(made.name)
        ml_client.jobs.download(made.name, output_name="result")
        print(list(made.jobs), made.experiment_name, ml_client.jobs.get(made.name).status)

        @pipeline
        def wrong():
            score_component_func(model=Input(path="iris.csv"))
        try:
            ml_client.jobs.create_or_update(wrong())
        except ValueError as error:
            print(error)
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "['sweep_step', 'score_data'] pipeline_samples Completed" in done.stdout
    assert "jobs.score.inputs.test_data: is missing" in done.stdout
    assert (project / "named-outputs" / "result" / "told").read_text() == "0.25 5\n1\n2\n3\n"


@pytest.mark.parametrize(
    ("driver", "what"),
    [
        (
            "automl.classification(compute='x')",
            "azure.ai.ml.automl.classification: AutoML runs in the cloud only",
        ),
        ("ml_client.online_endpoints", "models are not served from here"),
        ("ml_client.jobs.get('HD_none')", "HD_none"),
        (
            "ml_client.create_or_update(command(command='p ${{inputs.x}}', code='src'))",
            "${{inputs.x}} is not in inputs; it is empty",
        ),
        (
            SILENT,
            "search_space.x: is swept and never reaches the script",
        ),
    ],
)
def test_what_cannot_be(project, driver, what):
    done = run(project, driver)
    assert done.returncode == 1
    assert what in done.stderr.splitlines()[-1]
