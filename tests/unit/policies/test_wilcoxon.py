"""Wilcoxon, by hand and by counting every sign pattern."""

from itertools import product
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.wilcoxon import WilcoxonPolicy, signed_rank

MAX, MIN = PrimaryMetricGoal.MAXIMIZE, PrimaryMetricGoal.MINIMIZE


def test_by_hand():
    assert signed_rank([]) == 1
    assert signed_rank([1, 2, 3]) == 1 / 8
    assert signed_rank([-1, 2, 3]) == 2 / 8  # no negative at all, or only rank 1
    # Ranks 1 and 2 sum to 3; of 16 patterns {}, 1, 2, 3, 12 sum to 3 or less.
    assert signed_rank([-1, -2, 3, 4]) == 5 / 16
    # Both of size 1 have rank 1.5: {}, either of them.
    assert signed_rank([-1, 1, 2]) == 3 / 8


def test_beyond_fifty_pairs_as_published():
    # Wilcoxon's table for n = 50: the sum 434 or less has a one-sided chance of just under 2.5 %.
    def with_sum(target, n):
        signs = [1.0] * n
        for rank in range(n, 0, -1):
            if rank <= target:
                signs[rank - 1], target = -1.0, target - rank
        return [sign * (k + 1) for k, sign in enumerate(signs)]

    assert 0.024 < signed_rank(with_sum(434, 50)) < 0.025
    # Normal for 51: mean 663, deviation sqrt(51 * 52 * 103 / 24) = 106.7, (449.5 - 663) / 106.7 = -2.001.
    assert signed_rank(with_sum(449, 51)) == pytest.approx(0.0227, abs=2e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4).filter(bool), max_size=8))
def test_as_every_sign_pattern_counted_out(differences):
    sizes = sorted(map(abs, differences))
    rank = {s: (2 * sizes.index(s) + sizes.count(s) + 1) / 2 for s in sizes}
    ranks = [rank[abs(d)] for d in differences]
    seen = sum(r for r, d in zip(ranks, differences, strict=True) if d < 0)
    patterns = [
        sum(r for r, on in zip(ranks, p, strict=True) if on) for p in product((0, 1), repeat=len(ranks))
    ]
    assert signed_rank(differences) == sum(total <= seen for total in patterns) / len(patterns)


def test_stopped_at_the_fifth_fold_that_is_worse(history_of):
    history = history_of(MAX, {"0": [0.8, 0.7, 0.9, 0.6, 0.8], "1": [0.7, 0.5, 0.6, 0.2, 0.3]})
    policy = WilcoxonPolicy()
    assert not policy.judge(history["1"], 4, history).stop  # 1/16
    assert policy.judge(history["1"], 5, history)[:2] == (
        True,
        "mean 0.46 over 5 intervals, run 0 has 0.76 over the same: p = 0.031, below 0.05",
    )


def test_all_looks_together_have_the_threshold_and_no_look_is_wasted():
    policy = WilcoxonPolicy(p_threshold=0.1)
    assert [policy.threshold(n) for n in (3, 4, 5, 6, 7)] == pytest.approx([0, 0, 0.1 / 2, 0.1 / 6, 0.1 / 12])
    assert sum(policy.threshold(n) for n in range(1, 1000)) < 0.1
    rare = WilcoxonPolicy(p_threshold=0.1, evaluation_interval=4, delay_evaluation=6)
    assert [rare.threshold(n) for n in (4, 8, 12)] == pytest.approx([0, 0.1 / 2, 0.1 / 6])
    assert WilcoxonPolicy(p_threshold=0.5).threshold(2) == 0  # 1/4 is not below 0.5 / 2
    assert WilcoxonPolicy(p_threshold=0.5).threshold(3) == 0.25


def test_minimise_and_the_leader_is_the_best_mean_of_the_longest(history_of):
    # 2 has a better mean, but has gone less far than 0.
    curves = {"0": [0.3] * 6, "1": [0.4] * 5, "2": [0.1, 0.2, 0.2, 0.2], "3": [0.35, 0.2, 0.2, 0.2]}
    history = history_of(MIN, curves)
    policy = WilcoxonPolicy()
    assert "run 0 has 0.3" in policy.judge(history["1"], 5, history).reason
    assert not policy.judge(history["3"], 4, history).stop


def test_a_fold_that_broke_down_is_the_worst(history_of):
    history = history_of(MAX, {"0": [0.8, 0.7, 0.9, 0.6, 0.8], "1": [0.7, 0.6, nan, 0.5, 0.4]})
    assert WilcoxonPolicy().judge(history["1"], 5, history).reason.startswith("mean -inf over 5")
    history = history_of(MAX, {"0": [inf, nan, 0.9, 0.6, 0.8], "1": [0.7, 0.6, 0.8, 0.5, 0.7]})
    assert not WilcoxonPolicy().judge(history["1"], 5, history).stop


@pytest.mark.parametrize("wrong", [0, 1, -0.1, nan, "0.1", True, None])
def test_wrong_arguments(wrong):
    with pytest.raises(ConfigError, match="p_threshold"):
        WilcoxonPolicy(wrong)
