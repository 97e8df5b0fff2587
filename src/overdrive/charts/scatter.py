"""Any two hyperparameters against each other, the metric as colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..model.records import RunRecord
from .arrays import packed
from .axes import plain
from .base import Figure, Option, Sweep, nothing
from .colors import ABSENT, bar

METRIC, RUN = "(metric)", "(run)"
"""What an axis may show beside a hyperparameter; no hyperparameter's name has brackets and stands for these."""

GL_RUNS = 3_000

SPREAD = 0.18
"""Points of a category are spread by so much to both sides, so that they do not hide each other."""

_GOLDEN = 0.6180339887498949


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
        title = plain(sweep.metric)
        sides = [side(sweep, chosen[name], sweep.runs) for name in ("x", "y")]
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
        values = [run.series.best for run in sweep.runs]
        layout = {"xaxis": sides[0][1], "yaxis": sides[1][1], "coloraxis": bar(values, sweep.goal, title)}
        return {"data": data, "layout": {**layout, "hovermode": "closest", "showlegend": False}}


def choices(sweep: Sweep) -> tuple[str, ...]:
    """What an axis may show: the hyperparameters that vary, the metric, the number of the run."""
    return (*sweep.axes, METRIC, RUN)


def side(
    sweep: Sweep, name: str, runs: Sequence[RunRecord], spread: float = SPREAD
) -> tuple[list[float | None], dict[str, Any]]:
    """The place of each run on an axis, and the axis."""
    axis = sweep.axes.get(name)
    if axis is not None:
        places = axis.places([run.params for run in runs])
        if axis.kind == "category":
            places = [
                None if place is None else place + spread * (2 * (run.number * _GOLDEN % 1) - 1)
                for place, run in zip(places, runs, strict=True)
            ]
        return places, axis.layout()
    if name == METRIC:
        return [run.series.best for run in runs], {"title": {"text": plain(sweep.metric)}}
    return [float(run.number) for run in runs], {"title": {"text": "run"}}


def marker(runs: Sequence[RunRecord], valued: bool) -> dict[str, Any]:
    """Coloured by the metric, or a grey ring."""
    if not valued:
        return {"size": 7, "symbol": "circle-open", "color": ABSENT}
    return {
        "size": 8,
        "color": packed(run.series.best for run in runs),
        "coloraxis": "coloraxis",
        "opacity": 0.9,
    }
