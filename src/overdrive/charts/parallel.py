"""Parallel coordinates: one axis for each hyperparameter and one for the metric, one line for each run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..model.metrics import PrimaryMetricGoal
from .arrays import packed
from .axes import Axis, bare, clipped
from .base import Figure, Option, Sweep, nothing
from .colors import bar

ABSENT = "absent"
"""The lowest place of an axis whose hyperparameter not every run has."""

MOST_TICKS = 40

AXIS_PIXELS = 84
"""So wide an axis is at least, for its ticks not to touch the next one's."""

LETTER_PIXELS = 7

MOST_LETTERS = 24
"""Letters of a label."""


class Parallel:
    """Runs that have a value of the metric; the axis of run numbers comes first."""

    NAME: ClassVar[str] = "parallel"
    TITLE: ClassVar[str] = "Parallel coordinates"

    def options(self, sweep: Sweep) -> list[Option]:
        """How the axis of the metric runs."""
        return [Option("scale", "Metric", ("linear", "log"), "linear")]

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """One `parcoords` trace. `name` of a dimension tells which it is, whatever its label."""
        lowest = 0.0 if chosen["scale"] == "log" else -math.inf
        best = sweep.bests
        shown = [k for k, value in enumerate(best) if value is not None and value > lowest]
        if not shown:
            return nothing("No run has a value of the metric that can be shown yet.")
        # Poor runs first: what is drawn last lies on top.
        shown.sort(key=lambda k: best[k] or 0.0, reverse=sweep.goal is PrimaryMetricGoal.MINIMIZE)
        values = [best[k] or 0.0 for k in shown]
        numbers = [sweep.runs[k].number for k in shown]
        dimensions = [_line("run", "run", [float(number) for number in numbers], whole=True)]
        for name, axis in sweep.axes.items():
            dimensions.append(_dimension(axis, [sweep.places[name][k] for k in shown]))
        if chosen["scale"] == "log":
            dimensions.append(_logarithmic("metric", sweep.metric, list(values)))
        else:
            dimensions.append(_line("metric", sweep.metric, list(values)))
        colors = bar(values, sweep.goal, sweep.metric)
        letters = [len(one["label"]) for one in dimensions]
        return {
            "data": [
                {
                    "type": "parcoords",
                    "dimensions": dimensions,
                    "customdata": packed(numbers, "i4"),
                    "line": {
                        "color": packed(values),
                        "colorscale": colors["colorscale"],
                        "cmin": colors["cmin"],
                        "cmax": colors["cmax"],
                    },
                }
            ],
            "layout": {
                "meta": {"width": max(AXIS_PIXELS, LETTER_PIXELS * max(letters) + 12) * len(dimensions)}
            },
        }


def _dimension(axis: Axis, places: Sequence[float | None]) -> dict[str, Any]:
    name = f"param:{axis.name}"
    if axis.kind == "category":
        ticks = [(float(place), label) for place, label in enumerate(axis.labels)]
        ticks = ticks[:: max(1, math.ceil(len(ticks) / MOST_TICKS))]
        return _placed(name, axis.name, places, (0.0, max(1.0, len(axis.categories) - 1.0)), ticks, step=1.0)
    if axis.kind == "log":
        return _logarithmic(name, axis.name, places)
    return _line(name, axis.name, places)


def _line(name: str, label: str, places: Sequence[float | None], whole: bool = False) -> dict[str, Any]:
    low, high = _limits(places)
    if None not in places:
        return {**_placed(name, label, places, (low, high)), "tickformat": "d" if whole else ".4~g"}
    ticks = [(value, _short(value)) for value in steps(low, high)]
    return _placed(name, label, places, (low, high), ticks, (high - low) / 8)


def _logarithmic(name: str, label: str, places: Sequence[float | None]) -> dict[str, Any]:
    logs = [None if value is None else math.log10(value) for value in places]
    low, high = _limits(logs)
    ticks = [(math.log10(value), _short(value)) for value in decades(10**low, 10**high)]
    return _placed(name, label, logs, (low, high), ticks, (high - low) / 8)


def _short(value: float) -> str:
    """A number in few letters; very large and very small ones as powers of ten, as the pages write them."""
    digits, _, power = f"{value:.5g}".partition("e")
    if not power:
        return digits
    raised = str(int(power)).translate(_RAISED)
    return f"10{raised}" if digits == "1" else f"{digits}·10{raised}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _limits(places: Sequence[float | None]) -> tuple[float, float]:
    known = [value for value in places if value is not None]
    low, high = min(known), max(known)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _placed(
    name: str,
    label: str,
    places: Sequence[float | None],
    limits: tuple[float, float],
    ticks: Sequence[tuple[float, str]] = (),
    step: float = 0.0,
) -> dict[str, Any]:
    low, high = limits
    if None in places:
        bottom = low - step
        ticks = [(bottom, ABSENT), *ticks]
        places = [bottom if value is None else value for value in places]
        low = bottom
    about = {
        "name": name,
        "label": bare(clipped(label, MOST_LETTERS)),
        "values": packed(places),
        "range": [low, high],
    }
    if not ticks:
        return about
    values, texts = zip(*ticks, strict=True)
    return {**about, "tickvals": list(values), "ticktext": [bare(text) for text in texts]}


def steps(low: float, high: float) -> list[float]:
    """About five round numbers in [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 5
    if not rough > 0 or not math.isfinite(rough):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [
        round(k * step, 12) if step > 1e-9 else k * step
        for k in range(first, math.floor(high / step + 1e-9) + 1)
    ]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten in [low, high]; with fewer than two, also 2 and 5 times them; the ends when there are none."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [f * 10.0**e for e in exponents for f in factors if low <= f * 10.0**e <= high]
        if len(found) >= 2:
            return found
    return [low, high]
