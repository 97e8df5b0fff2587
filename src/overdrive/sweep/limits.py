"""How much a sweep may spend, and how that is changed while it runs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem
from .checks import is_count, is_number


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
            if not is_count(value):
                problems.append(Problem(name, f"must be a whole number of runs, at least 1, got {value!r}"))
            found[field_name] = value
        elif value is None and name != "grace_seconds":
            found[field_name] = None
        elif not is_number(value, above=-math.inf if name == "grace_seconds" else 0, least=0):
            problems.append(Problem(name, f"must be above 0, got {value!r}"))
        else:
            found[field_name] = value * unit
    if problems:
        raise ConfigError(problems)
    return found
