"""What single charts draw, by hand."""

import math

import numpy as np
import pytest

from overdrive.charts.arrays import packed, packed_small, thinned, unpacked
from overdrive.charts.axes import axes_of, bare, plain
from overdrive.charts.base import Sweep, draw
from overdrive.charts.colors import SCALE, bounds, shade
from overdrive.charts.comparison import comparison
from overdrive.charts.curves import smoothed
from overdrive.charts.importance import divergence, importance
from overdrive.charts.parallel import decades, steps
from overdrive.charts.timeline import placed
from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, loguniform, uniform
from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.model.scalars import Scalars
from overdrive.model.space import SearchSpace

MAXIMIZE, MINIMIZE = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def run(number, curve=(), goal=MAXIMIZE, status=Status.COMPLETED, started=0.0, ended=None, **params):
    return RunRecord(
        f"s_{number}", number, params, Series(goal, curve), status=status, started=started, ended=ended
    )


def sweep(*runs, goal=MAXIMIZE, space=None, metric="acc", now=100.0):
    points = {
        one.id: {metric: Scalars.of(Point(metric, value) for value in one.series.values)} for one in runs
    }
    return Sweep(runs, metric, goal, space, points, now)


def shown(array):
    return [None if math.isnan(value) else value for value in unpacked(array).tolist()]


# ---------------------------------------------------------------- numbers


def test_a_thinned_line_keeps_its_ends_and_every_extreme():
    values = [0.0] * 1000
    values[333], values[777] = 5.0, -5.0
    kept = thinned(values, 40)
    assert {0, 333, 777, 999} <= set(kept) and len(kept) <= 40
    assert thinned(values, 1000) == list(range(1000))
    assert thinned([math.nan] * 10 + [1.0] + [math.nan] * 10, 4) == [0, 10, 20]


def test_half_the_bytes_only_where_no_eye_sees_it():
    assert packed_small([0.0, 1.0, 2.0])["dtype"] == "f4"
    assert (
        packed_small([1e6 + 0.01, 1e6 + 0.02])["dtype"] == "f8"
    )  # single precision would make it a flat line
    assert packed_small([1e300, 0.0])["dtype"] == packed_small([])["dtype"] == "f8"
    assert shown(packed([1.0, None, math.inf])) == [1.0, None, None]


def test_round_numbers_on_an_axis():
    assert steps(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert steps(3.0, 47.0) == [10.0, 20.0, 30.0, 40.0]
    assert decades(1e-4, 1e-1) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert decades(2.0, 6.0) == [2.0, 5.0]


# ---------------------------------------------------------------- words


def test_words_are_text_for_the_place_where_they_stand():
    assert plain("<b>&amp;%{x}$") == "&lt;b&gt;&amp;amp;%\u200b{x}＄"
    assert bare("<b>") == "‹b›"
    assert "\n" not in plain("a\nb") and "\x1b" not in bare("\x1b[31m")


def test_an_axis_follows_the_law():
    space = SearchSpace(
        {"lr": loguniform(-6, 0), "units": choice(64, 32), "kind": choice("b", "a"), "one": 1}
    )
    runs = [{"lr": 0.1, "units": 32, "kind": "a", "one": 1}, {"lr": 0.01, "units": 64, "kind": "b", "one": 1}]
    axes = axes_of(space, runs)
    assert {name: axis.kind for name, axis in axes.items()} == {
        "lr": "log",
        "units": "category",
        "kind": "category",
    }
    assert axes["units"].categories == (32, 64)  # numbers in their order, words in the space's
    assert axes["kind"].categories == ("b", "a")
    assert axes["kind"].places([*runs, {}]) == [1.0, 0.0, None]


def test_the_good_end_of_the_colours_is_the_best_value():
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]
    assert bounds(values, MAXIMIZE) == (3.0, 10.0)  # the poorest three tenths share a colour
    assert bounds(values, MINIMIZE) == (0.0, 7.0)
    assert shade(10.0, (3.0, 10.0), MAXIMIZE) == shade(0.0, (0.0, 7.0), MINIMIZE) == SCALE[-1]
    assert shade(1.0, (3.0, 10.0), MAXIMIZE) == SCALE[0]


# ---------------------------------------------------------------- charts


def test_curves_end_in_marks_where_a_run_was_stopped():
    figure = draw("curves", sweep(run(0, [1.0, 2.0]), run(1, [0.5], status=Status.CANCELED)))
    marks = [trace for trace in figure["data"] if trace["marker"].get("symbol") == "x-thin"]
    assert [(shown(t["x"]), shown(t["y"]), shown(t["customdata"])) for t in marks] == [([1.0], [0.5], [1])]
    assert figure["layout"]["yaxis"]["type"] == "linear"


def test_curves_as_best_so_far_and_on_a_log_axis():
    one = sweep(run(0, [1.0, -2.0, math.nan, 3.0]))
    (trace,) = draw("curves", one, {"show": "best so far"})["data"]
    assert shown(trace["y"]) == [1.0, 1.0, 1.0, 3.0]
    (trace,) = draw("curves", one, {"scale": "log"})["data"]
    assert shown(trace["y"]) == [1.0, None, None, 3.0]


def test_smoothing_has_no_bias_at_its_beginning():
    # Weight 0.5: 4; then (4 * 0.25 + 2 * 0.5) / 0.75 = 2 2/3. What is not finite is left alone.
    assert smoothed([4.0, math.inf, 2.0], 0.5) == pytest.approx([4.0, math.inf, 8 / 3])


