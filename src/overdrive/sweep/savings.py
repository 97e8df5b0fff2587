"""What early termination has saved, in intervals."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from ..model.records import RunRecord, Status


def saved_intervals(runs: Iterable[RunRecord]) -> int:
    """Intervals that stopped runs did not train: up to the median length of the runs that completed.

    0 while no run has completed, since nothing is known then of how long a run is.
    """
    runs = list(runs)
    whole = [len(run.series) for run in runs if run.status is Status.COMPLETED]
    if not whole:
        return 0
    length = statistics.median(whole)
    stopped = (len(run.series) for run in runs if run.status is Status.CANCELED)
    return round(sum(max(0.0, length - reached) for reached in stopped))
