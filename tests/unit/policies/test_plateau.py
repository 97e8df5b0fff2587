"""Plateau, by hand."""

import math

import pytest

from overdrive.errors import ConfigError
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.base import Kind
from overdrive.policies.plateau import PlateauPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def ends_at(history_of, goal, values, policy):
    """The intervals at which a run alone is ended."""
    return [
        n
        for n in range(1, len(values) + 1)
        if policy.judge((history := history_of(goal, {"a": values[:n]}))["a"], n, history).stop
    ]


def test_when_the_best_has_not_moved_for_so_many_intervals(history_of):
    values = [0.1, 0.5, 0.4, 0.5, 0.3, 0.6, 0.6]
    # The best so far is 0.1, 0.5, 0.5, 0.5, 0.5, 0.6, 0.6: two intervals without a better one end at 4 and 5.
    assert ends_at(history_of, MAX, values, PlateauPolicy(patience=2)) == [4, 5]
    assert ends_at(history_of, MAX, values, PlateauPolicy(patience=3)) == [5]


def test_no_more_than_min_delta_is_no_improvement(history_of):
    values = [1.0, 0.9, 0.85, 0.6]
    assert ends_at(history_of, MIN, values, PlateauPolicy(patience=1, min_delta=0.0625)) == [3]


def test_the_incumbent_ends_too_and_it_is_no_loss(history_of):
    history = history_of(MAX, {"a": [0.9, 0.9], "b": [0.1, 0.2]})
    verdict = PlateauPolicy(patience=1).judge(history["a"], 2, history)
    assert (verdict.stop, verdict.kind) == (True, Kind.PLATEAU)
    assert not PlateauPolicy(patience=1).judge(history["b"], 2, history).stop


def test_delay_interval_and_unusable_values(history_of):
    flat = [0.5] * 9
    policy = PlateauPolicy(patience=1, evaluation_interval=3, delay_evaluation=4)
    assert ends_at(history_of, MAX, flat, policy) == [6, 9]
    assert ends_at(history_of, MAX, [math.nan] * 5, PlateauPolicy(patience=1)) == []


@pytest.mark.parametrize(
    "wrong", [{"patience": 0}, {"patience": 2.5}, {"min_delta": -1}, {"min_delta": math.nan}]
)
def test_wrong_arguments(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PlateauPolicy(**wrong)
