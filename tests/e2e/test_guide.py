"""The snippets of HyperDrive's own guide, in its order and with only the import lines changed, on a small
training that is real: logistic regression by gradient descent with momentum, in plain Python.

Between the lines `the guide` everything is as the guide writes it, spacing included.
"""

# ruff: noqa: I001
# fmt: off

from __future__ import annotations

import textwrap

import pytest

from overdrive import Environment, Experiment, Run, ScriptRunConfig, Workspace
from overdrive.errors import RunFailed

TRAINING = """
    import argparse, math, os, random

    parser = argparse.ArgumentParser()
    parser.add_argument("--num_epochs", type=int, default=25)
    parser.add_argument("--learning_rate", type=float, default=0.001)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--keep_probability", type=float, default=1.0)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--resume-from", default=None)
    args = parser.parse_args()

    numbers = random.Random(0)
    points = []
    for _ in range(120):
        label = numbers.random() < 0.5
        centre = 1.0 if label else -1.0
        points.append((numbers.gauss(centre, 1.2), numbers.gauss(-centre, 1.2), float(label)))

    from overdrive import Run
    run_logger = Run.get_context()
    weights, speeds = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for epoch in range(args.num_epochs):
        for start in range(0, len(points), args.batch_size):
            slopes = [0.0, 0.0, 0.0]
            for x, y, label in points[start : start + args.batch_size]:
                z = max(-50.0, min(50.0, weights[0] * x + weights[1] * y + weights[2]))
                error = 1 / (1 + math.exp(-z)) - label
                slopes = [slope + error * input for slope, input in zip(slopes, (x, y, 1.0))]
            speeds = [args.momentum * v - abs(args.learning_rate) * s for v, s in zip(speeds, slopes)]
            weights = [w + v for w, v in zip(weights, speeds)]
        right = sum((weights[0] * x + weights[1] * y + weights[2] > 0) == (label > 0.5) for x, y, label in points)
        val_accuracy = right / len(points)
        run_logger.log("accuracy", float(val_accuracy))

    os.makedirs("outputs", exist_ok=True)
    with open(os.path.join("outputs", "model.txt"), "w") as file:
        file.write(repr(weights))
"""


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    folder = tmp_path / "guide"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "pytorch_train.py").write_text(textwrap.dedent(TRAINING))
    monkeypatch.chdir(folder)
    return Workspace.from_config()


def script(*arguments):
    return ScriptRunConfig(
        source_directory="source",
        script="pytorch_train.py",
        arguments=list(arguments),
        compute_target="local",
        environment=Environment("pytorch-env"),
    )


def test_the_guides_own_example(workspace, capsys):
    script_run_config, experiment_name = script("--num_epochs", 12), "pytorch-birds"

    # ---- the guide
    from overdrive import HyperDriveConfig
    from overdrive import RandomParameterSampling, BanditPolicy, uniform, PrimaryMetricGoal

    param_sampling = RandomParameterSampling( {
            'learning_rate': uniform(0.0005, 0.005),
            'momentum': uniform(0.9, 0.99)
        }
    )

    early_termination_policy = BanditPolicy(slack_factor=0.15, evaluation_interval=1, delay_evaluation=10)

    hd_config = HyperDriveConfig(run_config=script_run_config,
                                 hyperparameter_sampling=param_sampling,
                                 policy=early_termination_policy,
                                 primary_metric_name="accuracy",
                                 primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                 max_total_runs=100,
                                 max_concurrent_runs=4)

    experiment = Experiment(workspace, experiment_name)
    hyperdrive_run = experiment.submit(hd_config)
    # ---- a notebook's next line
    hyperdrive_run.wait_for_completion(show_output=True)
    # ---- the guide
    best_run = hyperdrive_run.get_best_run_by_primary_metric()
    best_run_metrics = best_run.get_metrics()
    parameter_values = best_run.get_details()['runDefinition']['Arguments']
    # ----

    assert hyperdrive_run.get_status() == "Completed"
    children = list(hyperdrive_run.get_children())
    assert len(children) == 100
    assert {child.get_status() for child in children} <= {"Completed", "Canceled"}
    assert [parameter_values[place] for place in (0, 1, 2, 4)] == [
        "--num_epochs", "12", "--learning_rate", "--momentum",
    ]
    assert 0.0005 <= float(parameter_values[3]) <= 0.005 and 0.9 <= float(parameter_values[5]) <= 0.99
    # Two clouds 2.8 apart with a spread of 1.2: about 88 % can be told apart.
    assert 0.8 < max(best_run_metrics["accuracy"]) <= 1.0
    best_of_all = max(max(child.get_metrics()["accuracy"]) for child in children[:10])
    assert max(best_run_metrics["accuracy"]) >= best_of_all
    assert "best so far" in capsys.readouterr().out
    model = best_run.register_model(model_name="pytorch-birds", model_path="outputs/model.txt")
    assert (model.name, model.version) == ("pytorch-birds", 1)


