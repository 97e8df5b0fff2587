"""Forecast: its risk, its controls, its score by hand, and what holds for any values."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.forecasts.chances import LEAST_FINISHED, chances
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.policies.base import Kind
from overdrive.policies.forecast import MOST_PAUSES, PAUSE, SPENT, ForecastPolicy
from overdrive.policies.median import MedianStoppingPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE
DONE, LIVE = Status.COMPLETED, Status.RUNNING


def sweep(goal, *runs):
    """A history of (values, status, params) in the order of their numbers."""
    history = History(goal)
    for number, (values, status, *params) in enumerate(runs):
        history.add(RunRecord(str(number), number, dict(*params), Series(goal, values), status))
    return history


def rising(end, length=20):
    """A curve that is half way after a tenth of its length."""
    return [end * k / (k + length / 10) for k in range(1, length + 1)]


def good_ones(goal=MAX, count=12):
    sign = 1 if goal is MAX else -1
    return [([sign * v for v in rising(0.8 + n / 100)], DONE, {"x": n / 10}) for n in range(count)]


def test_the_shares_of_any_number_of_runs_have_one_sum():
    policy = ForecastPolicy(risk=0.05)
    assert policy.share(0) == pytest.approx(0.05 / SPENT * 100 / 101**2)
    hundred, all_ = (sum(policy.share(n) for n in range(count)) for count in (100, 100_000))
    assert hundred == pytest.approx(0.05 / SPENT / 2, rel=0.02)
    assert all_ == pytest.approx(0.05 / SPENT, rel=0.02)


def test_one_in_twenty_is_a_control_and_always_the_same_ones():
    policy = ForecastPolicy()
    drawn = [n for n in range(2000) if policy.is_control(n)]
    assert 70 <= len(drawn) <= 130  # 100 expected, 10 the standard deviation
    assert drawn == [n for n in range(2000) if ForecastPolicy(risk=0.2).is_control(n)]
    assert drawn != [n for n in range(2000) if ForecastPolicy(seed=1).is_control(n)]
    assert not any(ForecastPolicy(control=0).is_control(n) for n in range(100))


@pytest.mark.parametrize("goal", PrimaryMetricGoal)
def test_a_hopeless_run_is_stopped_with_its_chance_and_a_control_is_not(goal):
    sign = 1 if goal is MAX else -1
    history = sweep(goal, *good_ones(goal), ([sign * 0.01] * 10, LIVE, {"x": 0.5}))
    verdict = ForecastPolicy(control=0).judge(history["12"], 10, history)
    assert verdict.stop
    top = sign * 0.91 * 20 / 22
    assert verdict.reason.startswith(
        f"best {sign * 0.01:g} at interval 10 of about 20, the best run has {top:.3g}"
    )
    assert "chance to win" in verdict.reason
    all_controls = ForecastPolicy(control=0.999999)
    let_run = all_controls.judge(history["12"], 10, history)
    assert (let_run.stop, let_run.kind) == (False, Kind.CONTROL)
    assert let_run.reason == f"let run as a control: {verdict.reason}"


def test_a_run_near_the_best_goes_on():
    history = sweep(MAX, *good_ones(), (rising(0.905)[:10], LIVE, {"x": 1.05}))
    assert not ForecastPolicy(control=0).judge(history["12"], 10, history).stop


def test_more_risk_stops_no_later():
    history = sweep(MAX, *good_ones(), (rising(0.6), LIVE, {"x": 0.0}))
    at = {
        risk: next(
            (
                k
                for k in range(1, 21)
                if ForecastPolicy(risk, control=0).judge(history["12"], k, history).stop
            ),
            99,
        )
        for risk in (0.9, 0.1, 0.01, 0.0001)
    }
    assert list(at.values()) == sorted(at.values())
    assert at[0.9] < at[0.0001]


def test_median_stopping_decides_until_enough_have_finished():
    few = sweep(MAX, *good_ones(count=LEAST_FINISHED - 1), ([0.01] * 10, LIVE))
    run, policy = few[str(LEAST_FINISHED - 1)], ForecastPolicy(control=0, pause=False)
    for interval in (4, 5, 10):
        assert policy.judge(run, interval, few) == MedianStoppingPolicy(delay_evaluation=5).judge(
            run, interval, few
        )
    assert policy.judge(run, 5, few).stop


def test_nothing_is_stopped_before_the_least_interval():
    history = sweep(MAX, *good_ones(), ([0.01] * 10, LIVE))
    policy = ForecastPolicy(0.9, min_interval=8, control=0)
    assert [policy.judge(history["12"], k, history).stop for k in (7, 8)] == [False, True]


def test_runs_that_go_on_longer_than_any_that_finished():
    history = sweep(MAX, *good_ones(), ([0.01] * 40, LIVE))
    assert ForecastPolicy(control=0).judge(history["12"], 40, history).stop


def test_parameters_that_only_some_runs_have_words_and_other_values():
    def params(n):
        return {"n": n, "flag": n % 2 == 0, "word": "ab"[n % 2], "list": [n % 3], "none": None} | (
            {"some": 0.1 * n} if n % 3 else {}
        )

    runs = [(rising(0.8 + n / 100), DONE, params(n)) for n in range(12)]
    history = sweep(MAX, *runs, ([0.01] * 10, LIVE, params(12)))
    assert ForecastPolicy(control=0).judge(history["12"], 10, history).stop


@pytest.mark.parametrize(
    "wrong",
    [
        {"risk": 0},
        {"risk": 1},
        {"risk": math.nan},
        {"control": -0.1},
        {"pause": 1},
        {"patience": 0},
        {"min_interval": 0},
        {"seed": 0.5},
    ],
)
def test_wrong_arguments(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ForecastPolicy(**wrong)


values = st.one_of(st.sampled_from([-1.0, 0.0, 0.5, 1.0, math.nan, math.inf, -math.inf]), st.floats())
statuses = st.sampled_from([DONE, DONE, DONE, LIVE, Status.CANCELED])
runs = st.tuples(st.lists(values, min_size=1, max_size=5), statuses)
curves = st.lists(runs, min_size=14, max_size=18)
goals, intervals = st.sampled_from(PrimaryMetricGoal), st.integers(1, 5)
POLICY = ForecastPolicy(risk=0.9, min_interval=1, control=0)


def stops(history, interval):
    ready = (run for run in history if len(run.series) >= interval)
    return {run.id for run in ready if POLICY.judge(run, interval, history).stop}


@settings(max_examples=40, deadline=None)
@given(goals, curves, intervals, st.randoms(use_true_random=False))
def test_never_the_best_whatever_the_order_and_mirrored_alike(goal, drawn, interval, random):
    history = sweep(goal, *drawn)
    stopped = stops(history, interval)
    best = goal.best(run.series.best for run in history if run.series.best is not None)
    assert not stopped & {run.id for run in history if best is not None and run.series.best == best}
    other = next(g for g in PrimaryMetricGoal if g is not goal)
    assert stops(sweep(other, *[([-v for v in vs], status) for vs, status in drawn]), interval) == stopped
    shuffled, order = History(goal), list(history)
    random.shuffle(order)
    for run in order:
        shuffled.add(run)
    assert stops(shuffled, interval) == stopped
    assert all("nan" not in POLICY.judge(run, interval, history).reason for run in history)


def test_a_pause_comes_sooner_than_a_stop_once_a_run_has_shown_that_it_can_rest():
    runs = [*good_ones(), (rising(0.82)[:12], LIVE, {"x": 0.15})]
    policy = ForecastPolicy(risk=0.001, control=0)
    nobody = sweep(MAX, *runs)
    assert policy.bar(nobody["12"], nobody) == policy.share(12)
    rests = sweep(MAX, *runs, (rising(0.3)[:3], Status.PAUSED, {"x": 0.1}))
    assert policy.bar(rests["12"], rests) == PAUSE
    assert ForecastPolicy(pause=False).bar(rests["12"], rests) == ForecastPolicy().share(12)
    rests["12"].causes += ["pause"] * MOST_PAUSES  # it has rested often enough: its next stop is final
    assert policy.bar(rests["12"], rests) == policy.share(12)


def test_at_the_end_the_best_of_the_paused_runs_is_taken_up_if_it_has_a_chance():
    near, hopeless = rising(0.93)[:6], [0.01] * 6
    history = sweep(
        MAX, *good_ones(), (hopeless, Status.PAUSED, {"x": 0.5}), (near, Status.PAUSED, {"x": 1.1})
    )
    resting = [history["12"], history["13"]]
    policy = ForecastPolicy(risk=0.01, control=0)
    assert policy.take_up(resting, history, more=False) is history["13"]
    assert policy.take_up(resting[:1], history, more=False) is None
    few = sweep(MAX, *good_ones(count=LEAST_FINISHED - 1), (near, Status.PAUSED, {"x": 1.1}))
    assert policy.take_up([few[str(LEAST_FINISHED - 1)]], few, more=False) is None


def test_a_control_that_would_have_won_makes_every_chance_larger():
    """By four times itself: a run that would be stopped goes on."""
    ones = [*good_ones(), (rising(1.0), DONE, {"x": 0.0}), (rising(0.45)[:12], LIVE, {"x": 0.15})]
    history = sweep(MAX, *ones)
    chance = float(chances(history, [history["13"]], [12])[0])
    policy = ForecastPolicy(risk=min(0.99, 2 * chance * 114**2 / 100 * SPENT), control=0)
    assert policy.judge(history["13"], 12, history).stop
    history["12"].cause = "control"
    assert not policy.judge(history["13"], 12, history).stop


def test_patience_ends_a_run_early_and_spares_controls():
    history = sweep(MAX, *good_ones(), ([0.9] * 4, LIVE, {"x": 0.0}))
    assert ForecastPolicy(patience=3, control=0).judge(history["12"], 4, history).kind is Kind.PLATEAU
    assert not ForecastPolicy(patience=4, control=0).judge(history["12"], 4, history).stop
    assert not ForecastPolicy(patience=3, control=0.999999).judge(history["12"], 4, history).stop
