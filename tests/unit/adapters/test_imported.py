"""Other tools' files as ours: a study that Optuna 5.0 wrote, an experiment of Ray 2.60, W&B's and Katib's YAML."""

import math
from pathlib import Path

import pytest
import yaml

from overdrive.adapters import katib, optuna, raytune, wandb
from overdrive.adapters.imported import Asked, law_as_yaml, read, settled, stepped
from overdrive.adapters.job_file import load
from overdrive.errors import ConfigError, NotFound
from overdrive.model.expressions import choice, loguniform, qloguniform, quniform, uniform
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status

DATA = Path(__file__).parents[2] / "data" / "imported"


def test_optuna():
    study = optuna.read(str(DATA / "optuna.db"), Asked(study="digits", metric="val_loss"))
    assert (study.name, study.metric, study.goal) == ("digits", "val_loss", PrimaryMetricGoal.MINIMIZE)
    assert study.space == {
        "lr": loguniform(math.log(1e-5), math.log(0.1)),
        "layers": quniform(1, 8, 1),
        "units": qloguniform(math.log(16), math.log(256), 1),
        "drop": quniform(0.0, 0.5, 0.1),
        "act": choice("relu", "tanh"),
        "wd": uniform(0.0, 1.0),
    }
    assert [trial.status for trial in study.trials] == [
        *[Status.COMPLETED] * 3, Status.CANCELED, Status.FAILED, Status.COMPLETED,
    ]  # fmt: skip
    first = study.trials[0]
    assert first.params["layers"] == 6 and first.params["act"] == "relu"
    # The script reported lr * layers / (i + 1) and returned the last of it.
    whole = first.params["lr"] * 6
    assert first.values == pytest.approx([whole, whole / 2, whole / 3])
    assert first.ended is not None and 0.1 < first.ended - first.started < 60
    assert len(study.trials[3].values) == 2  # pruned at its second report
    assert all(
        study.space[n].contains(settled(v, study.space[n])) for t in study.trials for n, v in t.params.items()
    )


def test_optuna_has_to_be_told_which_study_and_knows_one_goal():
    with pytest.raises(ConfigError, match="--study: is missing: there are digits, two"):
        optuna.read(str(DATA / "optuna.db"), Asked())
    with pytest.raises(ConfigError, match="'two' has 2 objectives"):
        optuna.read(str(DATA / "optuna.db"), Asked(study="two"))
    with pytest.raises(NotFound, match="there are digits, two"):
        optuna.read(str(DATA / "optuna.db"), Asked(study="three"))


def test_optunas_journal_file():
    path = str(DATA / "optuna-journal.log")
    study = optuna.read(path, Asked(study="digits"))
    assert (study.metric, study.goal) == ("val_loss", PrimaryMetricGoal.MINIMIZE)
    assert study.space == {
        "lr": loguniform(math.log(1e-5), math.log(0.1)),
        "layers": quniform(1, 8, 1),
        "act": choice("relu", "tanh"),
        "drop": quniform(0.0, 0.5, 0.1),
    }
    assert [trial.status for trial in study.trials] == [
        *[Status.COMPLETED] * 3, Status.CANCELED, Status.FAILED, Status.COMPLETED,
    ]  # fmt: skip
    enqueued = study.trials[0]
    assert enqueued.params == {"lr": 0.01, "layers": 2, "act": "tanh", "drop": 0.2}
    assert enqueued.values == pytest.approx([0.02, 0.01, 0.02 / 3])
    assert len(study.trials[3].values) == 2 and study.trials[4].values == ()
    assert 0 < enqueued.ended - enqueued.started < 60
    added = optuna.read(path, Asked(study="added"))
    assert (added.goal, added.trials[0].values) == (PrimaryMetricGoal.MAXIMIZE, (0.6, 0.7))
    with pytest.raises(
        ConfigError, match="--study: is missing: there are digits, two, added"
    ):  # one was deleted
        optuna.read(path, Asked())
    with pytest.raises(ConfigError, match="'two' has 2 objectives"):
        optuna.read(path, Asked(study="two"))


def test_a_journal_that_is_being_written_or_is_none(tmp_path):
    text = (DATA / "optuna-journal.log").read_text()
    torn = tmp_path / "torn.log"
    torn.write_text(text[:-30])
    assert not optuna.read(str(torn), Asked(study="added")).trials
    other = tmp_path / "other.log"
    other.write_text('{"loss": 1}\n{"loss": 2}\n')
    with pytest.raises(ConfigError, match="as an Optuna journal: line 1: KeyError"):
        optuna.read(str(other), Asked())


