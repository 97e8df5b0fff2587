"""What Optuna's storages tell of a study, before it becomes one of ours: distributions as JSON, values as Optuna keeps
them (a choice by its number)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class RecordedTrial:
    """A trial; `params` are (name, distribution, value) as they were suggested, `value` is what it returned."""

    state: str
    started: float | None = None
    ended: float | None = None
    params: list[tuple[str, str, float]] = field(default_factory=list)
    reported: list[float] = field(default_factory=list)
    value: float | None = None


@dataclass
class Recorded:
    """A study; `directions` are MINIMIZE and MAXIMIZE, one for each objective."""

    directions: Sequence[str]
    metric: str | None
    trials: list[RecordedTrial]


class Storage(Protocol):
    """What holds studies. ConfigError where it cannot be read."""

    def names(self) -> list[str]:
        """The names of all studies."""
        ...

    def recorded(self, name: str) -> Recorded:
        """One of them."""
        ...
