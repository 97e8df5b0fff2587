"""What must hold for every policy and any values: the incumbent, the mirror, the order, the words."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord
from overdrive.policies.bandit import BanditPolicy
from overdrive.policies.median import MedianStoppingPolicy
from overdrive.policies.truncation import TruncationSelectionPolicy

slacks = st.one_of(st.just(0.0), st.floats(0, 10), st.floats(0, 1e300))
policies = st.one_of(
    st.builds(lambda s: BanditPolicy(slack_factor=s), slacks),
    st.builds(lambda s: BanditPolicy(slack_amount=s), slacks),
    st.builds(MedianStoppingPolicy),
    st.builds(TruncationSelectionPolicy, st.integers(1, 99)),
)
# Few distinct values, so that ties are common; then anything at all.
values = st.one_of(
    st.sampled_from([-1.0, -0.5, 0.0, 0.5, 0.8, 1.0, math.nan, math.inf, -math.inf]), st.floats()
)
curves = st.lists(st.lists(values, max_size=5), min_size=2, max_size=7)
goals = st.sampled_from(PrimaryMetricGoal)
intervals = st.integers(1, 5)
laws = settings(max_examples=150, deadline=None)


def history(goal, curves, order=None):
    made = History(goal)
    for i in order if order is not None else range(len(curves)):
        made.add(RunRecord(str(i), i, {}, Series(goal, curves[i])))
    return made


def stops(policy, interval, history):
    """Who is stopped at this interval, of those that have reached it."""
    ready = (run for run in history if len(run.series) >= interval)
    return {run.id for run in ready if policy.judge(run, interval, history).stop}


@laws
@given(policies, goals, curves, intervals)
def test_the_incumbent_is_never_stopped(policy, goal, curves, interval):
    sweep = history(goal, curves)
    stopped = stops(policy, interval, sweep)
    for cut in (interval, 5):
        usable = {
            run.id: [v for v in run.series.values[:cut] if v == v and abs(v) != math.inf] for run in sweep
        }
        bests = {
            run_id: max(vs) if goal is PrimaryMetricGoal.MAXIMIZE else min(vs)
            for run_id, vs in usable.items()
            if vs
        }
        if bests:
            top = max(bests.values()) if goal is PrimaryMetricGoal.MAXIMIZE else min(bests.values())
            assert not stopped & {run_id for run_id, best in bests.items() if best == top}


@laws
@given(policies, goals, curves, intervals)
def test_negated_values_and_the_other_goal_give_the_same_verdicts(policy, goal, curves, interval):
    other = next(g for g in PrimaryMetricGoal if g is not goal)
    mirrored = [[-value for value in curve] for curve in curves]
    assert stops(policy, interval, history(goal, curves)) == stops(policy, interval, history(other, mirrored))


@laws
@given(policies, goals, curves, intervals, st.randoms(use_true_random=False))
def test_the_order_of_the_runs_does_not_count(policy, goal, curves, interval, random):
    order = list(range(len(curves)))
    random.shuffle(order)
    assert stops(policy, interval, history(goal, curves)) == stops(
        policy, interval, history(goal, curves, order)
    )


@laws
@given(policies, goals, curves, intervals)
def test_a_reason_goes_with_every_stop_and_never_says_nan(policy, goal, curves, interval):
    sweep = history(goal, curves)
    for run in sweep:
        verdict = policy.judge(run, interval, sweep)
        assert bool(verdict.reason) == verdict.stop
        assert "nan" not in verdict.reason


@laws
@given(policies, goals, curves, intervals)
def test_what_others_report_later_does_not_condemn(policy, goal, curves, interval):
    """Values after the interval may only spare a run, as the best of all; they stop nobody."""
    cut = history(goal, [curve[:interval] for curve in curves])
    assert stops(policy, interval, history(goal, curves)) <= stops(policy, interval, cut)
