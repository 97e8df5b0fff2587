"""What holds for the policies of rungs and for Wilcoxon's, whatever the values."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord
from overdrive.policies.halving import SuccessiveHalvingPolicy
from overdrive.policies.hyperband import HyperbandPolicy
from overdrive.policies.wilcoxon import WilcoxonPolicy

policies = st.one_of(
    st.builds(SuccessiveHalvingPolicy, st.integers(2, 4), st.integers(1, 3)),
    st.builds(
        lambda eta, brackets: HyperbandPolicy(eta, brackets=brackets), st.integers(2, 3), st.integers(1, 3)
    ),
    st.builds(WilcoxonPolicy, st.floats(0.01, 0.99)),
)
values = st.one_of(st.sampled_from([-1.0, 0.0, 0.5, 1.0, math.nan, math.inf, -math.inf]), st.floats())
curves = st.lists(st.lists(values, max_size=6), min_size=2, max_size=8)
goals, intervals = st.sampled_from(PrimaryMetricGoal), st.integers(1, 6)


def history(goal, drawn, order=None):
    made = History(goal)
    for number in order or range(len(drawn)):
        made.add(RunRecord(str(number), number, {}, Series(goal, drawn[number])))
    return made


def verdicts(policy, interval, sweep):
    return {run.id: policy.judge(run, interval, sweep) for run in sweep if len(run.series) >= interval}


@settings(max_examples=100, deadline=None)
@given(policies, goals, curves, intervals, st.randoms(use_true_random=False))
def test_never_the_best_whatever_the_order_and_mirrored_alike(policy, goal, drawn, interval, random):
    sweep = history(goal, drawn)
    found = verdicts(policy, interval, sweep)
    stopped = {name for name, verdict in found.items() if verdict.stop}
    best = goal.best(run.series.best for run in sweep if run.series.best is not None)
    assert best is None or not stopped & {run.id for run in sweep if run.series.best == best}
    other = next(g for g in PrimaryMetricGoal if g is not goal)
    mirrored = verdicts(policy, interval, history(other, [[-v for v in curve] for curve in drawn]))
    assert {name for name, verdict in mirrored.items() if verdict.stop} == stopped
    order = list(range(len(drawn)))
    random.shuffle(order)
    assert verdicts(policy, interval, history(goal, drawn, order)) == found
    for verdict in found.values():
        assert bool(verdict.reason) == verdict.stop
        assert "nan" not in verdict.reason
