"""Any two hyperparameters against each other, the metric as colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .arrays import packed
from .base import Figure, Option, Sweep, nothing
from .colors import bar
from .marks import choices, marker, side

GL_RUNS = 3_000


class Scatter:
    """Two axes of choice; runs without a value of the metric are grey rings."""

    NAME: ClassVar[str] = "scatter"
    TITLE: ClassVar[str] = "2D scatter"

    def options(self, sweep: Sweep) -> list[Option]:
        """What the axes show."""
        names = choices(sweep)
        return [
            Option("x", "X", names, names[0]),
            Option("y", "Y", names, names[min(1, len(names) - 1)]),
        ]

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """Runs that lack one of the two are left out."""
        sides = [side(sweep, chosen[name]) for name in ("x", "y")]
        shown = [k for k in range(len(sweep.runs)) if all(places[k] is not None for places, _ in sides)]
        if not shown:
            return nothing("No run has both of these yet.")
        data = []
        for valued in (False, True):
            part = [k for k in shown if (sweep.runs[k].series.best is not None) is valued]
            if not part:
                continue
            runs = [sweep.runs[k] for k in part]
            data.append(
                {
                    "type": "scattergl" if len(part) > GL_RUNS else "scatter",
                    "mode": "markers",
                    "x": packed(sides[0][0][k] for k in part),
                    "y": packed(sides[1][0][k] for k in part),
                    "customdata": packed([run.number for run in runs], "i4"),
                    "marker": marker(runs, valued),
                    "hovertemplate": "run %{customdata}<extra></extra>",
                }
            )
        layout = {
            "xaxis": sides[0][1],
            "yaxis": sides[1][1],
            "coloraxis": bar(sweep.bests, sweep.goal, sweep.metric),
        }
        return {"data": data, "layout": {**layout, "hovermode": "closest", "showlegend": False}}
