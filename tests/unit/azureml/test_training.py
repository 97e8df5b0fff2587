"""HyperDrive's older words for what is submitted, and what is said where we go beyond it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from overdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    ConfigError,
    Environment,
    GridParameterSampling,
    HyperDriveConfig,
    MedianStoppingPolicy,
    NoTerminationPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    ScriptRunConfig,
    TruncationSelectionPolicy,
    choice,
    loguniform,
    randint,
    uniform,
)
from overdrive.azureml.beyond import beyond
from overdrive.azureml.script import RunConfiguration
from overdrive.azureml.script import ScriptRunConfig as LiveScriptRunConfig
from overdrive.azureml.training import (
    Estimator,
    Gloo,
    HyperDriveRunConfig,
)
from overdrive.sdk.environment import CondaDependencies
from overdrive.sweep.distribution import MpiConfiguration, PyTorchConfiguration, TensorflowConfiguration
from overdrive.sweep.distribution import MpiConfiguration as Mpi
from overdrive.sweep.distribution import TensorflowConfiguration as ParameterServer

SPACE = {"lr": uniform(0, 1)}


def sweep(**changes):
    fields = {
        "hyperparameter_sampling": RandomParameterSampling(SPACE),
        "primary_metric_name": "acc",
        "primary_metric_goal": PrimaryMetricGoal.MAXIMIZE,
        "max_total_runs": 10,
        "run_config": ScriptRunConfig("src", script="t.py"),
    }
    return HyperDriveConfig(**{**fields, **changes})


def test_an_estimator_is_a_script_with_its_packages():
    estimator = Estimator(
        "src",
        compute_target="cpu",
        entry_script="t.py",
        script_params={"--data": "d", "--flag": "", "--n": 3},
        pip_packages=["six", "azureml-core"],
        conda_packages=["scikit-learn"],
        use_gpu=True,
    )
    assert estimator.arguments == ("--data", "d", "--flag", "--n", "3")
    assert estimator.requirements["pip"] == ["six"] and estimator.requirements["conda"] == ["scikit-learn"]
    config = HyperDriveRunConfig(
        estimator,
        RandomParameterSampling(SPACE),
        "acc",
        PrimaryMetricGoal.MAXIMIZE,
        4,
        policy=BanditPolicy(slack_amount=1),
    )
    assert config.run_config is estimator and config.max_duration_minutes == 10080


def test_one_of_estimator_and_run_config():
    estimator = Estimator("src", entry_script="t.py")
    with pytest.raises(ConfigError, match="estimator: must be alone"):
        sweep(estimator=estimator)
    assert sweep(estimator=estimator, run_config=None).source_directory == "src"


def test_a_run_configuration_fills_what_is_not_given():
    given = RunConfiguration(script="t.py", arguments=["a"], target="gpu")
    given.environment_variables["A"] = "1"
    given.max_run_duration_seconds = 60
    given.environment = Environment("mine")
    script = ScriptRunConfig("src", run_config=given)
    assert (script.script, script.arguments, script.compute_target) == ("t.py", ("a",), "gpu")
    assert (script.environment, script.max_run_duration_seconds) == ("mine", 60)
    assert script.environment_variables == {"A": "1"}
    own = ScriptRunConfig("src", script="own.py", run_config=given)
    assert (own.script, own.arguments) == ("own.py", ())


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, None),
        ({"node_count": 2}, MpiConfiguration(1, 2)),
        (
            {"node_count": 2, "process_count_per_node": 4, "distributed_backend": "mpi"},
            MpiConfiguration(4, 2),
        ),
        ({"distributed_training": Mpi(process_count_per_node=3)}, MpiConfiguration(3)),
        ({"distributed_training": Gloo(), "node_count": 2}, PyTorchConfiguration("Gloo", node_count=2)),
        ({"distributed_backend": "nccl", "process_count_per_node": 2}, PyTorchConfiguration("nccl", 2)),
        (
            {"distributed_backend": "ps", "worker_count": 2, "node_count": 2},
            TensorflowConfiguration(2, 1, node_count=2),
        ),
        (
            {"distributed_training": ParameterServer(worker_count=4, parameter_server_count=2)},
            TensorflowConfiguration(4, 2),
        ),
    ],
)
def test_an_estimator_of_several_processes(given, meant):
    assert Estimator("src", entry_script="t.py", **given).distributed_job_config == meant


def test_an_estimator_of_an_unknown_kind():
    with pytest.raises(ConfigError, match="distributed_backend: must be one of mpi, ps, nccl, gloo, got 'x'"):
        Estimator("src", entry_script="t.py", distributed_backend="x")


def test_a_run_configuration_of_several_processes():
    given = RunConfiguration(script="t.py", communicator="IntelMpi")
    given.node_count, given.mpi.process_count_per_node = 2, 3
    assert ScriptRunConfig("src", run_config=given).distributed_job_config == MpiConfiguration(3, 2)
    given.communicator, given.pytorch.process_count = "Gloo", 4
    assert ScriptRunConfig("src", run_config=given).distributed_job_config == PyTorchConfiguration(
        "Gloo", 4, 2
    )
    own = ScriptRunConfig("src", run_config=given, distributed_job_config=MpiConfiguration(5))
    assert own.distributed_job_config == MpiConfiguration(5)
    given.communicator, given.node_count = "ParameterServer", 1
    assert ScriptRunConfig("src", run_config=given).distributed_job_config == TensorflowConfiguration(1, 1)
    given.communicator = None
    assert ScriptRunConfig("src", run_config=given).distributed_job_config is None
    for name, nodes in (("Carrier pigeon", 1), (None, 2)):
        given.communicator, given.node_count = name, nodes
        with pytest.raises(ConfigError, match="communicator: must be IntelMpi, OpenMpi, Nccl, Gloo or"):
            ScriptRunConfig("src", run_config=given)


def test_packages_one_by_one():
    packages = CondaDependencies.create(pip_packages=["six"], python_version="3.9")
    packages.add_pip_package("azureml-defaults")
    packages.add_pip_package("joblib==1.0")
    packages.add_conda_package("numpy=1.20")
    packages.add_channel("conda-forge")
    assert packages.recipe.python == "3.9" and packages.recipe.for_pip().pip == (
        "six",
        "joblib==1.0",
        "numpy==1.20.*",
    )
    environment = Environment("e")
    assert environment.requirements == {}
    environment.python.conda_dependencies = packages
    assert environment.requirements["python"] == "3.9"
    environment.python.user_managed_dependencies = True
    assert environment.requirements == {}


def test_a_policy_by_its_name():
    assert sweep(policy="median_stopping").policy == MedianStoppingPolicy()
    with pytest.raises(ConfigError, match=r"policy\.name: .*no 'median'"):
        sweep(policy="median")


def test_hyperdrives_constants():
    names = {
        RandomParameterSampling: "RANDOM",
        GridParameterSampling: "GRID",
        BayesianParameterSampling: "BayesianOptimization",
    }
    assert {kind: kind.SAMPLING_NAME for kind in names} == names
    policies = {
        BanditPolicy: "Bandit",
        MedianStoppingPolicy: "MedianStopping",
        TruncationSelectionPolicy: "TruncationSelection",
        NoTerminationPolicy: "Default",
    }
    assert {kind: kind.POLICY_NAME for kind in policies} == policies
    assert HyperDriveConfig.MAX_DURATION_MINUTES == 10080
    assert HyperDriveConfig.RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN == 20


def test_what_goes_beyond_hyperdrive_is_a_sentence_each():
    assert list(beyond(sweep())) == []
    bayesian = BayesianParameterSampling({"lr": loguniform(-6, -1), "n": choice(1, 2)})
    said = list(
        beyond(sweep(hyperparameter_sampling=bayesian, policy=MedianStoppingPolicy(), max_total_runs=2000))
    )
    assert len(said) == 3
    assert "refuses loguniform" in said[0] and "early termination" in said[1] and "1000 runs" in said[2]
    (grid,) = beyond(sweep(hyperparameter_sampling=GridParameterSampling({"n": randint(3)})))
    assert "grid" in grid and "randint" in grid


def test_what_is_set_later_counts(tmp_path):
    """`src.run_config.target = ...`, as notebooks of 2019 do; until it is submitted."""
    src = LiveScriptRunConfig("src", script="t.py", arguments=["--n", 1])
    assert src.settled() == ScriptRunConfig("src", script="t.py", arguments=["--n", "1"])
    src.run_config.target = "gpu-cluster"
    src.run_config.environment = Environment("mine")
    src.run_config.environment.python.user_managed_dependencies = True
    src.run_config.environment.environment_variables["A"] = "1"
    src.run_config.environment.docker.enabled = src.run_config.history.output_collection = True
    src.arguments = ["--n", 2]
    settled = src.settled()
    assert (settled.compute_target, settled.environment, settled.arguments) == (
        "gpu-cluster",
        "mine",
        ("--n", "2"),
    )
    assert settled.environment_variables == {"A": "1"}
    src.run_config.node_count, src.run_config.communicator = 2, "OpenMpi"
    assert src.settled().distributed_job_config == MpiConfiguration(1, 2)
    again = LiveScriptRunConfig("src", script="other.py", run_config=src.run_config)
    assert (again.settled().script, again.settled().compute_target) == ("other.py", "gpu-cluster")
    named = LiveScriptRunConfig("src", script="t.py", environment="by-name", compute_target="cpu")
    assert (named.settled().environment, named.settled().compute_target) == ("by-name", "cpu")
    with pytest.raises(ConfigError, match="script"):
        src.script = ""


def test_a_clone_of_a_mere_name_means_what_the_name_means():
    named = Environment.get(SimpleNamespace(home=Path("/none")), "AzureML-sklearn").clone("mine")
    assert (named.name, ScriptRunConfig(script="t.py", environment=named).environment) == (
        "mine",
        "AzureML-sklearn",
    )
    own = Environment("a")
    own.python.conda_dependencies.add_pip_package("six")
    copy = own.clone("b")
    copy.python.conda_dependencies.add_pip_package("joblib")
    assert own.requirements["pip"] == ["six"] and copy.requirements["pip"] == ["six", "joblib"]
    assert ScriptRunConfig(script="t.py", environment=copy).environment == "b"


@pytest.mark.parametrize("name", ["data_references", "data"])
def test_data_of_a_run_configuration_is_refused_rather_than_forgotten(name):
    config = RunConfiguration()
    setattr(config, name, {"train": "somewhere"})
    with pytest.raises(ConfigError, match=f"run_config.{name}.*as_mount"):
        LiveScriptRunConfig(".", script="train.py", run_config=config).settled()
