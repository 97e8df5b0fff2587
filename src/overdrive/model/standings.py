"""How the runs of a history stand at an interval, kept up to date value by value: a policy judges each of a
million values without looking at each run.

Notation: best_j(N) and mean_j(N) are the best and the mean of run j's first N values, of what it has. An interval is
indexed when it is first asked for; from then on a value costs O(log runs) for each index that it reaches.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import eq

from .metrics import PrimaryMetricGoal, Series
from .ranking import Ranking
from .records import RunRecord


class Reached:
    """The best_j(N) of the runs that have reached interval N; `unusable` of them have none."""

    __slots__ = ("_goal", "_ranking", "unusable")

    def __init__(self, goal: PrimaryMetricGoal, bests: Iterable[float | None]) -> None:
        self._goal = goal
        found = list(bests)
        self._ranking = Ranking(best for best in found if best is not None)
        self.unusable = len(found) - len(self._ranking)

    def __len__(self) -> int:
        return len(self._ranking) + self.unusable

    def add(self, best: float | None) -> None:
        """One run more has come."""
        if best is None:
            self.unusable += 1
        else:
            self._ranking.add(best)

    def remove(self, best: float | None) -> None:
        """A run that had come begins anew."""
        if best is None:
            self.unusable -= 1
        else:
            self._ranking.remove(best)

    def ahead(self, best: float) -> int:
        """How many of them are strictly better."""
        larger = self._goal is PrimaryMetricGoal.MAXIMIZE
        return self._ranking.above(best) if larger else self._ranking.below(best)

    def kept(self, count: int) -> float | None:
        """The best_j of the last of the first `count` (from 1), best first; None where so many have none."""
        if count > len(self._ranking):
            return None
        larger = self._goal is PrimaryMetricGoal.MAXIMIZE
        return self._ranking[len(self._ranking) - count if larger else count - 1]


class Means:
    """The mean_j(N) of all runs that have reported anything. `settled` are those that will not change any more;
    `moving` the other runs, by id, also those that have reported nothing yet."""

    __slots__ = ("_goal", "_interval", "moving", "settled")

    def __init__(self, goal: PrimaryMetricGoal, interval: int, runs: Iterable[RunRecord]) -> None:
        self._goal = goal
        self._interval = interval
        self.moving: dict[str, RunRecord] = {}
        final = []
        for run in runs:
            if self._is_final(run):
                final += self._mean(run.series)
            else:
                self.moving[run.id] = run
        self.settled = Ranking(final)

    def settle(self, run: RunRecord) -> None:
        """The run has reached the interval, or has ended."""
        if self.moving.pop(run.id, None) is not None:
            for mean in self._mean(run.series):
                self.settled.add(mean)

    def unsettle(self, run: RunRecord, before: Series) -> None:
        """A run that has reported `before` begins anew."""
        if run.id not in self.moving:
            for mean in self._mean(before):
                self.settled.remove(mean)
        self.moving[run.id] = run

    def median(self, better_than: float) -> tuple[float, int] | None:
        """The median, and of how many; None where it is certain that it is not strictly better than a value. A run
        without a usable mean counts as worst."""
        if 2 * self._settled_up_to(better_than) > len(self.settled) + len(self.moving):
            return None  # more than half, whatever the others are
        for run in [run for run in self.moving.values() if self._is_final(run)]:
            self.settle(run)
        others = sorted(mean for run in self.moving.values() for mean in self._mean(run.series))
        count = len(self.settled) + len(others)
        lower, upper = (self._merged(others, rank) for rank in ((count - 1) // 2, count // 2))
        return (lower if lower == upper else (lower + upper) / 2), count

    def _settled_up_to(self, value: float) -> int:
        larger = self._goal is PrimaryMetricGoal.MAXIMIZE
        ahead = self.settled.above(value) if larger else self.settled.below(value)
        return len(self.settled) - ahead

    def _merged(self, others: list[float], rank: int) -> float:
        """The number of this rank among the settled ones and `others`, which is sorted."""
        low, high = 0, len(others)
        while low < high:  # how many of the others come before it
            middle = (low + high) // 2
            if self.settled.below(others[middle]) + middle < rank:
                low = middle + 1
            else:
                high = middle
        if low < len(others) and self.settled.below(others[low]) + low == rank:
            return others[low]
        return self.settled[rank - low]

    def _is_final(self, run: RunRecord) -> bool:
        return len(run.series) >= self._interval or run.status.terminal

    def _mean(self, series: Series) -> list[float]:
        """None or one."""
        if not len(series):
            return []
        mean = series.mean_at(self._interval)
        return [mean if mean is not None and self._goal.usable(mean) else self._goal.worst]


class Standings:
    """Of the runs of one history, which tells of each change."""

    def __init__(self, goal: PrimaryMetricGoal, runs: Iterable[RunRecord]) -> None:
        self._goal = goal
        self._runs = list(runs)
        self._leading: list[float | None] | None = None
        self._reached: dict[int, Reached] = {}
        self._means: dict[int, Means] = {}

    # Questions

    def leading(self, interval: int) -> float | None:
        """The best of all runs' best_j(N), or None."""
        if self._leading is None:
            self._leading = []
            for run in self._runs:
                self._lead(run.series, 0)
        return (
            self._leading[min(interval, len(self._leading)) - 1] if self._leading and interval > 0 else None
        )

    def reached(self, interval: int) -> Reached:
        """Those that have reached the interval."""
        if interval not in self._reached:
            came = (run.series for run in self._runs if len(run.series) >= interval)
            self._reached[interval] = Reached(self._goal, (series.best_at(interval) for series in came))
        return self._reached[interval]

    def means(self, interval: int) -> Means:
        """All means at the interval."""
        if interval not in self._means:
            self._means[interval] = Means(self._goal, interval, self._runs)
        return self._means[interval]

    # Changes

    def add(self, run: RunRecord) -> None:
        """A new run, with what it has reported."""
        self._runs.append(run)
        for means in self._means.values():
            means.moving[run.id] = run
        self.extend(run, 0)

    def extend(self, run: RunRecord, before: int) -> None:
        """The run had reported `before` values, and has reported more."""
        series = run.series
        if self._leading is not None:
            self._lead(series, before)
        if self._reached or self._means:
            for interval in range(before + 1, len(series) + 1):
                if (reached := self._reached.get(interval)) is not None:
                    reached.add(series.best_at(interval))
                if (means := self._means.get(interval)) is not None:
                    means.settle(run)

    def restart(self, run: RunRecord, before: Series) -> None:
        """The run had reported `before`, of which only its present series counts any more."""
        if self._leading is not None and any(map(eq, before.bests, self._leading)):
            self._leading = None  # it held some of these places
        for interval, reached in self._reached.items():
            if interval <= len(before):
                reached.remove(before.best_at(interval))
        for means in self._means.values():
            means.unsettle(run, before)
        self.extend(run, 0)

    def _lead(self, series: Series, before: int) -> None:
        """Take in the values after the first `before`."""
        leading, larger = self._leading, self._goal is PrimaryMetricGoal.MAXIMIZE
        assert leading is not None
        best: float | None = None
        for place in range(before, max(len(series), len(leading))):
            if place < len(series):
                best = series.bests[place]
            held = leading[place] if place < len(leading) else leading[-1] if leading else None
            ahead = best is not None and (held is None or (best > held if larger else best < held))
            if place >= len(leading):
                leading.append(best if ahead else held)
            elif ahead:
                leading[place] = best
            elif place >= len(series):
                return
