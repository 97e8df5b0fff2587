"""HyperDrive's older words for what is submitted: estimators, the first HyperDriveRunConfig, signing in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, Problem
from ..sdk.environment import CondaDependencies, Environment
from ..sweep.config import HyperDriveConfig
from ..sweep.distribution import (
    Distribution,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)
from .script import ScriptRunConfig

if TYPE_CHECKING:
    from ..sdk.experiment import Experiment
    from ..sdk.run import Run


class Estimator(ScriptRunConfig):
    """A training script with its packages, as v1 wrote it before ScriptRunConfig; also SKLearn, PyTorch,
    TensorFlow and Chainer. What says how a container is made has no effect."""

    def __init__(
        self,
        source_directory: str = ".",
        *,
        compute_target: Any = None,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        conda_packages: Sequence[str] | None = None,
        pip_packages: Sequence[str] | None = None,
        pip_requirements_file: str | None = None,
        conda_dependencies_file: str | None = None,
        environment_definition: Environment | None = None,
        environment_variables: Mapping[str, str] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        worker_count: int = 1,
        parameter_server_count: int = 1,
        distributed_backend: str | None = None,
        distributed_training: Distribution | None = None,
        max_run_duration_seconds: float | None = None,
        **container: Any,
    ) -> None:
        training = distributed_training
        if training is None and (distributed_backend or node_count > 1 or process_count_per_node > 1):
            training = _training(distributed_backend or "mpi", process_count_per_node * node_count)
            if isinstance(training, TensorflowConfiguration):
                training = TensorflowConfiguration(worker_count, parameter_server_count)
            elif isinstance(training, MpiConfiguration):
                training = MpiConfiguration(process_count_per_node)
        if training is not None and node_count > 1:
            training = replace(training, node_count=node_count)
        environment = environment_definition
        if environment is None:
            if conda_dependencies_file:
                packages = CondaDependencies(conda_dependencies_file)
            else:
                packages = CondaDependencies.create(None, pip_packages, conda_packages)
            if pip_requirements_file:
                packages.add_pip_package(f"-r {pip_requirements_file}")
            environment = Environment("estimator")
            environment.python.conda_dependencies = packages
        arguments: list[Any] = []
        for name, value in (script_params or {}).items():
            arguments += [name] if value == "" else [name, value]
        super().__init__(
            source_directory,
            entry_script,
            arguments or None,
            compute_target=compute_target,
            environment=environment,
            environment_variables=environment_variables,
            max_run_duration_seconds=max_run_duration_seconds,
            distributed_job_config=training,
        )


@dataclass
class ResourceConfiguration:
    """What serving a model would need: kept nowhere, since models are not served from here."""

    cpu: float | None = None
    memory_in_gb: float | None = None
    gpu: int | None = None


def _training(backend: str, processes: int) -> Distribution:
    """What an estimator's `distributed_backend` means."""
    kinds: dict[str, Distribution] = {"mpi": MpiConfiguration(), "ps": TensorflowConfiguration()}
    kinds |= {name: PyTorchConfiguration(name, processes) for name in ("nccl", "gloo")}
    if backend not in kinds:
        raise ConfigError(
            Problem("distributed_backend", f"must be one of {', '.join(kinds)}, got {backend!r}")
        )
    return kinds[backend]


def Gloo() -> PyTorchConfiguration:  # noqa: N802
    """One process on each node, that talk through Gloo."""
    return PyTorchConfiguration("Gloo")


def Nccl() -> PyTorchConfiguration:  # noqa: N802
    """One process on each node, that talk through NCCL."""
    return PyTorchConfiguration("Nccl")


def HyperDriveRunConfig(  # noqa: N802
    estimator: Any,
    hyperparameter_sampling: Any,
    primary_metric_name: str,
    primary_metric_goal: Any,
    max_total_runs: int,
    max_concurrent_runs: int | None = None,
    max_duration_minutes: float = HyperDriveConfig.max_duration_minutes or 0,
    policy: Any = None,
) -> HyperDriveConfig:
    """The name that HyperDriveConfig had at first."""
    return HyperDriveConfig(
        hyperparameter_sampling,
        primary_metric_name,
        primary_metric_goal,
        max_total_runs,
        max_concurrent_runs,
        max_duration_minutes,
        policy,
        estimator=estimator,
    )


def get_run(experiment: Experiment, run_id: str, **_: Any) -> Run:
    """The sweep or run of this id."""
    from ..sdk.run import Run

    return Run.get(experiment.workspace, run_id)


class NoAuthentication:
    """Nobody has to sign in here; whatever it is made with is forgotten."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


def set_diagnostics_collection(send_diagnostics: bool = True, verbose: bool = False) -> None:
    """Nothing is collected, whatever is asked for."""
