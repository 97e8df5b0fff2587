"""Other policies on the runs that a sweep has let finish: what each would have saved and lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..errors import ConfigError, Problem
from ..policies.base import POLICIES, Policy, policy_from_json
from ..sweep.replay import Curve, Score, finished_curves, replay, suggestion
from .view import SweepView

LEAST_CURVES = 3
"""With fewer finished runs there is nothing to compare."""

CANDIDATES = (
    "median:delay=5",
    "truncation:percentage=20,interval=5",
    "truncation:percentage=50,interval=5",
    "bandit:slack_factor=0.1,delay=5",
    "asha:eta=3",
    "asha:eta=2,min_interval=5",
    "hyperband:eta=3",
    "forecast:risk=0.05",
)
"""What is tried when nobody names a policy."""

_NAMES = {"median": "median_stopping", "truncation": "truncation_selection", "asha": "successive_halving"}
_ARGUMENTS = {
    "delay": "delay_evaluation",
    "interval": "evaluation_interval",
    "percentage": "truncation_percentage",
}


class Rehearsal(NamedTuple):
    """The policies as they were named, the score of each, and which one to use, if any."""

    policies: Sequence[str]
    scores: Sequence[Score]
    suggested: str | None
    curves: int
    places: int
    orders: int


def rehearse(
    view: SweepView,
    policies: Sequence[str] = (),
    *,
    places: int | None = None,
    orders: int = 30,
    checkpoints: bool = False,
    told: Callable[[str], None] = lambda text: None,
) -> Rehearsal:
    """Replay the sweep's finished runs under each policy (`median:delay=5`), at `places` runs at once (the
    sweep's own number by default), in `orders` different orders; with `checkpoints` what a policy pauses can go
    on. ConfigError for a policy that does not
    exist or a sweep with too few finished runs. `told` gets each policy's name before its turn."""
    names = list(policies) or list(CANDIDATES)
    made = _all(names)
    curves = curves_of(view)
    if len(curves) < LEAST_CURVES:
        raise ConfigError(
            f"{view.sweep.id}: {len(curves)} runs with {view.metric!r} were let finish, and replay needs at "
            f"least {LEAST_CURVES}; run a sweep without a policy, or with a cautious one"
        )
    at_once = places or view.concurrent
    scores = []
    for name, policy in zip(names, made, strict=True):
        told(name)
        outcomes = [
            replay(curves, view.goal, policy, places=at_once, order=order, checkpoints=checkpoints)
            for order in range(1, orders + 1)
        ]
        scores.append(Score.of(outcomes))
    chosen = suggestion(scores)
    return Rehearsal(names, scores, None if chosen is None else names[chosen], len(curves), at_once, orders)


def curves_of(view: SweepView) -> list[Curve]:
    """The curves of the runs that were let finish, with the times at which their values came."""
    stamps = []
    for run in view.runs:
        times = [point.time for point in view.points(run.id).get(view.metric, ())]
        stamps.append([time for time in times if time is not None])
    return finished_curves(view.runs, stamps)


def policy_of(text: str) -> Policy:
    """The policy of `name:argument=value,argument=value`; ConfigError when it is none.

    Names are the registered ones, or median, truncation, asha; arguments are the policy's own, or delay,
    interval, percentage.
    """
    name, _, rest = text.partition(":")
    arguments: dict[str, Any] = {}
    for word in filter(None, rest.split(",")):
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(Problem(text, f"write argument=value, got {word!r}"))
        arguments[_ARGUMENTS.get(key.strip(), key.strip())] = _value(value.strip())
    name = _NAMES.get(name.strip(), name.strip())
    if name not in POLICIES.names():
        known = ", ".join([*_NAMES, *(n for n in POLICIES.names() if n not in _NAMES.values())])
        raise ConfigError(Problem(text, f"there is no policy {name!r}; there are {known}"))
    try:
        return policy_from_json({"name": name, **arguments})
    except ConfigError as error:
        raise ConfigError(Problem(text, str(problem)) for problem in error.problems) from None


def _all(names: Sequence[str]) -> list[Policy]:
    """Every policy; ConfigError with the problems of all."""
    made: list[Policy] = []
    problems: list[Problem] = []
    for name in names:
        try:
            made.append(policy_of(name))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return made


def _value(text: str) -> Any:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return {"none": None, "true": True, "false": False}.get(text.lower(), text)
