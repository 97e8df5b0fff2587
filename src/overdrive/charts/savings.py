"""What early termination saved: for each run, the intervals that it trained and those that it did not."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import ClassVar

from ..model.records import RunRecord, Status
from .arrays import packed
from .base import Figure, Option, Sweep, nothing
from .colors import STATUS


class Savings:
    """A bar for each run; the light part was not trained, up to the median length of the runs
    that went to their end."""

    NAME: ClassVar[str] = "savings"
    TITLE: ClassVar[str] = "Savings"

    def options(self, sweep: Sweep) -> list[Option]:
        """Nothing to choose."""
        return []

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """Two traces, one on the other; `meta.note` has the sum in words, plain text."""
        whole = [len(run.series) for run in sweep.runs if run.status is Status.COMPLETED and not _early(run)]
        if not whole or not any(map(_early, sweep.runs)):
            return nothing("Nothing was saved: no run was stopped while others completed.")
        length = statistics.median(whole)
        runs = [run for run in sweep.runs if run.status in (Status.COMPLETED, Status.CANCELED)]
        left = [max(0.0, length - len(run.series)) if _early(run) else 0.0 for run in runs]
        trained = sum(len(run.series) for run in runs)
        saved = math.fsum(left)
        share = saved / (saved + trained) if saved else 0.0
        numbers = packed([run.number for run in runs], "i4")
        x = packed(run.number for run in runs)
        hover = "run %{customdata}: %{y:g} intervals<extra></extra>"
        return {
            "data": [
                {
                    "type": "bar",
                    "x": x,
                    "y": packed(heights),
                    "customdata": numbers,
                    "marker": {"color": color},
                    "hovertemplate": hover,
                }
                for heights, color in (
                    ([float(len(run.series)) for run in runs], STATUS[Status.COMPLETED]),
                    (left, "rgba(211,154,45,0.45)"),
                )
            ],
            "layout": {
                "barmode": "stack",
                "bargap": 0.15,
                "meta": {"note": sweep.saved or f"{saved:.0f} intervals saved, {share:.0%} of all"},
                "margin": {"l": 44, "r": 8, "t": 8, "b": 36},
                "xaxis": {"title": {"text": "run"}},
                "yaxis": {"title": {"text": "intervals"}},
            },
        }


def _early(run: RunRecord) -> bool:
    return run.status is Status.CANCELED or run.cause == "plateau"
