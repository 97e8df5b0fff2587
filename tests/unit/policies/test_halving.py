"""Successive halving, by hand."""

import pytest

from overdrive.errors import ConfigError
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.halving import SuccessiveHalvingPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def stopped(history, interval, policy):
    return [run.id for run in history if policy.judge(run, interval, history).stop]


def test_the_rungs_are_powers_of_eta_below_the_last_interval():
    policy = SuccessiveHalvingPolicy(eta=3, min_interval=2, max_interval=54)
    assert [n for n in range(1, 100) if policy.due(n)] == [2, 6, 18]
    assert [n for n in range(1, 30) if SuccessiveHalvingPolicy().due(n)] == [1, 3, 9, 27]


def test_one_in_eta_of_those_that_came_goes_on(history_of):
    history = history_of(MAX, {str(v): [v / 10] for v in range(1, 8)})
    # floor(7 / 3) = 2: 0.7 and 0.6.
    assert stopped(history, 1, SuccessiveHalvingPolicy(eta=3)) == ["1", "2", "3", "4", "5"]
    assert SuccessiveHalvingPolicy(eta=3).judge(history["5"], 1, history).reason == (
        "best 0.5 at interval 1, rank 3 of 7: not among the best 2 (1 in 3)"
    )


def test_of_two_the_better_one_goes_on(history_of):
    assert stopped(history_of(MIN, {"a": [0.2], "b": [0.3]}), 1, SuccessiveHalvingPolicy()) == ["b"]


def test_only_those_that_reached_the_rung_count_and_by_their_values_up_to_it(history_of):
    curves = {"a": [0.5, 0.5, 0.5], "b": [0.9, 0.9], "c": [0.4, 0.3, 0.3, 0.9], "d": [0.1, 0.2, 0.3]}
    history = history_of(MAX, curves)
    # At 3 stand a (0.5), c (0.4) and d (0.3): floor(3 / 2) = 1. c's later 0.9 makes it the incumbent.
    assert stopped(history, 3, SuccessiveHalvingPolicy(eta=2, min_interval=3)) == ["d"]


def test_ties_go_on_together(history_of):
    history = history_of(MAX, {"a": [0.9], "b": [0.5], "c": [0.5], "d": [0.4]})
    # The best two of four are 0.9 and a 0.5.
    assert stopped(history, 1, SuccessiveHalvingPolicy(eta=2)) == ["d"]


@pytest.mark.parametrize(
    "wrong", [{"eta": 1}, {"eta": 2.5}, {"min_interval": 0}, {"max_interval": 0}, {"min_interval": True}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SuccessiveHalvingPolicy(**wrong)
