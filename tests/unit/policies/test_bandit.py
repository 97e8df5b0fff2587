"""The bandit's thresholds, by hand, for both goals and every sign of the best value."""

from math import inf

import pytest

from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.base import GO_ON

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def verdict(history_of, goal, best, value, **slack):
    history = history_of(goal, {"best": [best], "other": [value]})
    assert not BanditPolicy(**slack).judge(history["best"], 1, history).stop
    return BanditPolicy(**slack).judge(history["other"], 1, history)


@pytest.mark.parametrize(
    ("goal", "best", "factor", "goes_on", "stopped", "words"),
    [
        (MAX, 0.8, 0.2, 0.67, 0.66, "below 0.667 = 0.8 / (1 + 0.2)"),
        (MAX, -1.0, 0.2, -1.1, -1.21, "below -1.2 = -1 * (1 + 0.2)"),
        (MAX, -1.0, 0.2, -1.2, -2.0, "below -1.2 = -1 * (1 + 0.2)"),
        (MAX, 0.0, 0.2, -0.0, -0.01, "below 0 = 0 / (1 + 0.2)"),
        (MAX, 0.7, 0.0, 0.7, 0.69, "below 0.7 = 0.7 / (1 + 0)"),
        (MIN, 0.5, 0.2, 0.59, 0.61, "above 0.6 = 0.5 * (1 + 0.2)"),
        (MIN, 0.5, 0.2, 0.6, 0.601, "above 0.6 = 0.5 * (1 + 0.2)"),
        (MIN, -1.2, 0.2, -1.1, -0.9, "above -1 = -1.2 / (1 + 0.2)"),
        (MIN, 0.0, 0.2, 0.0, 1e-9, "above 0 = 0 * (1 + 0.2)"),
        (MAX, 0.8, 0.2, 0.667, -inf, "below 0.667 = 0.8 / (1 + 0.2)"),
    ],
)
def test_slack_factor(history_of, goal, best, factor, goes_on, stopped, words):
    assert verdict(history_of, goal, best, goes_on, slack_factor=factor) == GO_ON
    stop, reason, _ = verdict(history_of, goal, best, stopped, slack_factor=factor)
    assert stop
    assert reason.endswith(words)


@pytest.mark.parametrize(
    ("goal", "best", "amount", "goes_on", "stopped", "words"),
    [
        (MAX, 0.8, 0.2, 0.6, 0.59, "below 0.6 = 0.8 - 0.2"),
        (MAX, -1.0, 0.2, -1.2, -1.3, "below -1.2 = -1 - 0.2"),
        (MIN, 0.5, 0.2, 0.7, 0.71, "above 0.7 = 0.5 + 0.2"),
        (MIN, -0.5, 0.5, 0.0, 0.01, "above 0 = -0.5 + 0.5"),
        (MIN, 0.5, 0, 0.5, inf, "above 0.5 = 0.5 + 0"),
    ],
)
def test_slack_amount(history_of, goal, best, amount, goes_on, stopped, words):
    assert verdict(history_of, goal, best, goes_on, slack_amount=amount) == GO_ON
    stop, reason, _ = verdict(history_of, goal, best, stopped, slack_amount=amount)
    assert stop
    assert reason.endswith(words)


def test_the_reason_in_full(history_of):
    history = history_of(MAX, {"a": [0.5] * 9 + [0.8, 0.99], "b": [0.61] * 10})
    verdict = BanditPolicy(5, 0.2, delay_evaluation=8).judge(history["b"], 10, history)
    assert verdict[:2] == (True, "best 0.61 at interval 10, below 0.667 = 0.8 / (1 + 0.2)")


def test_a_reason_that_would_read_as_false_shows_more_digits(history_of):
    history = history_of(MAX, {"a": [0.8], "b": [0.6666]})
    verdict = BanditPolicy(slack_factor=0.2).judge(history["b"], 1, history)
    assert verdict[:2] == (True, "best 0.6666 at interval 1, below 0.6667 = 0.8 / (1 + 0.2)")


ADVICE = [
    ([0.95, 0.96, 0.97, 0.98, 0.99], 0.1, MAX, "stops nothing"),  # 0.99 / 1.1 = 0.9 is below them all
    ([0.01, 0.06, 0.07, 0.08, 0.5], 0.1, MIN, "stops whatever is not the best"),  # up to 0.011 goes on
    ([-0.5, 0.1, 0.2, 0.3, 0.4], 0.5, MAX, "zero lies among the values"),
    ([0.2, 0.5, 0.7, 0.8, 0.85], 0.1, MAX, None),  # 0.773 lies between them
    ([0.95, 0.96, 0.97, 0.98], 0.1, MAX, None),  # too few to tell
    ([0.5] * 5, 0.1, MAX, None),
]


@pytest.mark.parametrize(("bests", "factor", "goal", "said"), ADVICE)
def test_a_ratio_for_a_metric_without_a_natural_zero_is_advised_against(
    bests, factor, goal, said, history_of
):
    history = history_of(goal, {str(n): [value] for n, value in enumerate(bests)})
    found = BanditPolicy(slack_factor=factor).advice(history)
    assert (found is None) == (said is None)
    if said:
        assert said in found
        assert "slack_amount (about" in found
    assert BanditPolicy(slack_amount=0.1).advice(history) is None
