"""What all policies share: due, whom to compare with, the incumbent, NaN, JSON, bad arguments."""

from math import inf, nan

import pytest

from overdrive.errors import ConfigError
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.base import NoTerminationPolicy, figures, policy_from_json
from overdrive.policies.median import MedianStoppingPolicy
from overdrive.policies.truncation import TruncationSelectionPolicy

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE
TENTH = BanditPolicy(slack_amount=0.1)
EVERYONE = [TENTH, MedianStoppingPolicy(), TruncationSelectionPolicy(99)]


@pytest.mark.parametrize(
    ("interval", "delay", "expected"),
    [
        (5, 8, [10, 15, 20]),
        (1, 0, list(range(1, 21))),
        (5, 5, [5, 10, 15, 20]),
        (7, 0, [7, 14]),
        (1, 19, [19, 20]),
    ],
)
def test_due_at_multiples_from_the_delay_on(interval, delay, expected):
    policy = MedianStoppingPolicy(interval, delay)
    assert [n for n in range(21) if policy.due(n)] == expected


def test_nothing_happens_where_the_policy_is_not_due(history_of):
    history = history_of(MAX, {"a": [1.0] * 10, "b": [0.0] * 10})
    policy = BanditPolicy(5, slack_amount=0.1, delay_evaluation=8)
    assert [n for n in range(1, 11) if policy.judge(history["b"], n, history).stop] == [10]


def test_a_late_run_is_judged_by_the_others_at_the_same_interval(history_of):
    history = history_of(MAX, {"a": [0.5, 0.9], "b": [0.45]})
    assert not TENTH.judge(history["b"], 1, history).stop


def test_a_run_that_was_stopped_early_still_counts(history_of):
    history = history_of(MAX, {"a": [0.5], "b": [0.35, 0.35]})
    expected = "best 0.35 at interval {}, below 0.4 = 0.5 - 0.1"
    assert TENTH.judge(history["b"], 1, history)[:2] == (True, expected.format(1))
    assert TENTH.judge(history["b"], 2, history)[:2] == (True, expected.format(2))


def test_the_best_of_all_values_counts_not_the_last(history_of):
    history = history_of(MAX, {"a": [0.5, 0.5], "b": [0.45, 0.1]})
    assert not BanditPolicy(2, slack_amount=0.1).judge(history["b"], 2, history).stop


@pytest.mark.parametrize("policy", EVERYONE, ids=repr)
def test_the_first_run_to_report_goes_on(history_of, policy):
    history = history_of(MAX, {"a": [-100.0], "b": [], "c": []})
    assert not policy.judge(history["a"], 1, history).stop


def test_the_incumbent_at_the_interval_and_over_all_values_goes_on(history_of):
    late_riser = history_of(MAX, {"a": [0.8, 0.8], "b": [0.1, 0.9]})
    assert not TENTH.judge(late_riser["b"], 1, late_riser).stop
    overtaken = history_of(MAX, {"a": [0.8], "b": [0.1, 0.9]})
    assert not TENTH.judge(overtaken["a"], 1, overtaken).stop


@pytest.mark.parametrize("policy", [BanditPolicy(slack_amount=0), *EVERYONE], ids=repr)
def test_equals_at_the_top_are_safe_together(history_of, policy):
    history = history_of(MAX, {"a": [0.7], "b": [0.7], "c": [0.1]})
    assert [policy.judge(history[r], 1, history).stop for r in "ab"] == [False, False]


@pytest.mark.parametrize("policy", EVERYONE, ids=repr)
@pytest.mark.parametrize("bad", [nan, inf])
def test_a_run_without_usable_values_counts_as_worst(history_of, policy, bad):
    history = history_of(MAX, {"a": [0.1], "b": [bad]})
    assert policy.judge(history["b"], 1, history)[:2] == (
        True,
        "no usable value up to interval 1, only NaN or infinity",
    )
    assert not policy.judge(history["a"], 1, history).stop
    both = history_of(MAX, {"a": [nan], "b": [bad]})
    assert not policy.judge(both["b"], 1, both).stop


def test_usable_values_after_the_interval_do_not_condemn_those_before(history_of):
    history = history_of(MAX, {"a": [nan, 0.5], "b": [nan]})
    assert not TENTH.judge(history["b"], 1, history).stop
    assert TENTH.judge(history["b"], 2, history).stop


