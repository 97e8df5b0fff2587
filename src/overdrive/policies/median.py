"""Median stopping: stop what has never been as good as the typical run is on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from ..model.metrics import PrimaryMetricGoal, Series
from .base import GO_ON, EarlyTerminationPolicy, Verdict, figures, side, worse


@dataclass(frozen=True)
class MedianStoppingPolicy(EarlyTerminationPolicy):
    """Stops run i at N when best_i(N) is strictly worse than the median of all runs' mean_j(N).

    Every run that has reported counts, the judged one too; one that ended before N counts with the
    mean of what it has. Source: HyperDrive, after Vizier (Golovin et al., KDD 2017).
    """

    NAME: ClassVar[str] = "median_stopping"
    POLICY_NAME: ClassVar[str] = "MedianStopping"

    evaluation_interval: int = 1
    delay_evaluation: int = 0

    def compare(
        self, best: float, interval: int, population: Sequence[Series], goal: PrimaryMetricGoal
    ) -> Verdict:
        means = (series.mean_at(interval) for series in population)
        # A run without usable values counts as worst, and so does a sum that overflowed.
        middle = median(m if m is not None and goal.usable(m) else goal.worst for m in means)
        if not worse(best, middle, goal):
            return GO_ON
        own, at = figures(best, middle)
        return Verdict(
            True,
            f"best {own} at interval {interval}, {side(goal)} {at} = "
            f"the median of the means of {len(population)} runs",
        )
