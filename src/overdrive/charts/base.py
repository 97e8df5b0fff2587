"""The chart protocol, what a chart may know of a sweep, and the table of names.

A figure is Plotly JSON (`data` and `layout`) without a theme: whoever shows it gives text and grid their
colours. Every trace that shows runs carries their numbers in `customdata`, one a point, so that a selection
made in one chart can be shown in all others. Long arrays travel as typed arrays (`arrays.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol

from ..errors import ConfigError, Problem
from ..model.metrics import PrimaryMetricGoal
from ..model.records import RunRecord
from ..model.scalars import Scalars
from ..model.space import SearchSpace
from ..registry import Registry
from .axes import Axis, axes_of

CHARTS = Registry(
    "charts",
    {
        "curves": "overdrive.charts.curves:Curves",
        "history": "overdrive.charts.history:BestSoFar",
        "parallel": "overdrive.charts.parallel:Parallel",
        "scatter": "overdrive.charts.scatter:Scatter",
        "scatter3d": "overdrive.charts.scatter3d:Scatter3D",
        "timeline": "overdrive.charts.timeline:Timeline",
        "importance": "overdrive.charts.importance:Importance",
        "savings": "overdrive.charts.savings:Savings",
    },
)

DRAWN = ("bar", "parcoords", "scatter", "scatter3d", "scattergl")
"""The types of traces that our own pages draw (`studio/static/plot.js`); other types bring plotly.js with them."""

Figure = dict[str, Any]
"""Plotly JSON: {"data": [trace, ...], "layout": {...}}."""


class Option(NamedTuple):
    """Something that the reader may choose: one of `choices`, by default the first or `default`."""

    name: str
    label: str
    choices: tuple[str, ...]
    default: str


@dataclass(frozen=True)
class Sweep:
    """What a chart may know: the runs in the order of their numbers, and what they have logged.

    `points` holds every logged scalar by run id and name; `now` is the present, in epoch seconds, for runs
    that have not ended; `saved` says in words what early termination has saved.
    """

    runs: Sequence[RunRecord]
    metric: str
    goal: PrimaryMetricGoal = PrimaryMetricGoal.MAXIMIZE
    space: SearchSpace | None = None
    points: Mapping[str, Mapping[str, Scalars]] = field(default_factory=dict)
    now: float = 0.0
    saved: str = ""

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """One axis for each hyperparameter that varies, by name, in the order of the space."""
        return axes_of(self.space, [run.params for run in self.runs])

    @cached_property
    def places(self) -> dict[str, list[float | None]]:
        """Where each run stands on each axis, by the axis's name; None where it does not."""
        params = [run.params for run in self.runs]
        return {name: axis.places(params) for name, axis in self.axes.items()}

    @cached_property
    def bests(self) -> list[float | None]:
        """The best value of each run."""
        return [run.series.best for run in self.runs]

    @cached_property
    def metrics(self) -> list[str]:
        """Every logged scalar by name, the primary metric first."""
        found = dict.fromkeys([self.metric] if self.metric else [])
        for logged in self.points.values():
            found.update(dict.fromkeys(logged))
        return list(found)


def nothing(words: str) -> Figure:
    """A figure without data, and what to say instead."""
    return {"data": [], "layout": {"meta": {"empty": words}}}


class Chart(Protocol):
    """A view of a sweep. It keeps no state."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]

    def options(self, sweep: Sweep) -> list[Option]:
        """What may be chosen, for this sweep."""
        ...

    def figure(self, sweep: Sweep, chosen: Mapping[str, str]) -> Figure:
        """The figure; `chosen` has a value for every option. With nothing to show, its `data` is empty."""
        ...


def draw(name: str, sweep: Sweep, chosen: Mapping[str, str] | None = None) -> Figure:
    """The figure of the chart of this name; options that are not chosen have their defaults.

    NotFound for a chart that there is not, ConfigError with every choice that there is not.
    """
    chart: Chart = CHARTS.load(name)()
    return chart.figure(sweep, completed(chart.options(sweep), chosen or {}))


def completed(options: Sequence[Option], chosen: Mapping[str, str]) -> dict[str, str]:
    """A value for every option; ConfigError with every choice that there is not."""
    known = {option.name: option for option in options}
    problems = [
        Problem(name, f"is no option of this chart; there are {', '.join(known) or 'none'}")
        for name in chosen
        if name not in known
    ]
    for name, option in known.items():
        if name in chosen and chosen[name] not in option.choices:
            given = f"must be one of {', '.join(option.choices)}, got {chosen[name]!r}"
            problems.append(Problem(name, given))
    if problems:
        raise ConfigError(problems)
    return {name: chosen.get(name, option.default) for name, option in known.items()}
