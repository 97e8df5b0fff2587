"""Cancel a sweep in the middle of its training, then resume its runs at the epoch where they stood.

Run it with `python examples/resume/tune.py`.
"""

import time
from pathlib import Path

from overdrive import (
    Experiment,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    Workspace,
    uniform,
)


def config(**more):
    return HyperDriveConfig(
        run_config=ScriptRunConfig(str(Path(__file__).parent), script="train.py"),
        hyperparameter_sampling=RandomParameterSampling({"learning_rate": uniform(0.0005, 0.01)}, seed=1),
        primary_metric_name="accuracy",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=4,
        max_concurrent_runs=2,
        **more,
    )


def epochs(child):
    return len(child.record.series)


def show(title, sweep):
    print(title)
    for child in sorted(sweep.get_children(), key=lambda child: child.number):
        print(f"  run {child.number}: {child.get_status()} after {epochs(child)} epochs")


experiment = Experiment(Workspace.from_config(), "resume")
first = experiment.submit(config())
while max(map(epochs, first.get_children()), default=0) < 10:
    time.sleep(0.1)
first.cancel()
first.wait_for_completion()
show("cancelled:", first)

begun = [child for child in first.get_children() if epochs(child)]
second = experiment.submit(config(resume_child_runs=begun))
second.wait_for_completion()
show("resumed:", second)
