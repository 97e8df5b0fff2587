"""What a sweep is asked to do: HyperDriveConfig, checked once, then frozen.

Names and signatures are HyperDrive's own (azureml-train-core 1.62); `to_json` and `from_json` are
how a configuration is stored and how a controller finds it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from ..errors import ConfigError, Problem
from ..model.metrics import PrimaryMetricGoal
from ..model.pattern import metric_pattern
from ..model.records import Params
from ..policies.base import Policy, policy_from_json
from ..samplers.base import SAMPLERS, Sampler, sampler_from_json
from .checks import broken, can, is_count, is_id, is_number
from .limits import Limits
from .retries import Retries
from .script import PLACEHOLDER, ScriptRunConfig, variable_name

WEEK_MINUTES = 10080
"""HyperDrive's own default for the duration of a sweep."""


@dataclass(frozen=True)
class Given:
    """A run that is to be resumed: its values, the folder that it left, what it had reported."""

    params: Params
    folder: str
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class HyperDriveConfig:
    """A sweep: which script, which values, which metric, when to stop a run, how much to spend.

    `max_concurrent_runs` None (or 0) means what the machine can run at once. Beyond HyperDrive:
    `max_retries`, one number or one for each cause (lost, memory, time, silence, exit); `no_metric_minutes`
    ends a run that logs nothing for so long; `metric_pattern` finds the metric in what the program prints (see
    `model.pattern`); `max_cost` in the currency of `price_per_hour`, the price of one
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
    metric_pattern: str | None = None
    max_cost: float | None = None
    price_per_hour: float | None = None
    resume_defaults: Mapping[str, Any] | None = None
    given: tuple[Given, ...] = field(default=(), repr=False)

    MAX_DURATION_MINUTES: ClassVar[int] = WEEK_MINUTES
    RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN: ClassVar[int] = 20
    RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN: ClassVar[int] = 20

    @property
    def source_directory(self) -> str:
        """The folder of the training script."""
        return self.run_config.source_directory

    @property
    def retries(self) -> Retries:
        """`max_retries` by cause."""
        return Retries.of(self.max_retries)

    def __post_init__(self) -> None:
        if self.run_config is None and isinstance(self.estimator, ScriptRunConfig):
            object.__setattr__(self, "run_config", self.estimator)
            object.__setattr__(self, "estimator", None)
        problems = list(self._problems())
        if isinstance(self.policy, str):
            try:
                object.__setattr__(self, "policy", policy_from_json({"name": self.policy}))
            except ConfigError as error:
                problems += error.within("policy").problems
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
        if self.metric_pattern is not None:
            try:
                metric_pattern(self.metric_pattern)
            except ConfigError as error:
                problems += error.within("metric_pattern").problems
        if problems:
            raise ConfigError(problems)

    def _problems(self) -> list[Problem]:
        sampling, policy = self.hyperparameter_sampling, self.policy
        name, goal = self.primary_metric_name, self.primary_metric_goal
        minutes = self.max_duration_minutes
        found = broken(
            self,
            (
                "hyperparameter_sampling",
                can(sampling, "propose"),
                "must be a sampling such as RandomParameterSampling",
            ),
            ("primary_metric_name", isinstance(name, str) and name, "must be the name that the script logs"),
            ("primary_metric_goal", isinstance(goal, PrimaryMetricGoal | str), "must be a PrimaryMetricGoal"),
            ("max_total_runs", is_count(self.max_total_runs), "must be a whole number of runs, at least 1"),
            (
                "max_concurrent_runs",
                not self.max_concurrent_runs or is_count(self.max_concurrent_runs),
                "must be a whole number of runs, at least 1",
            ),
            (
                "max_duration_minutes",
                minutes is None or is_number(minutes, above=0),
                "must be above 0 minutes",
            ),
            (
                "policy",
                policy is None or isinstance(policy, str) or can(policy, "judge"),
                "must be a policy such as BanditPolicy, or None",
            ),
            ("run_config", isinstance(self.run_config, ScriptRunConfig), "must be a ScriptRunConfig"),
            (
                "custom_run_id",
                is_id(self.custom_run_id),
                "must be letters, digits, _ and -, at most 128 in all",
            ),
            ("estimator", self.estimator is None, "must be alone: give it or run_config"),
            ("pipeline", self.pipeline is None, "is not supported: give run_config=ScriptRunConfig(...)"),
            (
                "no_metric_minutes",
                self.no_metric_minutes is None or is_number(self.no_metric_minutes, above=0),
                "must be above 0 minutes, or None",
            ),
            (
                "max_cost",
                self.max_cost is None or is_number(self.max_cost, above=0),
                "must be above 0, or None",
            ),
            (
                "price_per_hour",
                is_number(self.price_per_hour, least=0) if self.max_cost else True,
                "must be the price of one run for an hour, since there is a max_cost",
            ),
        )
        return (
            found or self._misplaced_placeholders() or ([] if self.run_config.templates else self.unreached())
        )

    def _misplaced_placeholders(self) -> list[Problem]:
        known = self.hyperparameter_sampling.space.names
        return [
            Problem(where, f"the search space has no {name!r}; it has {', '.join(known)}")
            for where, name in self.run_config_placeholders()
            if name not in known
        ]

    def unreached(self, written: Collection[str] = ()) -> list[Problem]:
        """Values that would be sampled and never reach the command: HyperDrive's silent mistake. `written`: names
        that templates take."""
        command = self.run_config.command
        if command is None or self.run_config.reads_parameters:
            return []
        text = command if isinstance(command, str) else " ".join(command)
        placed = {name for _, name in self.run_config_placeholders()}
        unused = [
            name
            for name in self.hyperparameter_sampling.space.names
            if name not in placed and name not in written and f"_{variable_name(name)}" not in text
        ]
        if not unused or "OVERDRIVE_PARAMS" in text:
            return []
        what = (
            f"never mentions {', '.join(unused)}; write ${{{{search_space.{unused[0]}}}}} where the value belongs, "
            f"or $OVERDRIVE_PARAM_{variable_name(unused[0])}, or $OVERDRIVE_PARAMS, the file that has them all"
        )
        return [Problem("run_config.command", what)]

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
        return found

    def hints(self, limits: Limits) -> list[str]:
        """What the sampling would do better with than these limits, one sentence each, for the sweep's log."""
        ask = getattr(self.hyperparameter_sampling, "hints", None)
        return list(ask(limits.max_total_runs, limits.max_concurrent_runs)) if ask else []

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
            "metric_pattern": self.metric_pattern,
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
            metric_pattern=stored.get("metric_pattern"),
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
