"""`azure.ai.ml`'s builder: command jobs and sweeps made in Python, as the documents that job files hold."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..adapters.document import Document, put, read
from ..errors import ConfigError
from .search import EarlyTerminationPolicy, Law, Objective, SweepJobLimits, Written, options, written

_KEPT = ("name", "display_name", "description", "experiment_name", "tags", "properties", "identity")


class Fields(dict[str, Any]):
    """A mapping whose entries are attributes too: `job.inputs.epochs`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r}; there are {', '.join(self)}") from None

    __setattr__ = dict.__setitem__


class Input(Written):
    """Data that a job takes in, or in a component the type of a value."""

    arguments = ("type", "path", "mode")
    defaults = options(
        type="uri_folder", default=None, optional=None, description=None, min=None, max=None, enum=None
    )

    def to_yaml(self) -> dict[str, Any]:
        return {name: written(value) for name, value in vars(self).items() if value is not None}


class Output(Input):
    """What a job leaves."""

    arguments = ("type", "path", "mode")
    defaults = options(type="uri_folder", name=None, version=None, description=None)


class Environment(Written):
    """A Python for jobs: an image, a conda file, a name."""

    arguments = ("name", "version", "description", "image", "build", "conda_file")
    defaults = options(tags=None, properties=None, datastore=None, os_type=None, inference_config=None)

    def to_yaml(self) -> dict[str, Any]:
        shown = ("name", "version", "description", "image", "conda_file")
        return {name: vars(self)[name] for name in shown if vars(self).get(name) is not None}

    @property
    def id(self) -> str:
        """Name and version in one word."""
        return f"{vars(self).get('name')}:{vars(self).get('version') or 1}"


class CommandJobLimits(Written):
    """How long a run may take, in seconds."""

    defaults = options(timeout=None)

    def to_yaml(self) -> dict[str, Any]:
        return dict(vars(self))


class PyTorchDistribution(Written):
    """Processes that train together with PyTorch."""

    kind = "pytorch"
    defaults = options(process_count_per_instance=None)


class MpiDistribution(PyTorchDistribution):
    """Processes that MPI starts."""

    kind = "mpi"


class TensorFlowDistribution(Written):
    """Workers of TensorFlow."""

    kind = "tensorflow"
    defaults = options(parameter_server_count=0, worker_count=None)


class AssetTypes:
    """Types of inputs and outputs."""

    URI_FILE, URI_FOLDER, MLTABLE = "uri_file", "uri_folder", "mltable"
    MLFLOW_MODEL, CUSTOM_MODEL, TRITON_MODEL = "mlflow_model", "custom_model", "triton_model"


class InputOutputModes:
    """How data come and go in the cloud; here they are where they are."""

    RO_MOUNT, RW_MOUNT, DOWNLOAD, UPLOAD, DIRECT = "ro_mount", "rw_mount", "download", "upload", "direct"
    EVAL_MOUNT, EVAL_DOWNLOAD = "eval_mount", "eval_download"


NODES: list[list[Job]] = []
"""The jobs that the pipeline functions which run just now have made, innermost last."""


def noted(job: Job, instead_of: Job | None = None) -> None:
    """In a pipeline's function: the job is a step of it."""
    if NODES:
        NODES[-1][:] = [one for one in NODES[-1] if one is not instead_of] + [job]


class Job:
    """A job that can be submitted; `folder` is where its relative paths start."""

    def __init__(self, **kept: Any) -> None:
        self.folder = Path.cwd()
        for name in _KEPT:
            setattr(self, name, kept.get(name))

    def document(self) -> Document:
        """The job as its file would hold it."""
        data = {"type": self.type, **{name: getattr(self, name) for name in _KEPT}, **self._sections()}
        return Document({key: written(value) for key, value in data.items() if value is not None})

    type = ""

    def _sections(self) -> dict[str, Any]:
        raise NotImplementedError


