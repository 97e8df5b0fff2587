"""The primary metric: its goal, its points, and the series of one run's values.

NaN is never a best value. An infinity in the good direction is a diverged metric and is treated
like NaN; an infinity in the bad direction is what it says, the worst value there is.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from ..errors import ConfigError


class Point(NamedTuple):
    """One logged scalar. `step` is the user's own count, never used for intervals; `attempt` is which
    attempt of its run logged it."""

    name: str
    value: float
    step: float | None = None
    time: float | None = None
    attempt: int = 0


class PrimaryMetricGoal(Enum):
    """Whether larger or smaller values of the primary metric are better."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> PrimaryMetricGoal:
        """The goal of this name, in any case; ConfigError for any other word."""
        try:
            return PrimaryMetricGoal(str(goal).upper())
        except ValueError:
            raise ConfigError(f"must be 'maximize' or 'minimize', got {goal!r}") from None

    @property
    def worst(self) -> float:
        """The value that no other value is worse than."""
        return -math.inf if self is PrimaryMetricGoal.MAXIMIZE else math.inf

    def usable(self, value: float) -> bool:
        """Whether the value may be compared at all: neither NaN nor infinitely good."""
        return value == value and value != -self.worst

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is strictly better than `other`; both must be usable."""
        return value > other if self is PrimaryMetricGoal.MAXIMIZE else value < other

    def best(self, values: Iterable[float]) -> float | None:
        """The best usable value, or None when there is none."""
        usable = [value for value in values if self.usable(value)]
        if not usable:
            return None
        return max(usable) if self is PrimaryMetricGoal.MAXIMIZE else min(usable)


class Series:
    """One run's values of the primary metric in the order logged; value k is interval k (from 1).

    Only ever grows. The best of every prefix is kept (`bests`), and from the first question for a mean also
    sums and counts, so that a policy asks in O(1). Values that are not `usable` count as intervals and are left
    out of best and mean.
    """

    __slots__ = ("_counts", "_sums", "bests", "goal", "values")

    def __init__(self, goal: PrimaryMetricGoal, values: Iterable[float] = ()) -> None:
        self.goal = goal
        self.values: list[float] = []
        self.bests: list[float | None] = []
        self._sums: array[float] | None = None
        self._counts: array[int] | None = None
        self.extend(values)

    def __len__(self) -> int:
        return len(self.values)

    def append(self, value: float) -> None:
        """Log one more value."""
        self.extend((value,))

    def extend(self, values: Iterable[float]) -> None:
        """Log more values."""
        best = self.best
        worst, larger = self.goal.worst, self.goal is PrimaryMetricGoal.MAXIMIZE
        for value in values:
            # As `usable` and `better`, a million times.
            if (
                value == value
                and value != -worst
                and (best is None or (value > best if larger else value < best))
            ):
                best = value
            self.values.append(value)
            self.bests.append(best)

    @property
    def best(self) -> float | None:
        """The best usable value so far, or None."""
        return self.bests[-1] if self.bests else None

    def best_at(self, interval: int) -> float | None:
        """The best usable one of the first `interval` values (of what there is), or None."""
        best = self.bests
        if interval > len(best):
            interval = len(best)
        return best[interval - 1] if interval > 0 else None

    def mean_at(self, interval: int) -> float | None:
        """The mean of the usable ones of the first `interval` values (of what there is), or None."""
        sums, counts = self._added_up()
        if interval > len(counts):
            interval = len(counts)
        count = counts[interval - 1] if interval > 0 else 0
        return sums[interval - 1] / count if count else None

    def _added_up(self) -> tuple[array[float], array[int]]:
        """The sum and the number of the usable ones of each prefix."""
        if self._sums is None or self._counts is None:
            self._sums, self._counts = array("d"), array("L")
        sums, counts = self._sums, self._counts
        if len(sums) < len(self.values):
            total, count = (sums[-1], counts[-1]) if sums else (0.0, 0)
            for value in self.values[len(sums) :]:
                if self.goal.usable(value):
                    total, count = total + value, count + 1
                sums.append(total)
                counts.append(count)
        return sums, counts
