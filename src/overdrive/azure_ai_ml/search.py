"""`azure.ai.ml.sweep`: laws, samplings and policies as the mappings that a job's YAML holds."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def options(**defaults: Any) -> Mapping[str, Any]:
    """Arguments by name, with their defaults."""
    return MappingProxyType(defaults)


class Written:
    """Something that a job file writes as a mapping with a type; its arguments are its attributes."""

    kind = ""
    arguments: tuple[str, ...] = ()
    """The names of positional arguments."""
    defaults: Mapping[str, Any] = MappingProxyType({})
    """Arguments by name alone, and what they are when nobody gives them."""

    def __init__(self, *values: Any, **named: Any) -> None:
        known = {*self.arguments, *self.defaults}
        unknown = [name for name in named if name not in known]
        if len(values) > len(self.arguments) or unknown:
            extra = f"unexpected {', '.join(map(repr, unknown))}" if unknown else "too many arguments"
            raise TypeError(f"{type(self).__name__}: {extra}; it takes {', '.join(sorted(known))}")
        given = {
            **dict.fromkeys(self.arguments),
            **self.defaults,
            **dict(zip(self.arguments, values, strict=False)),
            **named,
        }
        for name, value in given.items():
            setattr(self, name, value)

    def to_yaml(self) -> dict[str, Any]:
        """The mapping; arguments that are None are left out."""
        return {"type": self.kind, **{k: written(v) for k, v in vars(self).items() if v is not None}}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


def written(value: Any) -> Any:
    """A value as a job file holds it, ranges and tuples as lists."""
    if isinstance(value, Written):
        return value.to_yaml()
    if isinstance(value, dict):
        return {key: written(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | range):
        return [written(inner) for inner in value]
    item = getattr(value, "item", None)  # numpy's numbers
    return item() if callable(item) else value


class Law(Written):
    """How a value is drawn."""


def _law(name: str, kind: str, *arguments: str) -> type[Law]:
    doc = f"A value of the law {kind}({', '.join(arguments)}), as in a job's search_space."
    return type(name, (Law,), {"kind": kind, "arguments": arguments, "__doc__": doc, "__module__": __name__})


Choice = _law("Choice", "choice", "values")
Randint = _law("Randint", "randint", "upper")
Uniform = _law("Uniform", "uniform", "min_value", "max_value")
QUniform = _law("QUniform", "quniform", "min_value", "max_value", "q")
LogUniform = _law("LogUniform", "loguniform", "min_value", "max_value")
QLogUniform = _law("QLogUniform", "qloguniform", "min_value", "max_value", "q")
Normal = _law("Normal", "normal", "mu", "sigma")
QNormal = _law("QNormal", "qnormal", "mu", "sigma", "q")
LogNormal = _law("LogNormal", "lognormal", "mu", "sigma")
QLogNormal = _law("QLogNormal", "qlognormal", "mu", "sigma", "q")


class SamplingAlgorithm(Written):
    """What is tried next."""


class RandomSamplingAlgorithm(SamplingAlgorithm):
    """Random, or with `rule="sobol"` evenly spread."""

    kind = "random"
    defaults = options(rule=None, seed=None, logbase=None)


class GridSamplingAlgorithm(SamplingAlgorithm):
    """Every combination."""

    kind = "grid"


class BayesianSamplingAlgorithm(SamplingAlgorithm):
    """What a model of the results so far expects to be good."""

    kind = "bayesian"


class EarlyTerminationPolicy(Written):
    """Which runs end early. An interval of 0 means 1, an unused slack is 0, as in Azure."""


class BanditPolicy(EarlyTerminationPolicy):
    """Ends runs that are worse than the best by more than a slack."""

    kind = "bandit"
    defaults = options(evaluation_interval=0, delay_evaluation=0, slack_factor=0, slack_amount=0)


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Ends runs that are worse than the median of the running means."""

    kind = "median_stopping"
    defaults = options(evaluation_interval=1, delay_evaluation=0)


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Ends the worst share of runs at each interval. `exclude_finished_jobs` is in Azure's documents and in none of
    its classes: here runs that have ended are always compared with."""

    kind = "truncation_selection"
    defaults = options(
        evaluation_interval=0, delay_evaluation=0, truncation_percentage=0, exclude_finished_jobs=None
    )

    def to_yaml(self) -> dict[str, Any]:
        return {name: value for name, value in super().to_yaml().items() if name != "exclude_finished_jobs"}


class Objective(Written):
    """The metric that counts."""

    arguments = ("goal", "primary_metric")

    def to_yaml(self) -> dict[str, Any]:
        return dict(vars(self))


class SweepJobLimits(Written):
    """How much a sweep may spend; times in seconds."""

    defaults = options(max_concurrent_trials=None, max_total_trials=None, timeout=None, trial_timeout=None)

    def to_yaml(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}
