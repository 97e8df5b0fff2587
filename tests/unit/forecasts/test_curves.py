"""Forecasts of the ends of curves: near the truth where that is plain, mirrored, and for any values."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.forecasts.curves import LEAST, forecast, forecasts
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE
DONE, LIVE, STOPPED, FAILED = Status.COMPLETED, Status.RUNNING, Status.CANCELED, Status.FAILED


def rising(end, length=20):
    """A curve that is half way after a tenth of its length."""
    return [end * k / (k + length / 10) for k in range(1, length + 1)]


def end_of(end):
    return end * 20 / 22


def sweep(goal, *runs):
    history = History(goal)
    for number, (values, status, *params) in enumerate(runs):
        history.add(RunRecord(str(number), number, dict(*params), Series(goal, values), status))
    return history


def finished_ones(goal=MAX, count=20):
    sign = 1 if goal is MAX else -1
    return [([sign * v for v in rising(0.5 + n / 50)], DONE, {"x": n / 10}) for n in range(count)]


@pytest.mark.parametrize("goal", PrimaryMetricGoal)
def test_a_curve_between_two_finished_ones_ends_between_them(goal):
    sign = 1 if goal is MAX else -1
    history = sweep(goal, *finished_ones(goal), ([sign * v for v in rising(0.81)[:8]], LIVE, {"x": 1.55}))
    found = forecasts(history)["20"]
    assert sign * found.mean == pytest.approx(end_of(0.81), abs=0.02)
    assert 0 < found.std < 0.05
    assert found.below > 0


def test_stopped_and_resting_runs_have_a_forecast_finished_and_failed_ones_have_none():
    partial = [(rising(0.7)[:5], status) for status in (STOPPED, Status.PAUSED, LIVE, FAILED)]
    assert set(forecasts(sweep(MAX, *finished_ones(), *partial))) == {"20", "21", "22"}


def test_a_run_that_has_logged_nothing_usable_has_none():
    assert forecasts(sweep(MAX, *finished_ones(), ([], LIVE), ([math.nan], LIVE))) == {}


def test_with_too_few_finished_runs_or_none_that_differ_there_is_no_forecast():
    few = sweep(MAX, *finished_ones(count=LEAST - 1), (rising(0.7)[:5], LIVE))
    assert forecasts(few) == {}
    alike = sweep(MAX, *[([0.5] * 10, DONE)] * 12, ([0.4], LIVE))
    assert forecasts(alike) == {}


def test_a_good_configuration_is_believed_more_than_a_bad_one_at_the_same_standing():
    """What happens in the first five values says nothing here: only x tells where a curve goes."""
    ones = [([0.1] * 5 + [0.1 + n / 40] * 15, DONE, {"x": n}) for n in range(20)]
    history = sweep(MAX, *ones, ([0.1] * 3, LIVE, {"x": 1.5}), ([0.1] * 3, LIVE, {"x": 17.5}))
    found = forecasts(history)
    assert found["20"].mean + 0.1 < found["21"].mean
    assert found["21"].below < found["20"].below


def test_nineteen_in_twenty_ends_lie_below_the_upper_bound():
    """Left out in turn: at most 7 % above the 95 % bound of the forecast."""
    history = sweep(MAX, *[(rising(0.5 + (n * 37 % 60) / 100), DONE, {"x": n}) for n in range(60)])
    above = 0
    for run in history:
        others = [other for other in history if other.id != run.id]
        found = forecast([run], 6, history, others)[run.id]
        above += run.series.best > found.mean + 1.645 * found.std
    assert above <= 0.07 * 60


values = st.lists(
    st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 0.5])), max_size=8
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(values, min_size=8, max_size=14),
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from(PrimaryMetricGoal),
)
def test_any_values_give_numbers_no_worse_than_what_the_run_has(ends, running, goal):
    history = sweep(
        goal,
        *[(v, DONE, {"x": len(v), "word": str(v[:1])}) for v in ends],
        *[(v, LIVE, {"x": 1}) for v in running],
    )
    for ident, found in forecasts(history).items():
        best = max(-1e100, min(1e100, history[ident].series.best))
        assert not goal.better(best, found.mean)
        assert found.std >= 0 and all(map(math.isfinite, found))


def test_negated_values_are_minimised_alike():
    ones = [*finished_ones(), (rising(0.7)[:5], LIVE, {"x": 1})]
    up = forecasts(sweep(MAX, *ones))["20"]
    down = forecasts(sweep(MIN, *[([-v for v in values], *rest) for values, *rest in ones]))["20"]
    assert (down.mean, down.std, down.below) == pytest.approx((-up.mean, up.std, up.below))
