"""Truncation selection: at every interval stop the lowest part of the runs that got there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..errors import Problem
from ..model.history import History
from .base import GO_ON, EarlyTerminationPolicy, Verdict, figures, whole_number


@dataclass(frozen=True)
class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """Stops run i at N when best_i(N) is in the lowest `truncation_percentage` percent.

    Ranked are the runs that have reached N, finished and stopped ones too, each cut back to N. The
    lowest part is floor(percentage x n / 100) of n runs; whoever ties with the first one above it stays.
    """

    NAME: ClassVar[str] = "truncation_selection"
    POLICY_NAME: ClassVar[str] = "TruncationSelection"

    truncation_percentage: int
    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def problems(self) -> Iterator[Problem]:
        yield from whole_number("truncation_percentage", self.truncation_percentage, 1, 99)
        yield from super().problems()

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        ranked = history.standings.reached(interval)
        lowest = self.truncation_percentage * len(ranked) // 100
        ahead = ranked.ahead(best)
        # In the lowest part, all ties included, exactly if so many are ahead that it holds the rest.
        if len(ranked) - ahead > lowest:
            return GO_ON
        return Verdict(
            True,
            f"best {figures(best)[0]} at interval {interval}, rank {ahead + 1} of {len(ranked)}: "
            f"in the lowest {lowest} = {self.truncation_percentage} %",
        )
