"""Truncation selection, by hand."""

from math import inf, nan

import pytest

from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.truncation import TruncationSelectionPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def lowest(history_of, goal, percentage, values):
    history = history_of(goal, {str(i): [value] for i, value in enumerate(values)})
    policy = TruncationSelectionPolicy(percentage)
    return [values[run.number] for run in history if policy.judge(run, 1, history).stop]


@pytest.mark.parametrize(
    ("percentage", "values", "expected"),
    [
        (20, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], [0.1]),  # floor(1.8)
        (50, [0.9, 0.8, 0.5, 0.3], [0.5, 0.3]),
        (50, [0.9, 0.5, 0.5, 0.3], [0.3]),  # the tie with the first that stays
        (50, [0.9, 0.8, 0.3, 0.3], [0.3, 0.3]),  # a tie within the lowest part
        (20, [0.9, 0.8, 0.5, 0.3], []),  # floor(0.8)
        (99, [0.9, 0.8, 0.5, 0.3], [0.8, 0.5, 0.3]),
        (99, [0.5, 0.5, 0.5, 0.5], []),
        (50, [-1.0, -2.0, -3.0, 0.0], [-2.0, -3.0]),
        (50, [0.9, -inf, 0.5, -inf], [-inf, -inf]),
    ],
)
def test_the_lowest_part(history_of, percentage, values, expected):
    assert lowest(history_of, MAX, percentage, values) == expected
    mirrored = lowest(history_of, MIN, percentage, [-value for value in values])
    assert mirrored == [-value for value in expected]


def test_only_runs_that_reached_the_interval_are_ranked(history_of):
    history = history_of(MAX, {"a": [0.9, 0.9], "b": [0.1], "c": [0.2, 0.2]})
    verdict = TruncationSelectionPolicy(50).judge(history["c"], 2, history)
    assert verdict[:2] == (True, "best 0.2 at interval 2, rank 2 of 2: in the lowest 1 = 50 %")


def test_alone_at_the_interval_a_run_goes_on(history_of):
    history = history_of(MAX, {"a": [0.9], "b": [0.1, 0.2]})
    assert not TruncationSelectionPolicy(99).judge(history["b"], 2, history).stop


def test_a_run_without_usable_values_takes_a_place_in_the_lowest_part(history_of):
    history = history_of(MAX, {"a": [0.9], "b": [0.8], "c": [0.5], "d": [nan]})
    policy = TruncationSelectionPolicy(25)
    assert [run.id for run in history if policy.judge(run, 1, history).stop] == ["d"]


def test_older_runs_are_cut_back_to_the_interval(history_of):
    history = history_of(MAX, {"a": [0.5, 0.9], "b": [0.2, 0.9], "c": [0.3]})
    assert not TruncationSelectionPolicy(34).judge(history["c"], 1, history).stop
