"""The example of Microsoft's guide to tuning hyperparameters, with only its import lines changed.

Run it with `python examples/guide/tune.py`: 100 runs, 4 at a time, of the digits training beside it.
"""

from pathlib import Path

from overdrive import (
    BanditPolicy,
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)

workspace = Workspace.from_config()
script_run_config = ScriptRunConfig(
    source_directory=str(Path(__file__).parents[1] / "digits"),
    script="train.py",
    arguments=["--epochs", 15],
)

param_sampling = RandomParameterSampling(
    {
        "learning_rate": uniform(0.0005, 0.005),
        "momentum": uniform(0.9, 0.99),
    }
)

early_termination_policy = BanditPolicy(slack_factor=0.15, evaluation_interval=1, delay_evaluation=10)

hd_config = HyperDriveConfig(
    run_config=script_run_config,
    hyperparameter_sampling=param_sampling,
    policy=early_termination_policy,
    primary_metric_name="accuracy",
    primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
    max_total_runs=100,
    max_concurrent_runs=4,
)

experiment = Experiment(workspace, "guide")
hyperdrive_run = experiment.submit(hd_config)
hyperdrive_run.wait_for_completion(show_output=True)

best_run = hyperdrive_run.get_best_run_by_primary_metric()
best_run_metrics = best_run.get_metrics()
parameter_values = best_run.get_details()["runDefinition"]["arguments"]

print("Best Run Id:", best_run.id)
print("Accuracy:", max(best_run_metrics["accuracy"]))
print("learning rate:", parameter_values[3])
print("momentum:", parameter_values[5])
