"""What early termination has saved, in intervals and in seconds, and what its controls say of the risk."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..model.history import History
from ..model.records import RunRecord, Status
from ..policies.base import controls, loss
from .retries import Cause

CONFIDENCE = 0.95


class Savings(NamedTuple):
    """Whole: what all runs would have taken, those that were stopped up to the usual length.

    `controls` is how many runs the policy would have stopped and let finish to see what becomes of them,
    `won` how many of those are better than every run that is none; `stopped` is how many it stopped. `risk`
    is the upper bound (at 95 %) of the share of such runs that would have won, None without a control.
    """

    intervals: int
    whole_intervals: int
    seconds: float
    whole_seconds: float
    stopped: int = 0
    controls: int = 0
    won: int = 0
    lost: float | None = None
    lost_bound: float | None = None

    def to_json(self) -> dict[str, Any]:
        """All fields by name, and `risk`."""
        return {**self._asdict(), "risk": self.risk}

    @property
    def risk(self) -> float | None:
        """See above: Clopper and Pearson's one-sided bound."""
        return upper_bound(self.won, self.controls) if self.controls else None

    def __str__(self) -> str:
        if not self.intervals or not self.whole_intervals:
            return "nothing saved"
        share = round(100 * self.intervals / self.whole_intervals)
        said = f"{share} % of {self.whole_intervals:,} intervals and {_hours(self.seconds, self.whole_seconds)} saved"
        if self.risk is not None:
            said += f"; {self.won} of {self.controls} controls would have won"
        if self.lost_bound is not None:
            said += f"; chance that the winner was lost below {_percent(self.lost_bound)} (95 %)"
        elif self.risk is not None:
            said += f": below {_percent(self.risk)} of the stopped (95 %)"
        return said


def savings(history: History) -> Savings:
    """Of a sweep's own runs; inherited ones cost and save nothing.

    A run that was stopped, or completed early, would have gone on to the median length of the runs that went to
    their end, at its own pace. While none has, nothing is known of how long a run is, and nothing counts as
    saved. Seconds are those of runs whose times are known.
    """
    own = [run for run in history if not run.inherited]
    length = _length(own)
    intervals = whole = 0.0
    seconds = whole_seconds = 0.0
    for run in own:
        reached, taken = len(run.series), run.seconds
        left = max(0.0, length - reached) if _ended_early(run) else 0.0
        intervals += left
        whole += reached + left
        rest = taken * left / reached if reached else 0.0
        seconds += rest
        whole_seconds += taken + rest
    stopped = sum(run.status is Status.CANCELED and run.cause == Cause.POLICY for run in own)
    lost = loss(history)
    return Savings(
        round(intervals),
        round(whole),
        seconds,
        whole_seconds,
        stopped,
        *controls(history),
        *(lost or (None, None)),
    )


def saved_intervals(runs: Iterable[RunRecord]) -> int:
    """Intervals that stopped runs did not train: up to the median length of those that went to their end.

    0 while none has, since nothing is known then of how long a run is.
    """
    runs = list(runs)
    length = _length(runs)
    return round(sum(max(0.0, length - len(run.series)) for run in runs if _ended_early(run)))


def upper_bound(won: int, of: int) -> float:
    """The largest chance under which `won` or fewer of `of` still come 1 time in 20."""
    if won >= of:
        return 1.0
    low, high = won / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        tail = sum(_binomial(k, of, middle) for k in range(won + 1))
        low, high = (middle, high) if tail > 1 - CONFIDENCE else (low, middle)
    return high


def _ended_early(run: RunRecord) -> bool:
    return run.status is Status.CANCELED or (run.status is Status.COMPLETED and run.cause == Cause.PLATEAU)


def _length(runs: Iterable[RunRecord]) -> float:
    whole = [len(run.series) for run in runs if run.status is Status.COMPLETED and not _ended_early(run)]
    return statistics.median(whole) if whole else 0.0


def _binomial(k: int, n: int, p: float) -> float:
    ways = 1.0
    for i in range(k):
        ways *= (n - i) / (i + 1)
    return ways * p**k * (1 - p) ** (n - k)


def _percent(share: float) -> str:
    """Rounded up: a bound is never said to be lower than it is."""
    percent = 100 * share
    return f"{math.ceil(percent) if percent >= 1 else max(0.1, math.ceil(10 * percent) / 10):g} %"


def _hours(saved: float, whole: float) -> str:
    for name, unit in (("hours", 3600.0), ("minutes", 60.0)):
        if whole >= 2 * unit:
            return f"{saved / unit:.1f} of {whole / unit:.1f} {name}"
    return f"{saved:.1f} of {whole:.1f} seconds"
