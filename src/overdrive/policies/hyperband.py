"""Hyperband without waiting: successive halving in several brackets, which start to stop at different
intervals, so that a run that rises late has a bracket in which it may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from ..model.records import RunRecord
from .base import GO_ON, Verdict, whole_number
from .rungs import RungPolicy


@dataclass(frozen=True)
class HyperbandPolicy(RungPolicy):
    """Bracket b (from 0) has its first rung at `min_interval` x `eta`^b; a run is compared within its own.

    The bracket follows from the run's number alone, in Hyperband's proportions: with B brackets, b gets a
    share of eta^(B - 1 - b) x B / (B - b). Source: Li et al., JMLR 2018 (arXiv 1603.06560).
    """

    NAME: ClassVar[str] = "hyperband"

    brackets: int = 3

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from whole_number("brackets", self.brackets, 1, 10)

    def bracket(self, number: int) -> int:
        """The bracket of run `number`: the first runs of each round go to bracket 0, and so on."""
        place = number % sum(self._shares())
        for bracket, share in enumerate(self._shares()):
            if place < share:
                return bracket
            place -= share
        raise AssertionError("unreachable: the shares make up a round")

    def judge(self, run: RunRecord, interval: int, history: History) -> Verdict:
        """Whether `run` goes on: the best of its bracket does, and so the best of all."""
        bracket = self.bracket(run.number)
        halving = RungPolicy(self.eta, self.min_interval * self.eta**bracket, self.max_interval)
        if not halving.due(interval):
            return GO_ON
        own = History(history.goal)
        for other in history:
            if self.bracket(other.number) == bracket:
                own.add(other)
        verdict = halving.judge(run, interval, own)
        return verdict._replace(reason=f"bracket {bracket}: {verdict.reason}") if verdict.stop else verdict

    def _shares(self) -> list[int]:
        """How many runs of a round each bracket gets."""
        total = self.brackets
        return [-(-(self.eta ** (total - 1 - b)) * total // (total - b)) for b in range(total)]
