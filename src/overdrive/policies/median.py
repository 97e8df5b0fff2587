"""Median stopping: stop what has never been as good as the typical run is on average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..model.history import History
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

    def compare(self, best: float, interval: int, history: History) -> Verdict:
        found = history.standings.means(interval).median(best)
        if found is None or not worse(best, found[0], history.goal):
            return GO_ON
        own, at = figures(best, found[0])
        return Verdict(
            True,
            f"best {own} at interval {interval}, {side(history.goal)} {at} = "
            f"the median of the means of {found[1]} runs",
        )
