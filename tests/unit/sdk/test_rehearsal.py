"""Policies as people write them, and the one that is suggested."""

import pytest

from overdrive.errors import ConfigError
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.halving import SuccessiveHalvingPolicy
from overdrive.policies.median import MedianStoppingPolicy
from overdrive.policies.truncation import TruncationSelectionPolicy
from overdrive.sdk.rehearsal import CANDIDATES, policy_of
from overdrive.sweep.replay import Score, suggestion


def test_policies_in_words():
    assert policy_of("median:delay=5") == MedianStoppingPolicy(delay_evaluation=5)
    assert policy_of("median_stopping") == MedianStoppingPolicy()
    assert policy_of("truncation:percentage=20,interval=5") == TruncationSelectionPolicy(20, 5)
    assert policy_of("bandit: slack_factor=0.1, delay=5") == BanditPolicy(1, 0.1, None, 5)
    assert policy_of("asha:eta=2,max_interval=none") == SuccessiveHalvingPolicy(eta=2)
    assert all(map(policy_of, CANDIDATES))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("medan", "there is no policy 'medan'; there are median, truncation, asha, bandit"),
        ("median:5", "write argument=value, got '5'"),
        ("median:dely=5", "median_stopping has no such field"),
        ("median:delay=x", "must be a whole number >= 0, got 'x'"),
        ("bandit", "give it, or slack_amount"),
        ("asha:eta=1", "eta: must be a whole number >= 2, got 1"),
    ],
)
def test_what_is_no_policy(text, said):
    with pytest.raises(ConfigError, match="^" + text) as raised:
        policy_of(text)
    assert said in str(raised.value)


def score(saved, lost, regret=0.0):
    return Score(saved, saved, saved, regret, regret, lost)


def test_the_suggested_one_saves_most_and_seldom_loses():
    assert suggestion([score(30, 0), score(60, 5), score(90, 40)]) == 1
    assert suggestion([score(30, 0, 0.2), score(30, 0, 0.1)]) == 1
    assert suggestion([score(90, 5.1), score(0, 0)]) is None
