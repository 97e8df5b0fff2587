"""ScriptRunConfig as v1's notebooks use it: changed after it was made, mostly under `run_config`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from types import SimpleNamespace
from typing import Any

from ..errors import ConfigError, Problem
from ..sdk.environment import CondaDependencies, Environment
from ..sweep import script
from ..sweep.distribution import (
    Distribution,
    MpiConfiguration,
    PyTorchConfiguration,
    TensorflowConfiguration,
)


@dataclass
class DockerConfiguration:
    """Accepted and without effect: runs are processes."""

    use_docker: bool = False
    shm_size: str | None = None
    arguments: list[str] = field(default_factory=list)


@dataclass
class RunConfiguration:
    """The parts of a ScriptRunConfig as attributes, for `ScriptRunConfig(run_config=...)`. `communicator` says of
    what kind a run of several processes is (IntelMpi, Nccl, Gloo, ParameterServer), and `mpi`, `pytorch` or
    `tensorflow` how many they are."""

    script: str | None = None
    arguments: Sequence[Any] | None = None
    framework: str | None = None
    communicator: str | None = None
    conda_dependencies: CondaDependencies | None = None
    command: Any = None
    target: Any = None
    node_count: int = 1
    max_run_duration_seconds: float | None = None
    environment: Environment | None = None
    environment_variables: dict[str, str] = field(default_factory=dict)
    docker: DockerConfiguration = field(default_factory=DockerConfiguration)
    history: SimpleNamespace = field(default_factory=SimpleNamespace, repr=False)
    spark: SimpleNamespace = field(default_factory=SimpleNamespace, repr=False)
    amlcompute: SimpleNamespace = field(default_factory=SimpleNamespace, repr=False)
    mpi: Any = field(default_factory=lambda: SimpleNamespace(process_count_per_node=1))
    pytorch: Any = field(default_factory=lambda: SimpleNamespace(process_count=None))
    tensorflow: Any = field(default_factory=lambda: SimpleNamespace(worker_count=1, parameter_server_count=1))

    @property
    def distributed_job_config(self) -> Distribution | None:
        """The processes of a run, None for one. ConfigError for a communicator that is not known."""
        name = str(self.communicator or "None")
        kind, nodes = name.lower(), self.node_count
        if kind == "none" and nodes == 1:
            return None
        if kind in ("mpi", "intelmpi", "openmpi"):
            return MpiConfiguration(self.mpi.process_count_per_node, nodes)
        if kind in ("nccl", "gloo"):
            return PyTorchConfiguration(name, self.pytorch.process_count, nodes)
        if kind == "parameterserver":
            return TensorflowConfiguration(
                self.tensorflow.worker_count, self.tensorflow.parameter_server_count, nodes
            )
        known = "IntelMpi, OpenMpi, Nccl, Gloo or ParameterServer"
        if kind == "none":
            known += f" for {nodes} nodes"
        raise ConfigError(Problem("run_config.communicator", f"must be {known}, got {name!r}"))

    def __post_init__(self) -> None:
        if self.environment is None:
            self.environment = Environment("default-environment")
        if self.conda_dependencies is not None:
            self.environment.python.conda_dependencies = self.conda_dependencies


class ScriptRunConfig(script.ScriptRunConfig):
    """A ScriptRunConfig whose attributes may be set, and those of its `run_config`: `src.run_config.target = "gpu"`,
    `src.run_config.environment = env`. What counts is how it stands when it is submitted: `settled`."""

    @property
    def run_config(self) -> Any:
        """The RunConfiguration: where it runs, and in what."""
        return self.__dict__.get("_live") or self.__dict__.get("_given")

    @run_config.setter
    def run_config(self, given: Any) -> None:
        self.__dict__["_given"] = given

    def __post_init__(self) -> None:
        given, environment, target = self.run_config, self.environment, self.compute_target
        super().__post_init__()
        live = RunConfiguration() if given is None else given
        if isinstance(environment, Environment):
            live.environment = environment
        live.target = target or live.target
        self.__dict__["_live"] = live

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "run_config":
            self.__dict__["_live"] = value
            return
        changed = self._with({name: value})
        for one in fields(script.ScriptRunConfig):
            if one.name != "run_config":
                self.__dict__[one.name] = getattr(changed, one.name)
        if name == "compute_target":
            self.run_config.target = value
        elif isinstance(value, Environment):
            self.run_config.environment = value

    def settled(self) -> script.ScriptRunConfig:
        """The script configuration as it stands now."""
        live, changes = self.run_config, dict[str, Any]()
        environment = getattr(live, "environment", None)
        if isinstance(environment, Environment) and not _untouched(environment):
            changes = {"environment": environment, "interpreter": None, "requirements": None}
        if getattr(live, "target", None):
            changes["compute_target"] = live.target
        variables = getattr(live, "environment_variables", None) or {}
        changes["environment_variables"] = {**(self.environment_variables or {}), **variables}
        for name in ("data_references", "data"):
            if getattr(live, name, None):
                words = "is not taken: pass Dataset.File.from_files(...).as_mount() as an argument instead"
                raise ConfigError(Problem(f"run_config.{name}", words))
        processes = getattr(live, "distributed_job_config", None)
        return self._with({**changes, **({"distributed_job_config": processes} if processes else {})})

    def _with(self, changes: dict[str, Any]) -> script.ScriptRunConfig:
        known = {one.name: getattr(self, one.name) for one in fields(script.ScriptRunConfig)}
        known |= {"run_config": None, "arguments": self.arguments or None}
        return script.ScriptRunConfig(**{**known, **changes})


def settled(config: script.ScriptRunConfig) -> script.ScriptRunConfig:
    """The script configuration as it stands now, whichever form it has."""
    return config.settled() if isinstance(config, ScriptRunConfig) else config


def _untouched(environment: Environment) -> bool:
    """Whether it is the one that every RunConfiguration begins with."""
    plain = not (environment.requirements or environment.environment_variables)
    return plain and environment.name == "default-environment" and environment.python.interpreter_path is None
