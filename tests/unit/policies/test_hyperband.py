"""Hyperband, by hand."""

from collections import Counter

import pytest

from overdrive.errors import ConfigError
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord
from overdrive.policies.hyperband import HyperbandPolicy

MAX = PrimaryMetricGoal.MAXIMIZE


def sweep(values):
    history = History(MAX)
    for number, curve in values.items():
        history.add(RunRecord(str(number), number, {}, Series(MAX, curve)))
    return history


def test_the_brackets_have_hyperbands_proportions():
    # eta 3, 3 brackets: 9 x 3/3, 3 x 3/2 rounded up, 1 x 3/1.
    policy = HyperbandPolicy(eta=3, brackets=3)
    assert Counter(policy.bracket(n) for n in range(17)) == {0: 9, 1: 5, 2: 3}
    assert [policy.bracket(n) for n in (0, 8, 9, 13, 14, 16, 17)] == [0, 0, 1, 1, 2, 2, 0]


def test_a_bracket_starts_at_its_own_rung_and_compares_its_own_runs():
    # 0 to 8 are of bracket 0, which is due at 1; 9 and 10 of bracket 1, which begins at 3.
    history = sweep({0: [0.5], 1: [0.4], 9: [0.1, 0.1, 0.1], 10: [0.2, 0.2, 0.2]})
    policy = HyperbandPolicy()
    assert [run.id for run in history if policy.judge(run, 1, history).stop] == ["1"]
    verdict = policy.judge(history["9"], 3, history)
    assert verdict.reason == ("bracket 1: best 0.1 at interval 3, rank 2 of 2: not among the best 1 (1 in 3)")
    # Best of its bracket, though worse than every run of the other one.
    assert not policy.judge(history["10"], 3, history).stop


def test_one_bracket_is_successive_halving():
    history = sweep({n: [n / 10] for n in range(6)})
    policy = HyperbandPolicy(brackets=1)
    assert [run.id for run in history if policy.judge(run, 1, history).stop] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("wrong", [{"brackets": 0}, {"brackets": 11}, {"eta": 1}])
def test_wrong_arguments(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        HyperbandPolicy(**wrong)
