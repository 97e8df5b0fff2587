"""Any three hyperparameters in space, the metric as colour; turned by dragging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .arrays import packed
from .axes import bare
from .base import Figure, Option, Sweep, nothing
from .colors import bar
from .marks import choices, marker, side


class Scatter3D:
    """Three axes of choice; runs that lack one of the three are left out."""

    NAME: ClassVar[str] = "scatter3d"
    TITLE: ClassVar[str] = "3D scatter"

    def options(self, sweep: Sweep) -> list[Option]:
        """What the axes show."""
        names = choices(sweep)
        return [
            Option(axis, axis.upper(), names, names[min(k, len(names) - 1)]) for k, axis in enumerate("xyz")
        ]

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """One trace of runs with a value, one of those without."""
        sides = {axis: side(sweep, chosen[axis], spread=0.1, text=bare) for axis in "xyz"}
        shown = [
            k for k in range(len(sweep.runs)) if all(places[k] is not None for places, _ in sides.values())
        ]
        if not shown:
            return nothing("No run has all three of these yet.")
        data: list[dict[str, Any]] = []
        for valued in (False, True):
            part = [k for k in shown if (sweep.runs[k].series.best is not None) is valued]
            if part:
                runs = [sweep.runs[k] for k in part]
                data.append(
                    {
                        "type": "scatter3d",
                        "mode": "markers",
                        **{axis: packed(sides[axis][0][k] for k in part) for axis in "xyz"},
                        "customdata": packed([run.number for run in runs], "i4"),
                        "marker": {**marker(runs, valued), "size": 5},
                        "hovertemplate": "run %{customdata}<extra></extra>",
                    }
                )
        scene = {f"{axis}axis": sides[axis][1] for axis in "xyz"}
        return {
            "data": data,
            "layout": {
                "scene": {
                    **scene,
                    "camera": {
                        "eye": {"x": 1.55, "y": 1.55, "z": 0.8},
                        "center": {"x": 0, "y": 0, "z": -0.15},
                    },
                    "dragmode": "turntable",
                },
                "coloraxis": bar(sweep.bests, sweep.goal, sweep.metric),
                "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
                "showlegend": False,
            },
        }
