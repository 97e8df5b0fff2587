"""When each run ran, and on which of the places that run at once: gaps are idle machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from ..model.records import RunRecord
from .arrays import packed
from .base import Figure, Option, Sweep, nothing
from .colors import ABSENT, STATUS


class Span(NamedTuple):
    """A run on its place, in seconds since the first run began."""

    run: RunRecord
    place: int
    start: float
    end: float


class Timeline:
    """One bar for each run, coloured by its status."""

    NAME: ClassVar[str] = "timeline"
    TITLE: ClassVar[str] = "Timeline"

    def options(self, sweep: Sweep) -> list[Option]:
        """Nothing to choose."""
        return []

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """Runs that have not begun are left out; one that has not ended reaches until now."""
        spans = placed(sweep.runs, sweep.now)
        if not spans:
            return nothing("No run has begun yet.")
        longest = max(span.end for span in spans)
        unit, size = (
            ("hours", 3600) if longest > 7200 else ("minutes", 60) if longest > 120 else ("seconds", 1)
        )
        places = max(span.place for span in spans) + 1
        return {
            "data": [
                {
                    "type": "bar",
                    "orientation": "h",
                    "y": packed(span.place + 1 for span in spans),
                    "base": packed(span.start / size for span in spans),
                    "x": packed(max(span.end - span.start, longest / 2000) / size for span in spans),
                    "customdata": packed([span.run.number for span in spans], "i4"),
                    "marker": {
                        "color": [STATUS.get(span.run.status, ABSENT) for span in spans],
                        "line": {"width": 0.5, "color": "rgba(127,127,127,0.6)"},
                    },
                    "width": 0.8,
                    "hovertemplate": "run %{customdata}<extra></extra>",
                }
            ],
            "layout": {
                "barmode": "overlay",
                "xaxis": {"title": {"text": unit}, "rangemode": "tozero"},
                "yaxis": {
                    "title": {"text": "place"},
                    "range": [places + 0.5, 0.5],
                    "tickformat": "d",
                    "dtick": max(1, -(-places // 12)),
                    "tick0": 1,
                },
                "hovermode": "closest",
            },
        }


def placed(runs: Sequence[RunRecord], now: float) -> list[Span]:
    """Each run on the first place that was free when it began."""
    begun = sorted((run.started, run.number, run) for run in runs if run.started is not None)
    if not begun:
        return []
    zero = begun[0][0]
    free: list[float] = []
    spans = []
    for started, _, run in begun:
        end = max(started, run.ended if run.ended is not None else now)
        place = next((k for k, until in enumerate(free) if until <= started + 1e-3), len(free))
        free[place : place + 1] = [end]
        spans.append(Span(run, place, started - zero, end - zero))
    return spans
