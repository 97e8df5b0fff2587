"""Median stopping, by hand."""

from math import inf, nan

import pytest

from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.median import MedianStoppingPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def stopped(history, interval, policy=MedianStoppingPolicy()):  # noqa: B008 (frozen)
    return [run.id for run in history if policy.judge(run, interval, history).stop]


def test_best_is_compared_with_the_median_of_means_stopped_runs_included(history_of):
    history = history_of(MAX, {"a": [0.6, 0.8], "b": [0.5], "c": [0.1, 0.3]})
    assert MedianStoppingPolicy().judge(history["c"], 2, history)[:2] == (
        True,
        "best 0.3 at interval 2, below 0.5 = the median of the means of 3 runs",
    )


def test_a_best_equal_to_the_median_goes_on(history_of):
    history = history_of(MAX, {"a": [0.6, 0.8], "b": [0.5], "c": [0.1, 0.5]})
    assert not MedianStoppingPolicy().judge(history["c"], 2, history).stop


def test_minimise_with_an_even_number_of_runs(history_of):
    history = history_of(MIN, {"a": [0.2], "b": [0.4], "c": [0.6], "d": [0.9]})
    assert stopped(history, 1) == ["c", "d"]
    words = "best 0.6 at interval 1, above 0.5 = the median of the means of 4 runs"
    assert MedianStoppingPolicy().judge(history["c"], 1, history).reason == words


def test_older_runs_are_cut_back_to_the_interval(history_of):
    # Means over all values would be 0.7, 0.6 and 0.2; over the first, 0.3, 0.2 and 0.2.
    history = history_of(MAX, {"a": [0.3, 1.1], "b": [0.2, 1.0], "c": [0.2]})
    assert stopped(history, 1) == []


@pytest.mark.parametrize("bad", [nan, inf])
def test_unusable_values_are_left_out_of_the_mean(history_of, bad):
    # b's mean is 0.5, not NaN and not 0.25.
    history = history_of(MAX, {"a": [0.9, 0.9], "b": [bad, 0.5], "c": [0.4, 0.4]})
    assert stopped(history, 2) == ["c"]


def test_a_bad_infinity_makes_its_mean_the_worst(history_of):
    history = history_of(MAX, {"a": [0.9, 0.9], "b": [0.8, -inf], "c": [0.1, 0.1]})
    assert stopped(history, 2) == []


def test_half_the_runs_at_the_worst_infinity_stop_nobody(history_of):
    history = history_of(MAX, {"a": [0.9], "b": [-inf], "c": [-inf], "d": [0.5]})
    assert stopped(history, 1) == []


def test_rounding_in_a_mean_stops_nobody(history_of):
    # (0.1 + 0.1 + 0.1) / 3 is a little more than 0.1 in binary.
    history = history_of(MAX, {"a": [0.9] * 3, "b": [0.1] * 3, "c": [0.1] * 3})
    assert stopped(history, 3) == []


def test_a_sum_beyond_the_floats_is_no_mean_to_stop_for(history_of):
    history = history_of(MAX, {"a": [1.7e308] * 3, "b": [1.7e308, 1.7e308, -inf], "c": [1.0] * 3})
    assert stopped(history, 3) == []
