"""What a sweep is asked to do: HyperDriveConfig and ScriptRunConfig, checked once, then frozen.

Names and signatures are HyperDrive's own (azureml-train-core 1.62); `to_json` and `from_json` are
how a configuration is stored and how a controller finds it again.
"""

from __future__ import annotations

import difflib
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import ConfigError, Problem
from ..model.metrics import PrimaryMetricGoal
from ..model.records import Params
from ..policies.base import Policy, policy_from_json
from ..samplers.base import SAMPLERS, Sampler, sampler_from_json
from .retries import Retries

PLACEHOLDER = re.compile(r"\$\{\{\s*search_space\.([^\s{}]+?)\s*\}\}")
"""`${{search_space.x}}`, with or without blanks inside the braces."""

_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")

WEEK_MINUTES = 10080
"""HyperDrive's own default for the duration of a sweep."""

MONTH_SECONDS = 2592000
"""HyperDrive's own default for the duration of a run."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a sweep may spend. Times in seconds; None is no limit."""

    max_total_runs: int
    max_concurrent_runs: int
    max_duration: float | None = None
    run_duration: float | None = None
    grace: float = 30.0
    silence: float | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


_LIMIT_NAMES: dict[str, tuple[str, float]] = {
    "max_total_runs": ("max_total_runs", 1),
    "max_concurrent_runs": ("max_concurrent_runs", 1),
    "max_duration_minutes": ("max_duration", 60),
    "max_run_duration_seconds": ("run_duration", 1),
    "no_metric_minutes": ("silence", 60),
    "grace_seconds": ("grace", 1),
    "max_cost": ("max_cost", 1),
    "price_per_hour": ("price_per_hour", 1),
}


