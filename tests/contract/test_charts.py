"""Every registered chart: figures that Plotly and JSON take, whatever a sweep holds."""

import json
import math

import pytest

from overdrive.charts.base import CHARTS, Sweep, draw
from overdrive.errors import ConfigError, NotFound
from overdrive.model.expressions import choice, loguniform, uniform
from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.model.scalars import Scalars
from overdrive.model.space import SearchSpace

HOSTILE = "<img src=x onerror=alert(1)>"
SPACE = SearchSpace(
    {"lr": loguniform(-6, -1), "kind": choice(HOSTILE, {"depth": choice(1, 2, 3)}), "x": uniform(0, 1)}
)
CURVES = [[0.1, 0.5, 0.9], [0.2], [math.nan, math.nan], [], [-math.inf, 0.4], [1e300, 0.3]]


def sweep(curves=CURVES, goal=PrimaryMetricGoal.MAXIMIZE):
    statuses = [
        Status.COMPLETED,
        Status.CANCELED,
        Status.FAILED,
        Status.RUNNING,
        Status.QUEUED,
        Status.COMPLETED,
    ]
    runs = [
        RunRecord(
            f"HD_1_{number}",
            number,
            SPACE.from_vector([(number + 0.5) / 8] * SPACE.dimensions),
            Series(goal, curve),
            status=statuses[number % len(statuses)],
            started=float(number),
            ended=number + 2.0 if number % 2 == 0 else None,
        )
        for number, curve in enumerate(curves)
    ]
    points = {
        run.id: {"acc": Scalars.of(Point("acc", v) for v in run.series.values), HOSTILE: Scalars(HOSTILE)}
        for run in runs
    }
    return Sweep(runs, "acc", goal, SPACE, points, now=20.0)


@pytest.mark.parametrize("name", CHARTS.names())
@pytest.mark.parametrize("goal", list(PrimaryMetricGoal))
def test_every_choice_of_every_chart_is_json_and_names_real_runs(name, goal):
    shown = sweep(goal=goal)
    options = CHARTS.load(name)().options(shown)
    for option in options:
        for chosen in option.choices:
            figure = draw(name, shown, {option.name: chosen})
            assert set(figure) == {"data", "layout"}
            json.dumps(figure, allow_nan=False)
    assert HOSTILE not in json.dumps(draw(name, shown))  # a name is text: Plotly reads tags in labels


@pytest.mark.parametrize("name", CHARTS.names())
@pytest.mark.parametrize("curves", [[], [[]], [[0.5]], [[math.nan]], [[0.5, 0.5], [0.5, 0.5]]])
def test_little_or_nothing_to_show_is_no_error(name, curves):
    figure = draw(name, sweep(curves))
    assert figure["data"] or figure["layout"]["meta"]["empty"]


@pytest.mark.parametrize("name", CHARTS.names())
def test_the_same_sweep_gives_the_same_figure(name):
    assert draw(name, sweep()) == draw(name, sweep())


def test_a_chart_or_a_choice_that_is_not_there_is_told_what_is():
    with pytest.raises(NotFound, match="curves, history"):
        draw("pie", sweep())
    with pytest.raises(ConfigError, match="is no option of this chart"):
        draw("scatter", sweep(), {"w": "lr"})
    with pytest.raises(ConfigError, match=r"x: must be one of .*, got 'nope'"):
        draw("scatter", sweep(), {"x": "nope"})
