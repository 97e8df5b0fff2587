"""What the planner may rely on, for every registered policy."""

import json

import pytest

from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.policies.base import POLICIES, Kind, Policy, Verdict, policy_from_json

ARGUMENTS = {
    "bandit": {"slack_amount": 0.1},
    "truncation_selection": {"truncation_percentage": 50},
}


@pytest.fixture(params=POLICIES.names())
def data(request):
    return {"name": request.param, **ARGUMENTS.get(request.param, {})}


@pytest.fixture
def policy(data) -> Policy:
    return policy_from_json(data)


def test_json_there_and_back_gives_an_equal_policy(policy, data):
    text = json.dumps(policy.to_json(), allow_nan=False)
    assert json.loads(text)["name"] == data["name"]
    assert data.items() <= json.loads(text).items()
    again = policy_from_json(json.loads(text))
    assert again == policy
    assert hash(again) == hash(policy)


def test_the_registered_class_knows_its_name(policy, data):
    assert type(policy) is POLICIES.load(data["name"])
    assert data["name"] == policy.NAME


@pytest.mark.parametrize("goal", PrimaryMetricGoal)
def test_a_verdict_for_every_run_and_the_best_goes_on(policy, goal, history_of):
    sign = 1 if goal is PrimaryMetricGoal.MAXIMIZE else -1
    curves = {str(i): [sign * i * k for k in range(1, 21)] for i in range(-5, 6)}
    history = history_of(goal, curves)
    verdicts = {run.id: policy.judge(run, 20, history) for run in history}
    assert all(isinstance(verdict, Verdict) for verdict in verdicts.values())
    assert all(
        bool(verdict.reason) == (verdict.stop or verdict.kind is Kind.CONTROL)
        for verdict in verdicts.values()
    )
    assert not verdicts["5"].stop


@pytest.mark.parametrize("goal", PrimaryMetricGoal)
def test_alone_or_before_any_value_a_run_goes_on(policy, goal, history_of):
    history = history_of(goal, {"a": [0.0] * 20, "b": []})
    verdicts = [policy.judge(run, n, history) for run in history for n in range(1, 21)]
    assert not any(verdict.stop and verdict.kind is not Kind.PLATEAU for verdict in verdicts)


def test_judging_leaves_the_history_as_it_was(policy, history_of):
    curves = {"a": [1.0, 2.0], "b": [0.5, 0.1], "c": [0.0, 0.0]}
    history = history_of(PrimaryMetricGoal.MAXIMIZE, curves)
    first = [policy.judge(run, 2, history) for run in history]
    assert [policy.judge(run, 2, history) for run in history] == first
    assert {run.id: run.series.values for run in history} == curves