def changed_limits(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes by the names that a configuration has, as fields of Limits; ConfigError with all that is wrong."""
    problems, found = [], {}
    for name, value in changes.items():
        field_name, unit = _LIMIT_NAMES.get(name, ("", 1))
        if not field_name:
            near = difflib.get_close_matches(name, _LIMIT_NAMES, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(_LIMIT_NAMES)}"
            problems.append(Problem(name, f"is no limit that can be changed{hint}"))
        elif name in ("max_total_runs", "max_concurrent_runs"):
            if not _is_count(value):
                problems.append(Problem(name, f"must be a whole number of runs, at least 1, got {value!r}"))
            found[field_name] = value
        elif value is None and name != "grace_seconds":
            found[field_name] = None
        elif not _is_number(value, above=-math.inf if name == "grace_seconds" else 0, least=0):
            problems.append(Problem(name, f"must be above 0, got {value!r}"))
        else:
            found[field_name] = value * unit
    if problems:
        raise ConfigError(problems)
    return found


@dataclass(frozen=True)
class Given:
    """A run that is to be resumed: its values, the folder that it left, what it had reported."""

    params: Params
    folder: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class ScriptRunConfig:
    """A training script, or a command, and how one run of it is started.

    `arguments` come before the sampled `--name value` pairs. `command` (a list, or one string that a
    shell would read) takes the place of script and arguments, and gets its values through
    `${{search_space.x}}`. `environment` and `compute_target` are names, or objects with a name; a bare
    `python` is the environment's interpreter, else `interpreter`, else the one that submitted. After a
    cancel or a time limit the run gets TERM and has `grace_seconds` to leave before it is killed. A run
    that uses more than `memory_limit_mb` is ended.
    """

    source_directory: str = "."
    script: str | None = None
    arguments: Sequence[Any] | str | None = None
    run_config: Any = field(default=None, repr=False)
    _telemetry_values: Any = field(default=None, repr=False)
    compute_target: Any = None
    environment: Any = None
    distributed_job_config: Any = field(default=None, repr=False)
    resume_from: Any = field(default=None, repr=False)
    max_run_duration_seconds: float | None = MONTH_SECONDS
    command: Sequence[Any] | str | None = None
    docker_runtime_config: Any = field(default=None, repr=False)
    environment_variables: Mapping[str, str] | None = None
    grace_seconds: float = 30.0
    interpreter: str | None = None
    memory_limit_mb: float | None = None

    def __post_init__(self) -> None:
        fix = object.__setattr__
        fix(self, "source_directory", str(self.source_directory or "."))
        problems = list(self._problems())
        if problems:
            raise ConfigError(problems)
        arguments = self.arguments or ()
        if isinstance(arguments, str):
            arguments = shlex.split(arguments)
        fix(self, "arguments", tuple(str(argument) for argument in arguments))
        if self.command is not None and not isinstance(self.command, str):
            fix(self, "command", tuple(str(word) for word in self.command))
        variables = dict(getattr(self.environment, "environment_variables", None) or {})
        variables.update(self.environment_variables or {})
        fix(self, "environment_variables", {str(k): str(v) for k, v in variables.items()})
        python = getattr(self.environment, "python", None)
        fix(self, "interpreter", self.interpreter or getattr(python, "interpreter_path", None))
        for name in ("environment", "compute_target"):
            value = getattr(self, name)
            fix(self, name, None if value is None else str(getattr(value, "name", value)))

    def _problems(self) -> list[Problem]:
        limit = self.max_run_duration_seconds
        found = _broken(
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
                limit is None or _is_number(limit, above=0),
                "must be above 0 seconds, or None",
            ),
            (
                "memory_limit_mb",
                self.memory_limit_mb is None or _is_number(self.memory_limit_mb, above=0),
                "must be above 0 megabytes, or None",
            ),
            ("grace_seconds", _is_number(self.grace_seconds, least=0), "must be 0 seconds or more"),
            ("run_config", self.run_config is None, "is not supported yet: leave it out"),
            (
                "distributed_job_config",
                self.distributed_job_config is None,
                "is not supported yet: leave it out",
            ),
            ("resume_from", self.resume_from is None, "is not supported yet: leave it out"),
        )
        if isinstance(self.arguments, str):
            try:
                shlex.split(self.arguments)
            except ValueError as error:
                found.append(Problem("arguments", f"cannot be split into words ({error}); give a list"))
        return found

    def to_json(self) -> dict[str, Any]:
        """The fields that a run depends on."""
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
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> ScriptRunConfig:
        """The configuration that `to_json` wrote down."""
        fields = {k: v for k, v in stored.items() if k in ScriptRunConfig.__dataclass_fields__}
        return ScriptRunConfig(**{**fields, "arguments": fields.get("arguments") or None})


@dataclass(frozen=True)
class HyperDriveConfig:
    """A sweep: which script, which values, which metric, when to stop a run, how much to spend.

    `max_concurrent_runs` None (or 0) means what the machine can run at once. Beyond HyperDrive:
    `max_retries`, one number or one for each cause (lost, memory, time, silence, exit); `no_metric_minutes`
    ends a run that logs nothing for so long; `max_cost` in the currency of `price_per_hour`, the price of one
    run for an hour. `resume_from` names earlier sweeps whose runs are prior knowledge; `resume_defaults`
    holds the value that they had of a parameter that is new. `resume_child_runs` are run again, first, from
    what they left.
    """

    hyperparameter_sampling: Sampler
    primary_metric_name: str
    primary_metric_goal: PrimaryMetricGoal
    max_total_runs: int
    max_concurrent_runs: int | None = None
    max_duration_minutes: float | None = WEEK_MINUTES
    policy: Policy | None = None
    estimator: Any = field(default=None, repr=False)
    run_config: ScriptRunConfig = None  # type: ignore[assignment]
    resume_from: Any = field(default=None, repr=False)
    resume_child_runs: Any = field(default=None, repr=False)
    pipeline: Any = field(default=None, repr=False)
    debug_flag: Any = field(default=None, repr=False)
    custom_run_id: str | None = None
    max_retries: int | Mapping[str, int] | Retries = 0
    no_metric_minutes: float | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None
    resume_defaults: Mapping[str, Any] | None = None
    given: tuple[Given, ...] = field(default=(), repr=False)

    @property
    def retries(self) -> Retries:
        """`max_retries` by cause."""
        return Retries.of(self.max_retries)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if isinstance(self.primary_metric_goal, str):
            try:
                goal = PrimaryMetricGoal.from_str(self.primary_metric_goal)
                object.__setattr__(self, "primary_metric_goal", goal)
            except ConfigError as error:
                problems += error.within("primary_metric_goal").problems
        try:
            object.__setattr__(self, "max_retries", Retries.of(self.max_retries))
        except ConfigError as error:
            problems += error.within("max_retries").problems
        if problems:
            raise ConfigError(problems)

    def _problems(self) -> list[Problem]:
        sampling, policy = self.hyperparameter_sampling, self.policy
        name, goal = self.primary_metric_name, self.primary_metric_goal
        minutes = self.max_duration_minutes
        found = _broken(
            self,
            (
                "hyperparameter_sampling",
                _can(sampling, "propose"),
                "must be a sampling such as RandomParameterSampling",
            ),
            ("primary_metric_name", isinstance(name, str) and name, "must be the name that the script logs"),
            ("primary_metric_goal", isinstance(goal, PrimaryMetricGoal | str), "must be a PrimaryMetricGoal"),
            ("max_total_runs", _is_count(self.max_total_runs), "must be a whole number of runs, at least 1"),
            (
                "max_concurrent_runs",
                not self.max_concurrent_runs or _is_count(self.max_concurrent_runs),
                "must be a whole number of runs, at least 1",
            ),
            (
                "max_duration_minutes",
                minutes is None or _is_number(minutes, above=0),
                "must be above 0 minutes",
            ),
            (
                "policy",
                policy is None or _can(policy, "judge"),
                "must be a policy such as BanditPolicy, or None",
            ),
            ("run_config", isinstance(self.run_config, ScriptRunConfig), "must be a ScriptRunConfig"),
            (
                "custom_run_id",
                _is_id(self.custom_run_id),
                "must be letters, digits, _ and -, at most 128 in all",
            ),
            ("estimator", self.estimator is None, "is not supported: give run_config=ScriptRunConfig(...)"),
            ("pipeline", self.pipeline is None, "is not supported: give run_config=ScriptRunConfig(...)"),
            (
                "no_metric_minutes",
                self.no_metric_minutes is None or _is_number(self.no_metric_minutes, above=0),
                "must be above 0 minutes, or None",
            ),
            (
                "max_cost",
                self.max_cost is None or _is_number(self.max_cost, above=0),
                "must be above 0, or None",
            ),
            (
                "price_per_hour",
                _is_number(self.price_per_hour, least=0) if self.max_cost else True,
                "must be the price of one run for an hour, since there is a max_cost",
            ),
        )
        return found or self._misplaced_placeholders()

    def _misplaced_placeholders(self) -> list[Problem]:
        known = self.hyperparameter_sampling.space.names
        return [
            Problem(where, f"the search space has no {name!r}; it has {', '.join(known)}")
            for where, name in self.run_config_placeholders()
            if name not in known
        ]

    def run_config_placeholders(self) -> list[tuple[str, str]]:
        """Every `${{search_space.x}}` of the script configuration, as (where, x)."""
        config = self.run_config
        words = [config.command] if isinstance(config.command, str) else list(config.command or ())
        found = [("run_config.command", name) for word in words for name in PLACEHOLDER.findall(word)]
        found += [
            ("run_config.arguments", name)
            for word in config.arguments or ()
            for name in PLACEHOLDER.findall(word)
        ]
        return found

    def advice(self) -> list[str]:
        """What is legal and most likely a mistake, one sentence each."""
        found = list(self.hyperparameter_sampling.space.advice())
        found += getattr(self.hyperparameter_sampling, "advice", list)()
        target = self.run_config.compute_target
        if target not in (None, "local"):
            found.append(
                f"run_config.compute_target: {target!r} is not known here; the runs run on this machine"
            )
        command = self.run_config.command
        if command is not None:
            text = command if isinstance(command, str) else " ".join(command)
            placed = {name for _, name in self.run_config_placeholders()}
            silent = [
                name
                for name in self.hyperparameter_sampling.space.names
                if name not in placed and f"_{variable_name(name)}" not in text
            ]
            if silent:
                found.append(
                    f"run_config.command: never mentions {', '.join(silent)}; write "
                    f"${{{{search_space.{silent[0]}}}}} where the value belongs, unless the program reads "
                    f"$OVERDRIVE_PARAM_{variable_name(silent[0])} or the file $OVERDRIVE_PARAMS by itself"
                )
        return found

    def limits(self, machine: int) -> Limits:
        """The limits in seconds, on a machine that can run `machine` runs at once."""
        minutes = self.max_duration_minutes
        concurrent = self.max_concurrent_runs or machine
        return Limits(
            max_total_runs=self.max_total_runs,
            max_concurrent_runs=concurrent,
            max_duration=None if minutes is None else minutes * 60,
            run_duration=self.run_config.max_run_duration_seconds,
            grace=self.run_config.grace_seconds,
            silence=None if self.no_metric_minutes is None else self.no_metric_minutes * 60,
            max_cost=self.max_cost,
            price_per_hour=self.price_per_hour,
        )

    def to_json(self) -> dict[str, Any]:
        """All that a controller needs; samplers and policies by their registered names."""
        return {
            "sampling": self.hyperparameter_sampling.to_json(),
            "primary_metric_name": self.primary_metric_name,
            "primary_metric_goal": self.primary_metric_goal.value,
            "max_total_runs": self.max_total_runs,
            "max_concurrent_runs": self.max_concurrent_runs,
            "max_duration_minutes": self.max_duration_minutes,
            "policy": None if self.policy is None else self.policy.to_json(),
            "run_config": self.run_config.to_json(),
            "max_retries": self.retries.to_json(),
            "no_metric_minutes": self.no_metric_minutes,
            "max_cost": self.max_cost,
            "price_per_hour": self.price_per_hour,
            "given": [asdict(given) for given in self.given],
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> HyperDriveConfig:
        """The configuration that `to_json` wrote down."""
        return HyperDriveConfig(
            hyperparameter_sampling=sampler_from_json(stored["sampling"]),
            primary_metric_name=stored["primary_metric_name"],
            primary_metric_goal=PrimaryMetricGoal(stored["primary_metric_goal"]),
            max_total_runs=stored["max_total_runs"],
            max_concurrent_runs=stored["max_concurrent_runs"],
            max_duration_minutes=stored["max_duration_minutes"],
            policy=policy_from_json(stored["policy"]) if stored["policy"] else None,
            run_config=ScriptRunConfig.from_json(stored["run_config"]),
            max_retries=stored["max_retries"],
            no_metric_minutes=stored["no_metric_minutes"],
            max_cost=stored["max_cost"],
            price_per_hour=stored["price_per_hour"],
            given=tuple(Given(g["params"], g["folder"], tuple(g["values"])) for g in stored["given"]),
        )

    def seeded(self, seed: int) -> HyperDriveConfig:
        """The same sweep with its sampler's seed fixed, unless the user has fixed it already."""
        if self.hyperparameter_sampling.seed is not None:
            return self
        return replace(self, hyperparameter_sampling=self.hyperparameter_sampling.seeded(seed))


class SingleRunConfig(HyperDriveConfig):
    """A plain ScriptRunConfig as the smallest sweep: one run, no values, no metric to compare."""

    def __init__(self, run_config: ScriptRunConfig) -> None:
        super().__init__(
            hyperparameter_sampling=SAMPLERS.load("random")({}, seed=0),
            primary_metric_name="",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=1,
            max_duration_minutes=None,
            run_config=run_config,
        )

    def _problems(self) -> list[Problem]:
        return []


def variable_name(name: str) -> str:
    """The parameter's name as a shell can write it."""
    return re.sub(r"\W", "_", name.lstrip("-"), flags=re.ASCII)


def _broken(config: object, *rules: tuple[str, object, str]) -> list[Problem]:
    """The rules (field, whether it holds, what it says) that the configuration breaks."""
    return [
        Problem(name, f"{says}, got {getattr(config, name)!r}") for name, holds, says in rules if not holds
    ]


def _can(value: object, method: str) -> bool:
    return callable(getattr(value, method, None))


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, str) and _ID.fullmatch(value) is not None)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any, *, above: float = -math.inf, least: float = -math.inf) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and value > above and value >= least
