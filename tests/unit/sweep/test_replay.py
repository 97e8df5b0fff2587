"""Replay: what the planner would have done with recorded curves, by hand."""

from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.median import MedianStoppingPolicy
from overdrive.sweep.replay import Curve, finished_curves, replay

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def curve(*values, pace=1.0):
    return Curve({}, values, [pace * (k + 1) for k in range(len(values))])


def test_no_policy_spends_all():
    outcome = replay([curve(0.1, 0.2), curve(0.3, 0.1, pace=2)], MAX, None, places=1)
    assert outcome.intervals == (4, 4)
    assert outcome.seconds == (6, 6)
    assert outcome.wall == (6, 6)
    assert (outcome.saved, outcome.regret, outcome.lost) == (0, 0, False)


def test_one_place_one_after_the_other():
    # Slack 0.1: the second falls behind at once (0.2 < 0.4), the third never does.
    curves = [curve(0.5, 0.6, 0.7), curve(0.2, 0.2, 0.2, pace=5), curve(0.6, 0.7, 0.8)]
    outcome = replay(curves, MAX, BanditPolicy(slack_amount=0.1), places=1)
    assert outcome.intervals == (7, 9)
    assert outcome.seconds == (3 + 5 + 3, 3 + 15 + 3)
    assert outcome.wall == (11, 21)
    assert outcome.saved == pytest.approx(2 / 9)
    assert outcome.seconds_saved == outcome.wall_saved == pytest.approx(10 / 21)
    assert not outcome.lost


def test_places_share_the_clock():
    # Both start at 0. At 1 and at 2 nobody is behind; B's first value comes at 5, when A stands at 0.9.
    a, b = curve(*[0.9] * 4), curve(0.1, 0.1, pace=5)
    outcome = replay([a, b], MAX, BanditPolicy(slack_amount=0.1), places=2)
    assert outcome.intervals == (5, 6)
    assert outcome.wall == (5, 10)
    # Alone, A waits for nobody, and B comes 4 seconds later.
    assert replay([a, b], MAX, BanditPolicy(slack_amount=0.1), places=1).wall == (9, 14)


def test_a_late_riser_is_lost_and_costs_its_distance():
    # Full bests: 0.5, 0.4, 0.9; median 0.5, best 0.9. The third is stopped at 0.1: 0.5 is what is left.
    curves = [curve(0.5, 0.5), curve(0.4, 0.4), curve(0.1, 0.9)]
    outcome = replay(curves, MAX, MedianStoppingPolicy(), places=1)
    assert outcome.lost
    assert outcome.regret == pytest.approx(100)
    mirrored = [curve(*(-v for v in one.values)) for one in curves]
    assert replay(mirrored, MIN, MedianStoppingPolicy(), places=1) == outcome


def test_the_winners_equal_is_as_good():
    curves = [curve(0.9, 0.9), curve(0.1, 0.9)]
    outcome = replay(curves, MAX, BanditPolicy(slack_amount=0.1), places=1)
    assert (outcome.intervals, outcome.lost, outcome.regret) == ((3, 4), False, 0)


def test_orders_differ_and_repeat():
    curves = [curve(k / 10, k / 10) for k in range(10)]
    policy = MedianStoppingPolicy()
    spent = [replay(curves, MAX, policy, places=1, order=seed).intervals[0] for seed in range(8)]
    assert len(set(spent)) > 1
    assert spent == [replay(curves, MAX, policy, places=1, order=seed).intervals[0] for seed in range(8)]
    # In the recorded order each run beats all before it.
    assert spent[0] == 20


def test_inherited_runs_are_compared_with_and_cost_nothing():
    earlier = RunRecord("old_0", 0, {}, Series(MAX, [0.9, 0.9]), Status.COMPLETED, inherited=True)
    outcome = replay([curve(0.1, 0.2)], MAX, BanditPolicy(slack_amount=0.1), places=1, inherited=[earlier])
    assert outcome.intervals == (1, 2)


@pytest.mark.parametrize("curves", [[], [Curve({}, (), ())], [curve(nan, nan)], [curve(0.5), curve(nan)]])
def test_nothing_to_lose(curves):
    outcome = replay(curves, MAX, MedianStoppingPolicy(), places=3)
    assert (outcome.regret, outcome.lost) == (0, False)
    assert outcome.saved == 0


def test_only_runs_that_were_let_finish_are_curves():
    def run(status, values, started=None, ended=None):
        return RunRecord("s", 0, {"x": 1}, Series(MAX, values), status, started=started, ended=ended)

    runs = [
        run(Status.COMPLETED, [0.1, 0.2], 100.0, 108.0),
        run(Status.CANCELED, [0.1]),
        run(Status.COMPLETED, []),
        run(Status.COMPLETED, [0.3]),
    ]
    assert finished_curves(runs) == [Curve({"x": 1}, [0.1, 0.2], [4, 8]), Curve({"x": 1}, [0.3], [1])]
    stamped = finished_curves(runs, [[101.0, 107.0], [], [], []])
    assert stamped[0].times == [1, 7]


values = st.lists(st.floats(-1, 1), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 3))
def test_never_more_than_all_and_the_regret_is_of_a_loss(drawn, places, order):
    curves = [curve(*one) for one in drawn]
    outcome = replay(curves, MAX, MedianStoppingPolicy(), places=places, order=order)
    assert 0 <= outcome.saved < 1
    assert outcome.wall[0] <= outcome.wall[1] + 1e-9
    assert (outcome.regret > 0) == outcome.lost
