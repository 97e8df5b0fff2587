"""Chances: what they are worth by hand, and that what was lost is bounded as often as the bound says."""

import math
from random import Random

import pytest

from overdrive.forecasts.chances import LEAST_FINISHED, chances, doubt, loss
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status

MAX = PrimaryMetricGoal.MAXIMIZE
DONE, LIVE, STOPPED = Status.COMPLETED, Status.RUNNING, Status.CANCELED


def rising(end, length=20):
    return [end * k / (k + length / 10) for k in range(1, length + 1)]


def sweep(*runs):
    history = History(MAX)
    for number, (values, status, *params) in enumerate(runs):
        history.add(RunRecord(str(number), number, dict(*params), Series(MAX, values), status))
    return history


ONES = [(rising(0.8 + n / 100), DONE, {"x": n / 10}) for n in range(12)]


def test_a_run_near_the_top_has_a_larger_chance_than_one_far_below():
    history = sweep(*ONES, (rising(0.93)[:10], LIVE, {"x": 1.1}), ([0.01] * 10, LIVE, {"x": 0.0}))
    near, far = chances(history, [history["12"], history["13"]], [10, 10])
    assert near > 50 * far > 0


def test_nothing_is_known_before_some_have_finished():
    history = sweep(*ONES[: LEAST_FINISHED - 1], ([0.1], LIVE))
    assert chances(history, [history[str(LEAST_FINISHED - 1)]], [1]) is None
    assert loss(history, [history[str(LEAST_FINISHED - 1)]], 0, 0) is None


def test_the_doubt_by_hand():
    assert doubt(0) == 1
    assert doubt(1) == 5  # (1/4 + 1) / (1/4)
    assert doubt(2) == 9
    assert doubt(0, 1.0) == pytest.approx(0.2)


def test_the_loss_is_what_the_stopped_runs_chances_make_up():
    stopped = [(rising(0.7 + n / 100)[:8], STOPPED, {"x": n / 10}) for n in range(5)]
    history = sweep(*ONES, *stopped)
    runs = [run for run in history if run.status is STOPPED]
    total = float(chances(history, runs, [8] * 5).sum())
    found = loss(history, runs, 0, 0)
    assert found.expected == pytest.approx(1 - math.exp(-total))
    assert found.bound > found.expected
    some_won = loss(history, runs, 4, 1)
    assert some_won.expected > found.expected
    assert loss(history, runs, 40, 0).bound <= found.bound


def test_the_bound_holds_as_often_as_it_says():
    """Sweeps whose chances are wrong by a factor drawn as believed, with controls: the true chance is above the
    bound in one of twenty."""
    random, above, trials = Random(3), 0, 2000
    stopped = [(rising(0.7 + n / 100)[:8], STOPPED, {"x": n / 10}) for n in range(5)]
    history = sweep(*ONES, *stopped)
    runs = [run for run in history if run.status is STOPPED]
    total = float(chances(history, runs, [8] * 5).sum())
    bounds = {}
    for _ in range(trials):
        factor = random.gammavariate(0.25, 4.0)
        expected = factor * total * 3 / 5  # three controls
        won, left = 0, random.expovariate(1)
        while left < expected:
            won, left = won + 1, left + random.expovariate(1)
        if won not in bounds:
            bounds[won] = loss(history, runs, 3, won).bound
        above += 1 - math.exp(-factor * total) > bounds[won]
    assert above / trials == pytest.approx(0.05, abs=0.02)
