"""The best value so far, over the runs or over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..model.records import RunRecord
from .arrays import packed
from .axes import TITLE, clipped, plain
from .base import Figure, Option, Sweep, nothing
from .colors import SCALE, STATUS


class BestSoFar:
    """One point for each run, at its best value, and a step line of the best of all."""

    NAME: ClassVar[str] = "history"
    TITLE: ClassVar[str] = "Best so far"

    def options(self, sweep: Sweep) -> list[Option]:
        """Over what, and how the metric is scaled."""
        return [
            Option("over", "Over", ("runs", "minutes"), "runs"),
            Option("scale", "Scale", ("linear", "log"), "linear"),
        ]

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """Over minutes, a run stands where it ended, or now."""
        start = min((run.started for run in sweep.runs if run.started is not None), default=0.0)

        def place(run: RunRecord) -> float:
            if chosen["over"] == "runs":
                return float(run.number)
            return ((run.ended or sweep.now) - start) / 60

        usable = [run for run in sweep.runs if run.series.best is not None]
        runs = sorted(usable, key=lambda run: (place(run), run.number))
        if not runs:
            return nothing("No run has a value of the metric yet.")
        best: list[float] = []
        for run in runs:
            value = run.series.best
            assert value is not None
            best.append(value if not best or sweep.goal.better(value, best[-1]) else best[-1])
        x = packed(map(place, runs))
        numbers = packed([run.number for run in runs], "i4")
        values = packed(run.series.best for run in runs)
        line = {"width": 2, "color": SCALE[-1], "shape": "hv"}
        points = {
            "type": "scatter",
            "mode": "markers",
            "x": x,
            "y": values,
            "customdata": numbers,
            "marker": {
                "size": 6,
                "color": [STATUS.get(run.status, "#8b93a1") for run in runs],
                "opacity": 0.85,
            },
            "hovertemplate": "run %{customdata}: %{y:.6g}<extra></extra>",
        }
        steps = {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": packed(best),
            "line": line,
            "hoverinfo": "skip",
        }
        return {
            "data": [points, steps],
            "layout": {
                "xaxis": {"title": {"text": "run" if chosen["over"] == "runs" else "minutes"}},
                "yaxis": {"title": {"text": plain(clipped(sweep.metric, TITLE))}, "type": chosen["scale"]},
                "hovermode": "closest",
                "showlegend": False,
            },
        }