class Command(Job):
    """One run of a command. Called with values for its inputs it is a copy with these."""

    type = "command"

    def __init__(
        self,
        *,
        command: str,
        code: Any = None,
        environment: Any = None,
        environment_variables: Mapping[str, str] | None = None,
        distribution: Any = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        compute: str | None = None,
        limits: Any = None,
        resources: Any = None,
        services: Any = None,
        **kept: Any,
    ) -> None:
        super().__init__(**kept)
        self.command, self.code, self.environment = command, code, environment
        self.environment_variables = dict(environment_variables or {})
        self.distribution, self.compute = distribution, compute
        self.inputs, self.outputs = Fields(inputs or {}), Fields(outputs or {})
        self.limits, self.resources, self.services = limits, resources, services

    def __call__(self, **inputs: Any) -> Command:
        made = copy.deepcopy(self)
        unknown = [name for name in inputs if name not in made.inputs]
        if unknown:
            there = ", ".join(made.inputs) or "none"
            raise ConfigError(f"inputs: there is no {', '.join(map(repr, unknown))}; the command has {there}")
        made.inputs.update(inputs)
        noted(made)
        return made

    def set_limits(self, *, timeout: float | None = None) -> None:
        """How long the run may take, in seconds."""
        self.limits = {"timeout": timeout}

    def set_resources(self, **resources: Any) -> None:
        """The nodes of a run of several processes, as `instance_count`; otherwise a run takes what the machine has."""
        self.resources = resources

    def sweep(
        self,
        *,
        primary_metric: str,
        goal: str,
        sampling_algorithm: Any = "random",
        compute: str | None = None,
        max_concurrent_trials: int | None = None,
        max_total_trials: int | None = None,
        timeout: float | None = None,
        trial_timeout: float | None = None,
        early_termination_policy: EarlyTerminationPolicy | str | None = None,
        search_space: Mapping[str, Any] | None = None,
        identity: Any = None,
        queue_settings: Any = None,
        job_tier: str | None = None,
        priority: str | None = None,
    ) -> Sweep:
        """A sweep over the inputs that are laws, and `search_space`."""
        swept = {name: value for name, value in self.inputs.items() if isinstance(value, Law)}
        made = Sweep(
            trial=self,
            search_space={**swept, **(search_space or {})},
            inputs={name: value for name, value in self.inputs.items() if name not in swept},
            outputs=self.outputs,
            objective=Objective(goal, primary_metric),
            sampling_algorithm=sampling_algorithm,
            early_termination=early_termination_policy,
            compute=compute or self.compute,
            **{name: getattr(self, name) for name in _KEPT},
        )
        made.folder = self.folder
        made.set_limits(
            max_concurrent_trials=max_concurrent_trials,
            max_total_trials=max_total_trials,
            timeout=timeout,
            trial_timeout=trial_timeout,
        )
        noted(made, instead_of=self)
        return made

    def trial_sections(self) -> Any:
        """What a sweep's `trial:` holds of it."""
        environment = self.environment
        if isinstance(environment, Environment) and not environment.to_yaml().keys() & {
            "image",
            "conda_file",
        }:
            environment = environment.to_yaml().get("name")
        return {
            "command": self.command,
            "code": None if self.code is None else str(self.code),
            "environment": environment,
            "environment_variables": self.environment_variables or None,
            "distribution": self.distribution,
            "resources": self.resources if self.distribution is not None else None,
        }

    def _sections(self) -> dict[str, Any]:
        return {
            **self.trial_sections(),
            "inputs": self.inputs or None,
            "outputs": self.outputs or None,
            "compute": self.compute,
            "limits": self.limits,
            "resources": self.resources,
        }


def command(*, instance_count: int | None = None, **given: Any) -> Command:
    """A command job, as `azure.ai.ml.command` makes it."""
    known = {
        "is_deterministic",
        "docker_args",
        "shm_size",
        "instance_type",
        "job_tier",
        "priority",
        "timeout",
    }
    options = {name: given.pop(name) for name in known & given.keys()}
    made = Command(**given)
    if instance_count is not None:
        made.resources = {**(made.resources or {}), "instance_count": instance_count}
    if options.get("timeout") is not None:
        made.set_limits(timeout=options["timeout"])
    return made


class Sweep(Job):
    """A sweep: `command(...)(lr=Uniform(0, 1)).sweep(...)`, or SweepJob."""

    type = "sweep"

    def __init__(
        self,
        *,
        trial: Command,
        search_space: Mapping[str, Any],
        objective: Any = None,
        limits: Any = None,
        sampling_algorithm: Any = "random",
        early_termination: Any = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        compute: str | None = None,
        **kept: Any,
    ) -> None:
        super().__init__(**kept)
        self.trial, self.search_space, self.objective = trial, dict(search_space), objective
        self.limits = limits or SweepJobLimits()
        self.sampling_algorithm, self.early_termination = sampling_algorithm, early_termination
        self.inputs = Fields(trial.inputs if inputs is None else inputs)
        self.outputs = Fields(trial.outputs if outputs is None else outputs)
        self.compute = compute

    def set_limits(self, **limits: Any) -> None:
        """max_concurrent_trials, max_total_trials; timeout and trial_timeout in seconds."""
        self.limits = SweepJobLimits(**{**written(self.limits), **limits})

    def set_objective(self, *, goal: str | None = None, primary_metric: str | None = None) -> None:
        """The metric that counts; what is None stays."""
        known = written(self.objective) if self.objective is not None else {}
        self.objective = Objective(goal or known.get("goal"), primary_metric or known.get("primary_metric"))

    def set_resources(self, **resources: Any) -> None:
        """Accepted; a run takes what the machine has."""

    def _sections(self) -> dict[str, Any]:
        trial = self.trial.trial_sections()
        if isinstance(trial, dict):
            trial = {name: value for name, value in trial.items() if value is not None}
        return {
            "trial": trial,
            "search_space": self.search_space,
            "objective": self.objective,
            "limits": self.limits,
            "sampling_algorithm": self.sampling_algorithm,
            "early_termination": self.early_termination,
            "inputs": self.inputs or None,
            "outputs": self.outputs or None,
            "compute": self.compute,
        }


class LoadedJob:
    """A job file; its top keys are attributes."""

    def __init__(self, document: Document, folder: Path) -> None:
        vars(self).update(_document=document, folder=folder)

    def document(self) -> Document:
        """The job as its file holds it."""
        return copy.deepcopy(vars(self)["_document"])  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return vars(self)["_document"].data.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["_document"].data[name] = written(value)


def load_job(source: str | Path, *, params_override: Iterable[Mapping[str, Any]] = (), **_: Any) -> LoadedJob:
    """The job in this file, with `{"limits.max_total_trials": 3}` mappings put over it."""
    document = read(Path(source))
    put(document, [f"{key}={value}" for some in params_override or () for key, value in some.items()])
    return LoadedJob(document, Path(source).absolute().parent)