def test_what_is_no_database(tmp_path):
    with pytest.raises(NotFound):
        optuna.read(str(tmp_path / "none.db"), Asked())
    (tmp_path / "text.db").write_text("hello" * 1000)
    with pytest.raises(ConfigError, match="cannot be read as an Optuna database"):
        optuna.read(str(tmp_path / "text.db"), Asked())
    with pytest.raises(ConfigError, match="cannot be read"):
        optuna.read("nosuch://x", Asked())


def test_raytune():
    study = raytune.read(str(DATA / "raytune"), Asked())
    assert (study.metric, study.goal, len(study.trials)) == ("loss", PrimaryMetricGoal.MINIMIZE, 3)
    for trial in study.trials:
        whole = trial.params["lr"] * trial.params["model/layers"]
        assert trial.values == pytest.approx([whole, whole / 2, whole / 3])
        assert all(study.space[name].contains(value) for name, value in trial.params.items())
    assert study.space["act"] == choice("tanh", "relu")
    assert study.space["epochs"] == choice(3)
    assert study.space["model/layers"] == quniform(2, 8, 1)
    assert study.space["lr"].NAME == "loguniform"
    with pytest.raises(ConfigError, match="they reported acc, loss"):
        raytune.read(str(DATA / "raytune"), Asked(metric="los"))
    with pytest.raises(NotFound, match="has no trial"):
        raytune.read(str(DATA), Asked())


WANDB = """\
program: train.py
name: my sweep
method: bayes
metric: {name: val_loss, goal: minimize}
run_cap: 7
parameters:
  lr: {distribution: log_uniform_values, min: 1e-4, max: 0.1}
  decay: {distribution: log_uniform, min: -9, max: -2}
  layers: {min: 1, max: 4}
  drop: {min: 0.0, max: 0.5}
  width: {distribution: q_uniform, min: 8, max: 64, q: 8}
  act: {values: [relu, tanh]}
  noise: {distribution: normal, mu: 0, sigma: 2}
  epochs: {value: 3}
  opt: {parameters: {name: {values: [sgd, adam]}}}
early_terminate: {type: hyperband, min_iter: 3, eta: 2}
"""


def test_wandb(tmp_path):
    (tmp_path / "wandb.yaml").write_text(WANDB)
    spec = wandb.read(str(tmp_path / "wandb.yaml"), Asked())
    (tmp_path / "sweep.yml").write_text(yaml.safe_dump(spec.data))
    (tmp_path / "train.py").touch()
    config = load(tmp_path / "sweep.yml").config
    assert dict(config.hyperparameter_sampling.space.parameters) == {
        "lr": loguniform(math.log(1e-4), math.log(0.1)),
        "decay": loguniform(-9, -2),
        "layers": quniform(1, 4, 1),
        "drop": uniform(0.0, 0.5),
        "width": quniform(8, 64, 8),
        "act": choice("relu", "tanh"),
        "noise": config.hyperparameter_sampling.space.parameters["noise"],
        "opt.name": choice("sgd", "adam"),
    }
    assert config.hyperparameter_sampling.NAME == "bayesian"
    assert (config.primary_metric_name, config.max_total_runs) == ("val_loss", 7)
    assert config.policy.to_json()["eta"] == 2 and config.policy.to_json()["min_interval"] == 3
    command = config.run_config.command
    assert command.startswith("python train.py --lr=${{search_space.lr}}")
    assert command.endswith("--opt.name=${{search_space.opt.name}} --epochs=3")
    assert any("wandb.log" in sentence for sentence in spec.advice)


def test_wandb_tells_all_that_has_no_counterpart(tmp_path):
    (tmp_path / "w.yaml").write_text(
        "method: evolve\nparameters:\n  a: {distribution: beta, min: 0, max: 1}\n  b: 3\n  c: {min: 0}\n"
        "command: ['${program}', '${args_json}']\n"
    )
    with pytest.raises(ConfigError) as error:
        wandb.read(str(tmp_path / "w.yaml"), Asked())
    said = str(error.value)
    for part in ("method: must be one of", "'beta' has no counterpart", "(line 3", "parameters.b", "parameters.c",
                 "program: is", "${args_json}", "metric.name: is missing"):  # fmt: skip
        assert part in said, said


