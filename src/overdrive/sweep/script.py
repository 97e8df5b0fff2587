"""ScriptRunConfig: a training script or a command, and how one run of it is started."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, Problem
from .checks import broken, is_count, is_number
from .distribution import KINDS, Distribution, distribution_from_json

PLACEHOLDER = re.compile(r"\$\{\{\s*search_space\.([^\s{}]+?)\s*\}\}")
"""`${{search_space.x}}`, with or without blanks inside the braces."""

MONTH_SECONDS = 2592000
"""HyperDrive's own default for the duration of a run."""


@dataclass(frozen=True)
class ScriptRunConfig:
    """A training script, or a command, and how one run of it is started.

    `arguments` come before the sampled `--name value` pairs. `command` (a list, or one string that a
    shell would read) takes the place of script and arguments, and gets its values through
    `${{search_space.x}}`. `environment` and `compute_target` are names, or objects with a name; a bare
    `python` is the environment's interpreter, else `interpreter`, else the one that submitted. `requirements`
    are the packages that an environment object asks for. After a cancel or a time limit the run gets TERM and
    has `grace_seconds` to leave before it is killed. A run that uses more than `memory_limit_mb` is ended.
    `templates` are files of the source folder with `{{x}}` where a value goes; each run finds them filled in at
    the same place in its copy. `reads_parameters`: the program reads values from $OVERDRIVE_PARAM_x or the file
    $OVERDRIVE_PARAMS, though its command does not mention them. `warm`: whether the runs of a Python script are
    forked from a process that has imported its packages: "auto" where that is safe, "off", or the names of the
    modules. A run gets `gpus_per_run` GPUs of its own, or a share of one when that is below 1 (0.5: two runs on each),
    and `cores_per_run` cores, to which `pin_cores` ties it; runs wait until they are free. `distributed_job_config`
    is for runs of several processes: PyTorchConfiguration, MpiConfiguration, TensorflowConfiguration.
    """

    source_directory: str = "."
    script: str | None = None
    arguments: Sequence[Any] | str | None = None
    run_config: Any = field(default=None, repr=False)
    _telemetry_values: Any = field(default=None, repr=False)
    compute_target: Any = None
    environment: Any = None
    distributed_job_config: Distribution | None = field(default=None, repr=False)
    resume_from: Any = field(default=None, repr=False)
    max_run_duration_seconds: float | None = MONTH_SECONDS
    command: Sequence[Any] | str | None = None
    docker_runtime_config: Any = field(default=None, repr=False)
    environment_variables: Mapping[str, str] | None = None
    grace_seconds: float = 30.0
    interpreter: str | None = None
    memory_limit_mb: float | None = None
    templates: Sequence[str] = ()
    requirements: Mapping[str, Any] | None = field(default=None, repr=False)
    reads_parameters: bool = False
    warm: Sequence[str] | str = "auto"
    gpus_per_run: float | None = None
    cores_per_run: int | None = None
    pin_cores: bool = False

    def __post_init__(self) -> None:
        fix = object.__setattr__
        if self.run_config is not None:
            self._fill_from(self.run_config)
        fix(self, "source_directory", str(self.source_directory or "."))
        problems = list(self._problems())
        if problems:
            raise ConfigError(problems)
        given = arguments = self.arguments or ()
        if isinstance(arguments, str):
            arguments = shlex.split(arguments)
        if self.resume_from is not None:
            arguments = [*arguments, "--resume-from", self.resume_from]
            fix(self, "resume_from", None)
        fix(self, "arguments", tuple(str(argument) for argument in arguments))
        if self.command is not None and not isinstance(self.command, str):
            fix(self, "command", tuple(str(word) for word in self.command))
        variables = dict(getattr(self.environment, "environment_variables", None) or {})
        for argument in given:
            variables.update(getattr(argument, "environment_variables", None) or {})
        variables.update(self.environment_variables or {})
        fix(self, "environment_variables", {str(k): str(v) for k, v in variables.items()})
        python = getattr(self.environment, "python", None)
        fix(self, "interpreter", self.interpreter or getattr(python, "interpreter_path", None))
        fix(self, "templates", tuple(posixpath.normpath(path) for path in self.templates))
        if self.requirements is None:
            fix(self, "requirements", getattr(self.environment, "requirements", None))
        for name in ("environment", "compute_target"):
            value = getattr(self, name)
            called = getattr(value, "known_as", None) or getattr(value, "name", value)
            fix(self, name, None if value is None else str(called))

    def _fill_from(self, given: Any) -> None:
        """Take what is not given here from a RunConfiguration."""
        if self.script is None and self.command is None:
            names = {"script": "script", "arguments": "arguments", "command": "command"}
        else:
            names = {}
        names |= {"environment": "environment", "compute_target": "target"}
        names |= {"environment_variables": "environment_variables"}
        names |= {"distributed_job_config": "distributed_job_config"}
        for own, theirs in names.items():
            if not getattr(self, own):
                object.__setattr__(self, own, getattr(given, theirs, None) or None)
        limit = getattr(given, "max_run_duration_seconds", None)
        if limit and self.max_run_duration_seconds == MONTH_SECONDS:
            object.__setattr__(self, "max_run_duration_seconds", limit)
        object.__setattr__(self, "run_config", None)

    def _problems(self) -> list[Problem]:
        limit, distribution = self.max_run_duration_seconds, self.distributed_job_config
        gpus, cores = self.gpus_per_run, self.cores_per_run
        found = broken(
            self,
            (
                "script",
                self.command is not None or self.script,
                "must name the training script (or give a command)",
            ),
            ("command", self.command is None or self.command, "must not be empty"),
            (
                "command",
                self.command is None or not (self.script or self.arguments),
                "takes the place of script and arguments: give one or the other",
            ),
            (
                "max_run_duration_seconds",
                limit is None or is_number(limit, above=0),
                "must be above 0 seconds, or None",
            ),
            (
                "memory_limit_mb",
                self.memory_limit_mb is None or is_number(self.memory_limit_mb, above=0),
                "must be above 0 megabytes, or None",
            ),
            (
                "warm",
                self.warm in ("auto", "off") or _are_modules(self.warm),
                'must be "auto", "off" or a list of names of modules',
            ),
            ("grace_seconds", is_number(self.grace_seconds, least=0), "must be 0 seconds or more"),
            (
                "templates",
                all(_is_inside(path) for path in self.templates),
                "must be paths of files inside the source folder",
            ),
            (
                "distributed_job_config",
                isinstance(distribution, Distribution | None),
                f"must be one of {', '.join(kind.__name__ for kind in KINDS.values())}, or None",
            ),
            (
                "gpus_per_run",
                gpus is None or (is_number(gpus, above=0) and (gpus < 1 or gpus == int(gpus))),
                "must be a whole number of GPUs or a share of one below 1, or None",
            ),
            ("cores_per_run", cores is None or is_count(cores), "must be a whole number of cores, or None"),
            ("pin_cores", not self.pin_cores or cores, "needs cores_per_run: the number of cores of a run"),
        )
        nodes = 1 if found or distribution is None else distribution.nodes
        for name, given in {"gpus_per_run": gpus, "cores_per_run": cores}.items():
            if nodes > 1 and given and given % nodes:
                found.append(Problem(name, f"must be shared evenly by {nodes} nodes, got {given}"))
        if isinstance(self.arguments, str):
            try:
                shlex.split(self.arguments)
            except ValueError as error:
                found.append(Problem("arguments", f"cannot be split into words ({error}); give a list"))
        return found

    def to_json(self) -> dict[str, Any]:
        """The fields that a run depends on."""
        distribution = self.distributed_job_config
        return {
            "source_directory": self.source_directory,
            "script": self.script,
            "arguments": list(self.arguments or ()),
            "command": list(self.command) if isinstance(self.command, tuple) else self.command,
            "compute_target": self.compute_target,
            "environment": self.environment,
            "environment_variables": dict(self.environment_variables or {}),
            "max_run_duration_seconds": self.max_run_duration_seconds,
            "grace_seconds": self.grace_seconds,
            "interpreter": self.interpreter,
            "memory_limit_mb": self.memory_limit_mb,
            "templates": list(self.templates),
            "requirements": self.requirements,
            "reads_parameters": self.reads_parameters,
            "warm": self.warm if isinstance(self.warm, str) else list(self.warm),
            "gpus_per_run": self.gpus_per_run,
            "cores_per_run": self.cores_per_run,
            "pin_cores": self.pin_cores,
            "distributed_job_config": distribution and distribution.to_json(),
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> ScriptRunConfig:
        """The configuration that `to_json` wrote down."""
        fields = {k: v for k, v in stored.items() if k in ScriptRunConfig.__dataclass_fields__}
        distribution = fields.get("distributed_job_config")
        fields["distributed_job_config"] = distribution and distribution_from_json(distribution)
        return ScriptRunConfig(**{**fields, "arguments": fields.get("arguments") or None})


def _is_inside(path: str) -> bool:
    return not posixpath.isabs(path) and posixpath.normpath(path).split("/")[0] not in (".", "..")


def _are_modules(names: Any) -> bool:
    if isinstance(names, str) or not isinstance(names, Sequence):
        return False
    return all(isinstance(name, str) and all(map(str.isidentifier, name.split("."))) for name in names)


def variable_name(name: str) -> str:
    """The parameter's name as a shell can write it."""
    return re.sub(r"\W", "_", name.lstrip("-"), flags=re.ASCII)
