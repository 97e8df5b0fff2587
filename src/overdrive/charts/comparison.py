"""Several sweeps on one metric: the best value so far of each, over its runs or its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord
from .arrays import packed
from .axes import TITLE, clipped, plain
from .base import Figure, Option, Sweep, completed, nothing

COLORS = ("#4a8fc7", "#e08a2e", "#2f9e6e", "#b565c4", "#dc5050", "#8b93a1", "#a3a531", "#2fa9a8")
"""One a sweep, and then again from the first."""


class Value(NamedTuple):
    """The best that a run has logged of the metric, and when the run ended (or now)."""

    run: RunRecord
    best: float
    at: float


def options(sweeps: Mapping[str, Sweep]) -> list[Option]:
    """What may be chosen: one of the primary metrics, over what, and how it is scaled."""
    metrics = tuple(dict.fromkeys(sweep.metric for sweep in sweeps.values() if sweep.metric)) or ("",)
    return [
        Option("metric", "Metric", metrics, metrics[0]),
        Option("over", "Over", ("runs", "minutes"), "runs"),
        Option("scale", "Scale", ("linear", "log"), "linear"),
    ]


def comparison(sweeps: Mapping[str, Sweep], chosen: Mapping[str, str] | None = None) -> Figure:
    """A step line and its runs for each sweep, by the name that is shown; better is what the sweep says whose
    primary metric it is. ConfigError for a choice that there is not."""
    choice = completed(options(sweeps), chosen or {})
    metric = choice["metric"]
    goal = next((one.goal for one in sweeps.values() if one.metric == metric), PrimaryMetricGoal.MAXIMIZE)
    data: list[dict[str, Any]] = []
    for place, (name, sweep) in enumerate(sweeps.items()):
        found = values(sweep, metric, goal)
        if choice["over"] == "minutes":
            found.sort(key=lambda value: value.at)
        if found:
            data += _traces(name, sweep, found, goal, choice["over"], COLORS[place % len(COLORS)])
    if not data:
        return nothing(f"None of these sweeps has logged {metric or 'a metric'} yet.")
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": choice["over"]}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": plain(clipped(metric, TITLE))}, "type": choice["scale"]},
            "hovermode": "closest",
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        },
    }


def values(sweep: Sweep, metric: str, goal: PrimaryMetricGoal) -> list[Value]:
    """The best of each run that has logged the metric, in the order of their numbers."""
    found = []
    for run in sweep.runs:
        logged = sweep.points.get(run.id, {}).get(metric)
        best = None if logged is None else goal.best(logged.values)
        if best is not None:
            found.append(Value(run, best, run.ended or sweep.now))
    return found


def _traces(
    name: str, sweep: Sweep, found: list[Value], goal: PrimaryMetricGoal, over: str, color: str
) -> list[dict[str, Any]]:
    start = min((run.started for run in sweep.runs if run.started is not None), default=0.0)
    places = [(one.at - start) / 60 if over == "minutes" else float(k + 1) for k, one in enumerate(found)]
    best: list[float] = []
    for one in found:
        best.append(one.best if not best or goal.better(one.best, best[-1]) else best[-1])
    text = plain(clipped(name, TITLE))
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": text,
            "legendgroup": str(color),
            "showlegend": False,
            "x": packed(places),
            "y": packed(one.best for one in found),
            "customdata": packed([one.run.number for one in found], "i4"),
            "marker": {"size": 4, "color": color, "opacity": 0.35},
            "hovertemplate": f"{text}<br>run %{{customdata}}: %{{y:.6g}}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": text,
            "legendgroup": str(color),
            "x": packed(places),
            "y": packed(best),
            "line": {"width": 2, "color": color, "shape": "hv"},
            "hovertemplate": f"{text}<br>best of %{{x:.4g}} {over}: %{{y:.6g}}<extra></extra>",
        },
    ]