def test_nan_and_bad_infinity_are_survived_by_a_good_value(history_of):
    history = history_of(MIN, {"a": [nan, 0.5], "b": [inf, 0.55]})
    assert not BanditPolicy(2, slack_amount=0.1).judge(history["b"], 2, history).stop


def test_no_policy_stops_nothing(history_of):
    history = history_of(MAX, {"a": [0.9], "b": [nan], "c": [0.1]})
    assert not any(NoTerminationPolicy().judge(run, 1, history).stop for run in history)


def test_equal_by_value_and_frozen():
    assert BanditPolicy(1, 0.2) == BanditPolicy(slack_factor=0.2) != BanditPolicy(slack_factor=0.3)
    assert MedianStoppingPolicy() != NoTerminationPolicy() == NoTerminationPolicy()
    with pytest.raises(AttributeError):
        MedianStoppingPolicy().delay_evaluation = 3


@pytest.mark.parametrize(
    ("make", "places"),
    [
        (lambda: BanditPolicy(), ["slack_factor"]),
        (lambda: BanditPolicy(slack_factor=0.1, slack_amount=0.1), ["slack_factor"]),
        (lambda: BanditPolicy(0, -1, None, 0.5), ["evaluation_interval", "delay_evaluation", "slack_factor"]),
        (lambda: BanditPolicy(slack_factor=True), ["slack_factor"]),
        (lambda: BanditPolicy(slack_amount=nan), ["slack_amount"]),
        (lambda: BanditPolicy(slack_amount=inf), ["slack_amount"]),
        (lambda: BanditPolicy(slack_factor="0.1"), ["slack_factor"]),
        (lambda: MedianStoppingPolicy(True, -1), ["evaluation_interval", "delay_evaluation"]),
        (lambda: MedianStoppingPolicy(1.0), ["evaluation_interval"]),
        (lambda: TruncationSelectionPolicy(0), ["truncation_percentage"]),
        (lambda: TruncationSelectionPolicy(100, 0), ["truncation_percentage", "evaluation_interval"]),
        (lambda: TruncationSelectionPolicy(20.0), ["truncation_percentage"]),
    ],
)
def test_bad_arguments_are_all_named_at_once(make, places):
    with pytest.raises(ConfigError) as caught:
        make()
    assert [problem.where for problem in caught.value.problems] == places


def test_zero_is_a_slack():
    assert BanditPolicy(slack_factor=0).to_json()["slack_factor"] == 0
    assert BanditPolicy(slack_amount=0).slack_factor is None


@pytest.mark.parametrize(
    ("data", "places"),
    [
        ({}, ["name"]),
        ({"name": 3}, ["name"]),
        ({"name": "bandito"}, ["name"]),
        ({"name": "bandit", "slack": 0.1, "delay": 5}, ["slack", "delay"]),
        ({"name": "truncation_selection", "percent": 20}, ["percent", "truncation_percentage"]),
        ({"name": "median_stopping", "evaluation_interval": 0}, ["evaluation_interval"]),
        ({"name": "none", "delay_evaluation": 5}, ["delay_evaluation"]),
    ],
)
def test_bad_json_names_the_place(data, places):
    with pytest.raises(ConfigError) as caught:
        policy_from_json(data)
    assert [problem.where for problem in caught.value.problems] == places


def test_json_holds_the_name_and_what_is_set():
    policy = BanditPolicy(2, slack_factor=0.2, delay_evaluation=5)
    expected = {"name": "bandit", "evaluation_interval": 2, "slack_factor": 0.2, "delay_evaluation": 5}
    assert policy.to_json() == expected
    assert NoTerminationPolicy().to_json() == {"name": "none"}


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((0.61, 2 / 3, 0.8), ["0.61", "0.667", "0.8"]),
        ((0.6666, 0.6667), ["0.6666", "0.6667"]),
        ((0.8, 0.8), ["0.8", "0.8"]),
        ((-0.0, 0.0), ["0", "0"]),
        ((12345.6,), ["12346"]),
        ((12345.61, 12345.62), ["12345.61", "12345.62"]),
        ((1.2345e-7, 2.5e9), ["1.23e-07", "2.5e+09"]),
        ((-inf, -1.0), ["-inf", "-1"]),
    ],
)
def test_figures_are_short_and_never_read_as_equal_when_they_differ(numbers, texts):
    assert figures(*numbers) == texts