def test_the_history_steps_up_only():
    points, line = draw("history", sweep(run(0, [0.5]), run(1, [0.9, 0.1]), run(2, [0.7])))["data"]
    assert (shown(points["y"]), shown(line["y"])) == ([0.5, 0.9, 0.7], [0.5, 0.9, 0.9])
    _, line = draw("history", sweep(run(0, [0.5], MINIMIZE), run(1, [0.9], MINIMIZE), goal=MINIMIZE))["data"]
    assert shown(line["y"]) == [0.5, 0.5]


def test_parallel_axes_place_what_is_absent_below_all():
    space = SearchSpace({"model": choice({"depth": choice(2, 4)}, {"trees": choice(10)}), "x": uniform(0, 1)})
    shown_sweep = sweep(run(0, [0.2], depth=2, x=0.5), run(1, [0.9], trees=10, x=0.25), space=space)
    (trace,) = draw("parallel", shown_sweep)["data"]
    axes = {one["name"]: one for one in trace["dimensions"]}
    assert shown(trace["customdata"]) == [0, 1]  # the best is drawn last, on top
    assert shown(axes["param:depth"]["values"]) == [0.0, -1.0]
    assert axes["param:depth"]["ticktext"][0] == "absent"
    assert shown(axes["metric"]["values"]) == [0.2, 0.9]


def test_a_logarithmic_parallel_axis_names_powers_of_ten():
    space = SearchSpace({"x": uniform(0, 1), "lr": loguniform(-14, 0)})
    runs = [run(k, [0.1 * k], x=0.1 * k, lr=10.0**-k) for k in range(7)]
    (trace,) = draw("parallel", sweep(*runs, space=space))["data"]
    axes = {one["name"]: one for one in trace["dimensions"]}
    assert shown(axes["param:lr"]["values"]) == [0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0]
    assert axes["param:lr"]["tickvals"] == [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0]
    assert axes["param:lr"]["ticktext"] == ["10⁻⁶", "10⁻⁵", "0.0001", "0.001", "0.01", "0.1", "1"]
    assert not {"tickvals", "ticktext"} & (axes["run"].keys() | axes["param:x"].keys())


def test_the_scatter_leaves_out_what_lacks_an_axis():
    space = SearchSpace({"lr": loguniform(-9, 0), "x": uniform(0, 1)})
    figure = draw("scatter", sweep(run(0, [0.5], lr=0.1, x=0.2), run(1, [], lr=0.2, x=0.3), run(2, [1.0], x=0.4),
                                   space=space))  # fmt: skip
    assert [(shown(t["customdata"]), t["marker"].get("symbol")) for t in figure["data"]] == [
        ([1], "circle-open"),
        ([0], None),
    ]
    assert figure["layout"]["xaxis"]["type"] == "log"


def test_a_run_stands_on_the_first_place_that_was_free():
    runs = [run(0, started=0.0, ended=10.0), run(1, started=1.0, ended=4.0), run(2, started=5.0)]
    spans = placed(runs, now=20.0)
    assert [(span.run.number, span.place, span.start, span.end) for span in spans] == [
        (0, 0, 0.0, 10.0),
        (1, 1, 1.0, 4.0),
        (2, 1, 5.0, 20.0),
    ]


def test_savings_reach_up_to_the_median_of_the_completed():
    stopped = run(3, [0.1], status=Status.CANCELED)
    figure = draw("savings", sweep(run(0, [1.0] * 4), run(1, [1.0] * 4), run(2, [1.0] * 6), stopped))
    trained, left = figure["data"]
    assert shown(trained["y"]) == [4, 4, 6, 1] and shown(left["y"]) == [0, 0, 0, 3]
    assert figure["layout"]["meta"]["note"] == "3 intervals saved, 17% of all"  # 3 of 15 + 3


def test_importance_is_of_what_decides():
    # PED-ANOVA, arXiv 2304.10255: the metric is x itself, so that y decides nothing.
    draw_y = np.random.default_rng(0).uniform(size=40)
    runs = [run(k, [k / 40], x=k / 40, y=float(draw_y[k])) for k in range(40)]
    found = importance(sweep(*runs, space=SearchSpace({"x": uniform(0, 1), "y": uniform(0, 1)})))
    assert sum(found.values()) == pytest.approx(1.0) and found["x"] > 0.8
    assert importance(sweep(*runs[:9])) == {}
    # Pearson: sum over cells of all * (good / all - 1)^2 = 0.5 * 1 + 0.5 * 1.
    assert divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(1.0)


def test_sweeps_are_compared_on_one_metric():
    first = sweep(run(0, [0.5]), run(1, [0.3, 0.8]))
    second = sweep(run(0, [9.0]), goal=MINIMIZE, metric="loss")
    figure = comparison({"first": first, "second <b>": second})
    points, line = figure["data"]
    assert shown(points["y"]) == [0.5, 0.8] and shown(line["x"]) == [1.0, 2.0]
    figure = comparison({"first": first, "second <b>": second}, {"metric": "loss"})
    assert [trace["name"] for trace in figure["data"]] == ["second &lt;b&gt;"] * 2
    with pytest.raises(ConfigError, match="metric: must be one of acc, loss"):
        comparison({"first": first, "second": second}, {"metric": "none"})
