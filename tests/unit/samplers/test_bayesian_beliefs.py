"""Beliefs in the Bayesian sampler: where it begins, how the weight slopes, and that results overrule it."""

import numpy as np
import pytest

from overdrive.model.expressions import choice, loguniform, quniform, uniform
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
from overdrive.model.space import SearchSpace
from overdrive.samplers.bayesian import BayesianParameterSampling
from overdrive.samplers.bayesian.beliefs import Beliefs
from overdrive.samplers.bayesian.encoding import Encoding

SPACE = {
    "x": uniform(0, 1).near(0.8),
    "n": quniform(0, 4, 1).near(3),
    "kind": choice("a", {"y": uniform(0, 1).near(0.1)}, "c").near("c"),
    "free": uniform(0, 1),
}


def swept(space, loss, count):
    sampler = BayesianParameterSampling(space, seed=3)
    history = History(PrimaryMetricGoal.MINIMIZE)
    for number in range(count):
        params = sampler.propose(history, number)
        history.propose(str(number), number, params).status = Status.COMPLETED
        history.report(str(number), loss(params))
    return [run.params for run in history]


def test_the_first_run_is_where_the_user_believes_the_best_to_be():
    first = BayesianParameterSampling(SPACE, seed=0).propose(None, 0)
    assert first["free"] == pytest.approx(0.5, abs=0.01)
    assert (first["x"], first["n"], first["kind"]) == (0.8, 3, "c")
    assert BayesianParameterSampling({"lr": loguniform(-9, -2).near(3e-4)}).propose(None, 0) == {"lr": 3e-4}


def test_the_weight_is_greatest_there_and_its_gradient_is_right():
    encoding = Encoding(SearchSpace(SPACE))
    beliefs = Beliefs(encoding)
    points = encoding.from_units(np.random.RandomState(0).rand(12, len(encoding)))
    points[:, 1] = 0.1 + 0.8 * np.linspace(0, 1, 12)  # off its grid, where it is climbed
    value, slope = beliefs.logarithm(points)
    assert np.all(value <= beliefs.logarithm(beliefs.best(points))[0])
    for axis in range(len(encoding)):
        step = np.zeros(len(encoding))
        step[axis] = 1e-6
        if encoding.categorical[axis]:
            assert not np.any(slope[:, axis])
            continue
        expected = (beliefs.logarithm(points + step)[0] - beliefs.logarithm(points - step)[0]) / 2e-6
        assert slope[:, axis] == pytest.approx(expected, abs=1e-5)


def test_without_results_half_of_the_runs_lean_to_the_belief():
    drawn = swept({"x": uniform(0, 1).near(0.9)}, lambda _: float("nan"), 40)
    assert 20 <= sum(params["x"] > 0.7 for params in drawn) <= 32  # 0.6 of 40 expected, 12 without a belief


def test_a_belief_leads_early_and_a_false_one_is_overruled():
    def loss(params):
        return (params["x"] - 0.8) ** 2 + (params["y"] - 0.8) ** 2

    def best(at, count):
        space = {name: uniform(0, 1).near(at) for name in "xy"}
        return min(loss(params) for params in swept(space, loss, count))

    assert best(0.75, 2) < 0.01
    assert best(0.1, 20) < 0.01
