"""Rungs: intervals at which a run goes on only among the best of those that came so far. What successive
halving and Hyperband share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import Problem
from ..model.history import History
from .base import GO_ON, EarlyTerminationPolicy, Verdict, figures, whole_number


@dataclass(frozen=True)
class RungPolicy(EarlyTerminationPolicy):
    """Rungs at `min_interval` x `eta`^j, below `max_interval` if there is one.

    Of n runs that have reached a rung, the judged one too, the best max(1, floor(n / eta)) by best_i(rung)
    go on; whoever ties with the last of them does too.
    """

    eta: int = 3
    min_interval: int = 1
    max_interval: int | None = None

    def problems(self) -> Iterator[Problem]:
        yield from whole_number("eta", self.eta, 2)
        yield from whole_number("min_interval", self.min_interval, 1)
        if self.max_interval is not None:
            yield from whole_number("max_interval", self.max_interval, 1)

    def due(self, interval: int) -> bool:
        """Whether this interval is a rung."""
        rung = self.min_interval
        while rung < interval:
            rung *= self.eta
        return rung == interval and (self.max_interval is None or interval < self.max_interval)

    def rung_of(self, interval: int) -> int:
        """The last rung up to an interval; the first one for an interval before it."""
        rung = self.min_interval
        while rung * self.eta <= interval and self.due(rung * self.eta):
            rung *= self.eta
        return rung

    def last_kept(self, interval: int, history: History) -> float | None:
        """The best_i of the last one that goes on at this rung; None when even the worst does."""
        rung = history.standings.reached(interval)
        return rung.kept(max(1, len(rung) // self.eta))

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        rung = history.standings.reached(interval)
        ahead = rung.ahead(best)
        kept = max(1, len(rung) // self.eta)
        if ahead < kept:
            return GO_ON
        return Verdict(
            True,
            f"best {figures(best)[0]} at interval {interval}, rank {ahead + 1} of {len(rung)}: "
            f"not among the best {kept} (1 in {self.eta})",
        )
