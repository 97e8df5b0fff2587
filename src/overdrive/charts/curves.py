"""The metrics chart: one line for each run over its intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from ..model.metrics import Point
from ..model.records import RunRecord, Status
from .arrays import packed, packed_small, thinned
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
    x: Sequence[float | None]
    y: Sequence[float | None]
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
    logged = {run.id: sweep.points.get(run.id, {}).get(chosen["metric"], ()) for run in sweep.runs}
    total = sum(map(len, logged.values()))
    most = max(FEWEST_POINTS, MOST_POINTS // max(1, sum(map(bool, logged.values()))))
    for run in sweep.runs:
        points = logged[run.id]
        if not points:
            continue
        values = _shown([point.value for point in points], sweep, chosen)
        kept = thinned(values, most) if total > MOST_POINTS else range(len(values))
        log = chosen["scale"] == "log"
        found.append(
            Line(
                run,
                _places(run, points, kept, chosen["over"]),
                [None if log and values[k] <= 0 else values[k] for k in kept],
                shade(run.series.best, limits, sweep.goal),
            )
        )
    return found


def _shown(values: list[float], sweep: Sweep, chosen: Mapping[str, str]) -> list[float]:
    if chosen["show"] == "best so far":
        best, running = None, []
        for value in values:
            if sweep.goal.usable(value) and (best is None or sweep.goal.better(value, best)):
                best = value
            running.append(math.nan if best is None else best)
        values = running
    return smoothed(values, SMOOTHINGS[chosen["smooth"]])


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


def _places(run: RunRecord, points: Sequence[Point], kept: Iterable[int], over: str) -> list[float | None]:
    if over == "interval":
        return [float(k + 1) for k in kept]
    if over == "step":
        return [float(k + 1) if (step := points[k].step) is None else step for k in kept]
    start = run.started if run.started is not None else points[0].time
    return [None if (time := points[k].time) is None or start is None else time - start for k in kept]


def _trace(lines: Sequence[Line], color: str, kind: str, hover: str) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[float | None] = []
    numbers: list[int] = []
    for line in lines:
        if x:  # a gap between two runs
            x.append(None)
            y.append(None)
            numbers.append(-1)
        x += line.x
        y += line.y
        numbers += [line.run.number] * len(line.x)
    single = any(len(line.x) == 1 for line in lines)
    pack = packed_small if kind == "scattergl" else packed
    return {
        "type": kind,
        "mode": "lines+markers" if single else "lines",
        "marker": {"size": 4, "color": color},
        "line": {"width": 1.4, "color": color},
        "x": pack(x),
        "y": pack(y),
        "customdata": packed(numbers, "i4"),
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