def test_the_other_spaces_samplings_and_policies(workspace):
    # ---- the guide
    from overdrive import RandomParameterSampling
    from overdrive import normal, uniform, choice
    param_sampling = RandomParameterSampling( {
            "learning_rate": normal(10, 3),
            "keep_probability": uniform(0.05, 0.1),
            "batch_size": choice(16, 32, 64, 128)
        }
    )
    # ----
    from overdrive import HyperDriveConfig, PrimaryMetricGoal

    hyperdrive_run = Experiment(workspace, "spaces").submit(
        HyperDriveConfig(
            run_config=script("--num_epochs", 2), hyperparameter_sampling=param_sampling,
            primary_metric_name="accuracy", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=4, max_concurrent_runs=2,
        )
    )
    hyperdrive_run.wait_for_completion()
    # ---- the guide
    best_run = hyperdrive_run.get_best_run_by_primary_metric()
    best_run_metrics = best_run.get_metrics()
    parameter_values = best_run.get_details()['runDefinition']['Arguments']

    print('Best Run Id: ', best_run.id)
    print('\n Accuracy:', best_run_metrics['accuracy'])
    print('\n learning rate:',parameter_values[3])
    print('\n keep probability:',parameter_values[5])
    print('\n batch size:',parameter_values[7])
    # ----
    assert 0.05 <= float(parameter_values[5]) <= 0.1 and int(parameter_values[7]) in (16, 32, 64, 128)

    # ---- the guide
    space = {
        "batch_size": choice(16, 32, 64, 128),
        "number_of_hidden_layers": choice(range(1,5))
    }
    from overdrive import GridParameterSampling
    param_sampling = GridParameterSampling( {
            "num_hidden_layers": choice(1, 2, 3),
            "batch_size": choice(16, 32)
        }
    )
    from overdrive import BayesianParameterSampling
    bayesian_sampling = BayesianParameterSampling( {
            "learning_rate": uniform(0.05, 0.1),
            "batch_size": choice(16, 32, 64, 128)
        }
    )
    from overdrive import BanditPolicy
    early_termination_policy = BanditPolicy(slack_factor = 0.1, evaluation_interval=1, delay_evaluation=5)
    from overdrive import MedianStoppingPolicy
    early_termination_policy = MedianStoppingPolicy(evaluation_interval=1, delay_evaluation=5)
    from overdrive import TruncationSelectionPolicy
    early_termination_policy = TruncationSelectionPolicy(
        evaluation_interval=1, truncation_percentage=20, delay_evaluation=5)
    # ----
    assert RandomParameterSampling(space).space.size == 16
    assert param_sampling.space.size == 6  # "this space has six samples"
    assert bayesian_sampling.space.names == ("learning_rate", "batch_size")
    assert early_termination_policy.truncation_percentage == 20


def test_warm_start_and_resumed_runs(workspace):
    from overdrive import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, uniform

    script_run_config, experiment = script("--num_epochs", 3), Experiment(workspace, "warm")
    param_sampling = RandomParameterSampling({"learning_rate": uniform(0.001, 0.01)})
    early_termination_policy = None

    def parent():
        run = experiment.submit(
            HyperDriveConfig(
                run_config=script_run_config, hyperparameter_sampling=param_sampling,
                primary_metric_name="accuracy", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=3,
            )
        )
        run.wait_for_completion()
        return run.id

    warmstart_parent_run_id_1, warmstart_parent_run_id_2 = parent(), parent()
    resume_child_run_id_1 = f"{warmstart_parent_run_id_1}_0"

    # ---- the guide
    from overdrive import HyperDriveRun

    warmstart_parent_1 = HyperDriveRun(experiment, warmstart_parent_run_id_1)
    warmstart_parent_2 = HyperDriveRun(experiment, warmstart_parent_run_id_2)
    warmstart_parents_to_resume_from = [warmstart_parent_1, warmstart_parent_2]

    from overdrive import Run

    resume_child_run_1 = Run(experiment, resume_child_run_id_1)
    child_runs_to_resume = [resume_child_run_1]

    hd_config = HyperDriveConfig(run_config=script_run_config,
                                 hyperparameter_sampling=param_sampling,
                                 policy=early_termination_policy,
                                 resume_from=warmstart_parents_to_resume_from,
                                 resume_child_runs=child_runs_to_resume,
                                 primary_metric_name="accuracy",
                                 primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
                                 max_total_runs=3,
                                 max_concurrent_runs=4)
    # ----
    hyperdrive_run = experiment.submit(hd_config)
    hyperdrive_run.wait_for_completion()
    children = sorted(hyperdrive_run.get_children(), key=lambda child: child.number)
    assert len(children) == 3  # inherited runs are not counted
    resumed = children[0].get_details()
    assert resumed["parameters"] == resume_child_run_1.get_details()["parameters"]
    assert "--resume-from" in resumed["runDefinition"]["arguments"]
    assert "--resume-from" not in children[1].get_details()["runDefinition"]["arguments"]


def test_a_training_that_fails_is_an_error_for_whoever_waits(workspace):
    run = Experiment(workspace, "single").submit(script("--num_epochs", "many"))
    with pytest.raises(RunFailed, match="invalid int value: 'many'"):
        run.wait_for_completion()
    assert Run.get(workspace, run.id).get_status() == "Failed"
