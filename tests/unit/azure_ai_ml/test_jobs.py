"""The builder makes the documents that job files hold."""

from pathlib import Path

import pytest

from overdrive import BanditPolicy as OurBandit
from overdrive import ConfigError, choice, loguniform
from overdrive.adapters.reading import Machine
from overdrive.adapters.sweep_yaml import from_document
from overdrive.azure_ai_ml.jobs import (
    AssetTypes,
    Command,
    Environment,
    Input,
    MpiDistribution,
    Output,
    PyTorchDistribution,
    Sweep,
    command,
)
from overdrive.azure_ai_ml.search import (
    BanditPolicy,
    Choice,
    LogUniform,
    MedianStoppingPolicy,
    Objective,
    RandomSamplingAlgorithm,
    SweepJobLimits,
    TruncationSelectionPolicy,
    Uniform,
    written,
)

MACHINE = Machine(exists=lambda path: True)


def training(**given):
    return command(
        code="./src",
        command="python main.py --data ${{inputs.data}} --lr ${{inputs.lr}} --kernel ${{ inputs.kernel }}",
        environment="sklearn-env@latest",
        inputs={"data": Input(type=AssetTypes.URI_FILE, path="./iris.csv"), "lr": 0.1, "kernel": "rbf"},
        compute="cpu-cluster",
        **given,
    )


def swept(**options):
    job = training(display_name="iris")(lr=LogUniform(-6, -1), kernel=Choice(values=["rbf", "linear"]))
    return job.sweep(primary_metric="acc", goal="Maximize", **options)


def read(job):
    return from_document(job.document(), Path("/home/ada"), MACHINE).config


def test_a_plain_command():
    config = read(training(outputs={"model": Output(type="uri_folder")}))
    assert config.command == "python main.py --data /home/ada/iris.csv --lr 0.1 --kernel rbf"
    assert (config.environment, config.compute_target) == ("sklearn-env", "cpu-cluster")


def test_inputs_that_are_laws_are_swept_also_where_blanks_stand_in_the_braces():
    sweep = swept(max_total_trials=20, max_concurrent_trials=10, timeout=7200, trial_timeout=90)
    config = read(sweep)
    assert config.hyperparameter_sampling.space.parameters["lr"] == loguniform(-6, -1)
    assert config.hyperparameter_sampling.space.parameters["kernel"] == choice("rbf", "linear")
    assert config.run_config.command == (
        "python main.py --data /home/ada/iris.csv --lr ${{search_space.lr}} --kernel ${{search_space.kernel}}"
    )
    assert (config.max_total_runs, config.max_concurrent_runs) == (20, 10)
    assert (config.max_duration_minutes, config.run_config.max_run_duration_seconds) == (120, 90)


def test_the_command_itself_stays_as_it_was():
    base = training()
    base(lr=Uniform(0, 1))
    assert base.inputs.lr == 0.1
    with pytest.raises(ConfigError, match="there is no 'lrr'; the command has data, lr, kernel"):
        base(lrr=1)


def test_what_is_set_afterwards():
    sweep = swept()
    sweep.set_limits(max_total_trials=4)
    sweep.set_limits(timeout=60)
    sweep.set_objective(goal="minimize")
    sweep.early_termination = BanditPolicy(slack_factor=0.1, evaluation_interval=2)
    config = read(sweep)
    assert (config.max_total_runs, config.max_duration_minutes) == (4, 1)
    assert (config.primary_metric_name, config.primary_metric_goal.value) == ("acc", "MINIMIZE")
    assert config.policy == OurBandit(2, slack_factor=0.1)


@pytest.mark.parametrize("policy", ["median_stopping", MedianStoppingPolicy(delay_evaluation=5)])
def test_policies_by_name_work_too(policy):
    assert type(read(swept(early_termination_policy=policy)).policy).__name__ == "MedianStoppingPolicy"


def test_an_empty_truncation_is_refused():
    with pytest.raises(ConfigError, match="truncation_percentage"):
        read(swept(early_termination_policy=TruncationSelectionPolicy()))


def test_a_sweep_job_without_the_builder():
    job = Sweep(
        trial=Command(
            command="p ${{search_space.x}}", code="src", environment=Environment(conda_file="c.yml")
        ),
        search_space={"x": Choice(range(1, 4))},
        sampling_algorithm=RandomSamplingAlgorithm(seed=3, rule="sobol"),
        objective=Objective(goal="minimize", primary_metric="loss"),
        limits=SweepJobLimits(max_total_trials=3),
    )
    data = job.document().data
    assert data["search_space"] == {"x": {"type": "choice", "values": [1, 2, 3]}}
    assert data["sampling_algorithm"] == {"type": "random", "rule": "sobol", "seed": 3}
    assert data["trial"]["environment"] == {"conda_file": "c.yml"}


def test_conditional_spaces_are_written_whole():
    assert written(Choice([{"C": Uniform(0, 1), "name": "svm"}, "none"])) == {
        "type": "choice",
        "values": [{"C": {"type": "uniform", "min_value": 0, "max_value": 1}, "name": "svm"}, "none"],
    }


def test_a_wrong_argument_says_what_there_is():
    with pytest.raises(TypeError, match="Uniform: unexpected 'low'; it takes max_value, min_value"):
        Uniform(low=3)


def test_several_processes_on_several_nodes():
    job = training(distribution=PyTorchDistribution(process_count_per_instance=2), instance_count=3)
    job = job(lr=LogUniform(-6, -1))
    for config in (
        read(job.sweep(primary_metric="acc", goal="Maximize")).run_config,
        read(training(distribution=MpiDistribution(process_count_per_instance=4), instance_count=3)),
    ):
        found = config.distributed_job_config
        assert (found.kind, found.processes, found.nodes) in (("pytorch", 6, 3), ("mpi", 12, 3))