KATIB = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: random}
spec:
  objective: {type: maximize, goal: 0.99, objectiveMetricName: Validation-accuracy}
  algorithm: {algorithmName: tpe}
  parallelTrialCount: 3
  maxTrialCount: 12
  parameters:
    - {name: lr, parameterType: double, feasibleSpace: {min: "0.01", max: "0.03", distribution: logUniform}}
    - {name: num-layers, parameterType: int, feasibleSpace: {min: "2", max: "5"}}
    - {name: momentum, parameterType: double, feasibleSpace: {min: "0.5", max: "0.9", step: "0.1"}}
    - {name: optimizer, parameterType: categorical, feasibleSpace: {list: [sgd, "1"]}}
    - {name: batch, parameterType: discrete, feasibleSpace: {list: ["32", "64"]}}
  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: start_step, value: "5"}]}
  trialTemplate:
    primaryContainerName: training
    trialParameters:
      - {name: learningRate, reference: lr}
      - {name: layers, reference: num-layers}
      - {name: momentum, reference: momentum}
      - {name: optimizer, reference: optimizer}
      - {name: batch, reference: batch}
    trialSpec:
      kind: Job
      spec:
        template:
          spec:
            containers:
              - {name: sidecar, command: [sleep]}
              - name: training
                command: [python3, mnist.py, --note, two words]
                args: ["--lr=${trialParameters.learningRate}", --layers, "${trialParameters.layers}",
                       "${trialParameters.momentum}", "${trialParameters.optimizer}", "${trialParameters.batch}"]
"""


def test_katib(tmp_path):
    (tmp_path / "katib.yaml").write_text(KATIB)
    spec = katib.read(str(tmp_path / "katib.yaml"), Asked())
    (tmp_path / "sweep.yml").write_text(yaml.safe_dump(spec.data))
    config = load(tmp_path / "sweep.yml").config
    assert dict(config.hyperparameter_sampling.space.parameters) == {
        "lr": loguniform(math.log(0.01), math.log(0.03)),
        "num-layers": quniform(2, 5, 1),
        "momentum": quniform(0.5, 0.9, 0.1),
        "optimizer": choice("sgd", "1"),
        "batch": choice(32, 64),
    }
    assert config.primary_metric_goal is PrimaryMetricGoal.MAXIMIZE
    assert config.policy.to_json()["name"] == "median_stopping"
    assert config.run_config.command == (
        "python3 mnist.py --note 'two words' --lr=${{search_space.lr}} --layers ${{search_space.num-layers}}"
        " ${{search_space.momentum}} ${{search_space.optimizer}} ${{search_space.batch}}"
    )
    assert any("tpe has no counterpart" in sentence for sentence in spec.advice)


def test_katib_tells_what_it_cannot_read(tmp_path):
    path = tmp_path / "k.yaml"
    path.write_text("kind: Pod\n")
    with pytest.raises(ConfigError, match="kind: Experiment"):
        katib.read(str(path), Asked())
    path.write_text(KATIB.replace("logUniform", "normal").replace("reference: lr", "reference: rl"))
    with pytest.raises(ConfigError, match=r"(?s)cut off at min and max.*trialParameters.learningRate"):
        katib.read(str(path), Asked())


@pytest.mark.parametrize(
    ("bounds", "law"),
    [
        ((1, 8, 1), quniform(1, 8, 1)),
        ((0.0, 0.5, 0.1), quniform(0.0, 0.5, 0.1)),
        ((1, 8, 2), choice(1, 3, 5, 7)),
        ((0.05, 0.3, 0.1), choice(0.05, 0.15, 0.25)),
        ((3, 3, 1), choice(3)),
    ],
)
def test_steps(bounds, law):
    assert stepped(*bounds) == law


def test_values_settle_on_the_law():
    assert settled(0.30000000000000004, quniform(0, 0.5, 0.1)) == 0.3
    assert settled(0.31, quniform(0, 0.5, 0.1)) == 0.31
    assert settled("a", choice("b")) == "a"
    assert law_as_yaml(choice(1, "a")) == {"type": "choice", "values": [1, "a"]}


@pytest.mark.parametrize("kind", ["optuna", "raytune", "wandb", "katib"])
def test_no_file_is_fatal(kind, tmp_path):
    path = tmp_path / ("study" if kind == "raytune" else "file")
    if kind == "raytune":
        (path / "trial").mkdir(parents=True)
        (path / "trial" / "params.json").write_text("[1]")
        (path / "trial" / "result.json").write_bytes(b'{"loss": 1}\n\xff\n[]\n{"loss"')
        read(kind, str(path), Asked(metric="loss"))
        return
    for text in ["", "a", "a: [", "kind: Experiment\nspec: {objective: 3}", "parameters: [1]", KATIB[:400],
                 WANDB.replace("min_iter: 3", "min_iter: x"), KATIB.replace("Count: 12", "Count: []")]:  # fmt: skip
        path.write_text(text)
        with pytest.raises((ConfigError, NotFound)):
            read(kind, str(path), Asked(metric="loss"))
    with pytest.raises(NotFound, match="there are optuna, raytune, wandb, katib"):
        read("vizier", str(path), Asked())
