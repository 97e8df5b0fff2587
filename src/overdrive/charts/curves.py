"""The metrics chart: one line for each run over its intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord, Status
from ..model.scalars import Scalars
from .arrays import Array, packed, packed_small, thinned
from .axes import TITLE, clipped, plain
from .base import Figure, Option, Sweep, nothing
from .colors import STATUS, bounds, shade

MOST_POINTS = 60_000
"""So many points a figure holds; beyond, each line is thinned, and keeps its extremes."""

FEWEST_POINTS = 16
"""So many a line keeps at least."""

GL_POINTS = 4_000
"""From so many points on, the lines are drawn by WebGL."""

MOST_LIVE = 32
"""So many runs that are under way have a trace of their own, to which points are added."""

SMOOTHINGS = {"none": 0.0, "some": 0.6, "much": 0.9}
"""Weights of the exponential moving average."""


class Line(NamedTuple):
    """What is drawn of one run."""

    run: RunRecord
    x: Array
    y: Array
    color: str


class Curves:
    """Lines coloured by the best value of their run; an x marks where a run was stopped."""

    NAME: ClassVar[str] = "curves"
    TITLE: ClassVar[str] = "Metrics"

    def options(self, sweep: Sweep) -> list[Option]:
        """Which metric, and how it is shown."""
        metrics = tuple(sweep.metrics) or ("",)
        return [
            Option("metric", "Metric", metrics, metrics[0]),
            Option("show", "Show", ("values", "best so far"), "values"),
            Option("over", "Over", ("interval", "step", "seconds"), "interval"),
            Option("scale", "Scale", ("linear", "log"), "linear"),
            Option("smooth", "Smooth", tuple(SMOOTHINGS), "none"),
        ]

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """A trace for each run under way, and one for each colour of the others, with gaps between runs."""
        lines = _lines(sweep, chosen)
        if not lines:
            return nothing(f"No run has logged {chosen['metric'] or 'a metric'} yet.")
        total = sum(len(line.y) for line in lines)
        kind = "scattergl" if total > GL_POINTS else "scatter"
        live = [line for line in lines if not line.run.status.terminal][:MOST_LIVE]
        moving = {line.run.id for line in live}
        groups: dict[str, list[Line]] = {}
        for line in lines:
            if line.run.id not in moving:
                groups.setdefault(line.color, []).append(line)
        hover = f"run %{{customdata}}<br>{plain(chosen['over'])} %{{x}}<br>%{{y:.6g}}<extra></extra>"
        data = [_trace(group, color, kind, hover) for color, group in groups.items()]
        data += [
            {**_trace([line], line.color, kind, hover), "meta": {"live": line.run.number}} for line in live
        ]
        data += _stops(lines, kind, chosen["over"])
        title = clipped(chosen["metric"], TITLE) + (
            " (best so far)" if chosen["show"] == "best so far" else ""
        )
        return {
            "data": data,
            "layout": {
                "xaxis": {"title": {"text": chosen["over"]}, "rangemode": "tozero"},
                "yaxis": {"title": {"text": plain(title)}, "type": chosen["scale"]},
                "hovermode": "closest",
                "showlegend": False,
            },
        }


def _lines(sweep: Sweep, chosen: Mapping[str, str]) -> list[Line]:
    limits = bounds(sweep.bests, sweep.goal)
    found = []
    none = Scalars(chosen["metric"])
    logged = {run.id: sweep.points.get(run.id, {}).get(chosen["metric"], none) for run in sweep.runs}
    total = sum(map(len, logged.values()))
    most = max(FEWEST_POINTS, MOST_POINTS // max(1, sum(map(bool, logged.values()))))
    places = np.arange(max(map(len, logged.values()), default=0))
    for run in sweep.runs:
        points = logged[run.id]
        if not points:
            continue
        values = _shown(np.array(points.values), sweep.goal, chosen)
        kept = places[: len(values)]
        if total > MOST_POINTS:
            kept = np.array(thinned(values, most))
            values = values[kept]
        if chosen["scale"] == "log":
            values = np.where(values > 0, values, np.nan)
        color = shade(run.series.best, limits, sweep.goal)
        found.append(Line(run, _places(run, points, kept, chosen["over"]), values, color))
    return found


def _shown(values: Array, goal: PrimaryMetricGoal, chosen: Mapping[str, str]) -> Array:
    if chosen["show"] == "best so far":
        usable = ~np.isnan(values) & (values != -goal.worst)
        best = np.maximum if goal is PrimaryMetricGoal.MAXIMIZE else np.minimum
        running: Array = best.accumulate(np.where(usable, values, goal.worst))
        values = np.where(np.logical_or.accumulate(usable), running, np.nan)
    weight = SMOOTHINGS[chosen["smooth"]]
    return np.array(smoothed(values.tolist(), weight)) if weight else values


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential moving average with the bias of its beginning removed (as Adam's, 1412.6980, section 3).

    A value that is not finite is shown as it is and leaves the average alone.
    """
    if not weight:
        return list(values)
    found, mean, share = [], 0.0, 0.0
    for value in values:
        if math.isfinite(value):
            mean = weight * mean + (1 - weight) * value
            share = weight * share + (1 - weight)
            value = mean / share
        found.append(value)
    return found


def _places(run: RunRecord, points: Scalars, kept: Array, over: str) -> Array:
    if over == "interval":
        return kept + 1.0
    if over == "step":
        steps = np.array(points.steps)[kept]
        return np.where(np.isnan(steps), kept + 1.0, steps)
    times = np.array(points.times)
    return times[kept] - (times[0] if run.started is None else run.started)


def _trace(lines: Sequence[Line], color: str, kind: str, hover: str) -> dict[str, Any]:
    gap = np.array([np.nan])
    xs = [part for line in lines for part in (gap, line.x)][1:]
    ys = [part for line in lines for part in (gap, line.y)][1:]
    lengths = [length for line in lines for length in (1, len(line.x))][1:]
    numbers = [number for line in lines for number in (-1, line.run.number)][1:]
    x, y = np.concatenate(xs), np.concatenate(ys)
    single = any(len(line.x) == 1 for line in lines)
    pack = packed_small if kind == "scattergl" else packed
    return {
        "type": kind,
        "mode": "lines+markers" if single else "lines",
        "marker": {"size": 4, "color": color},
        "line": {"width": 1.4, "color": color},
        "x": pack(x),
        "y": pack(y),
        "customdata": packed(np.repeat(numbers, lengths), "i4"),
        "hovertemplate": hover,
        "connectgaps": False,
    }


def _stops(lines: Sequence[Line], kind: str, over: str) -> list[dict[str, Any]]:
    """Where runs were stopped, or failed."""
    marks = []
    for status, symbol in ((Status.CANCELED, "x-thin"), (Status.FAILED, "circle-open")):
        ends = [line for line in lines if line.run.status is status]
        if ends:
            color = STATUS[status]
            marks.append(
                {
                    "type": kind,
                    "mode": "markers",
                    "marker": {
                        "symbol": symbol,
                        "size": 6,
                        "color": color,
                        "line": {"width": 1.3, "color": color},
                    },
                    "x": packed(line.x[-1] for line in ends),
                    "y": packed(line.y[-1] for line in ends),
                    "customdata": packed([line.run.number for line in ends], "i4"),
                    "hovertemplate": f"run %{{customdata}} {status.lower()}<br>{over} %{{x}}<extra></extra>",
                }
            )
    return marks
