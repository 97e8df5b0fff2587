"""The Bayesian sampler: pure, inside the space, never twice, and better than chance."""

import copy
import json
import math
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, loguniform, normal, qloguniform, quniform, randint, uniform
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status
from overdrive.model.values import key
from overdrive.samplers.base import sampler_from_json
from overdrive.samplers.bayesian import BayesianParameterSampling
from overdrive.samplers.bayesian.search import Effort

MINIMIZE, MAXIMIZE = PrimaryMetricGoal.MINIMIZE, PrimaryMetricGoal.MAXIMIZE
MIXED = {
    "lr": loguniform(-9, -2),
    "width": choice(16, 32, 64),
    "depth": quniform(1, 6, 1),
    "model": choice({"act": choice("relu", "tanh")}, {"trees": randint(20), "share": uniform(0, 1)}),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Less effort than in earnest: what is tested here does not depend on it."""
    whole = BayesianParameterSampling.recipe
    effort = Effort(scattered=96, nearby=96, climbers=4, steps=16)
    monkeypatch.setattr(BayesianParameterSampling, "recipe", replace(whole, steps=15, effort=effort))
    return whole


def bowl(params):
    loss = (math.log(params["lr"]) + 5) ** 2 / 10 + abs(params["depth"] - 4) + params["width"] / 64
    return loss + (params["act"] == "tanh" if "act" in params else abs(params["share"] - 0.3) - 0.5)


def swept(space, loss, count, goal=MINIMIZE, sampler=None, sign=1.0):
    sampler = sampler or BayesianParameterSampling(space, seed=3)
    history = History(goal)
    for number in range(count):
        params = sampler.propose(history, number)
        if params is None:
            break
        history.propose(str(number), number, params).status = Status.COMPLETED
        history.report(str(number), sign * loss(params))
    return history


def told(values, status=Status.COMPLETED, space=None, goal=MINIMIZE):
    """A history of one run for each of `values`; None is a run that reported nothing."""
    sampler = BayesianParameterSampling(space or {"x": uniform(0, 1), "k": choice("a", "b")}, seed=1)
    history = History(goal)
    for number, value in enumerate(values):
        series = Series(goal, [] if value is None else [value])
        history.add(RunRecord(str(number), number, sampler.draw(number), series, status))
    return sampler, history


# ---------------------------------------------------------------- it finds the minimum


def test_it_finds_the_minimum_of_a_bowl():
    space = {f"x{i}": uniform(-5, 5) for i in range(4)}
    history = swept(space, lambda p: sum((p[f"x{i}"] - i) ** 2 for i in range(4)), 30)
    assert history.best_run.series.best < 0.05  # 30 random draws: about 10


def test_it_finds_the_best_of_a_mixed_space_with_branches():
    history = swept(MIXED, bowl, 30)
    assert history.best_run.series.best < -0.2  # the least is -0.25
    assert all("share" in run.params for run in list(history)[-5:])


def test_it_finds_the_best_on_the_border_of_a_constraint():
    space = {name: uniform(0, 1) for name in "abc"}
    sampler = BayesianParameterSampling(space, seed=3, constraints=["a + b <= 1", "c <= a"])
    history = swept(space, lambda p: sum((value - 1) ** 2 for value in p.values()), 22, sampler=sampler)
    # With s = 1 - a on the border: s^2 + (1 - s)^2 + s^2 is least at s = 1/3.
    assert history.best_run.series.best < 2 / 3 + 0.02
    assert all(sampler.space.contains(run.params) for run in history)


def test_maximising_is_minimising_the_negative():
    space = {"x": uniform(0, 1), "y": normal(0, 1)}

    def loss(p):
        return (p["x"] - 0.3) ** 2 + p["y"] ** 2

    down, up = swept(space, loss, 12), swept(space, loss, 12, goal=MAXIMIZE, sign=-1.0)
    assert [run.params for run in down] == [run.params for run in up]


# ---------------------------------------------------------------- pure


def test_a_fresh_sampler_answers_as_one_that_has_seen_the_whole_sweep():
    sampler = BayesianParameterSampling(MIXED, seed=3)
    history = swept(MIXED, bowl, 16, sampler=sampler)
    expected = [sampler.propose(history, number) for number in (16, 17)]
    again = History(MINIMIZE)
    for run in history:
        again.add(run)
    for fresh in (
        BayesianParameterSampling(MIXED, seed=3),
        copy.deepcopy(sampler),
        pickle.loads(pickle.dumps(sampler)),
        sampler_from_json(json.loads(json.dumps(sampler.to_json()))),
    ):
        assert fresh == sampler
        assert [fresh.propose(again, number) for number in (17, 16)] == expected[::-1]


def test_another_process_gives_the_same_answer(quick):
    code = """
from overdrive.samplers.bayesian import BayesianParameterSampling
from overdrive.model.expressions import uniform, choice
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.records import Status
sampler = BayesianParameterSampling({"x": uniform(0, 1), "k": choice("a", "b")}, seed=1)
history = History(PrimaryMetricGoal.MINIMIZE)
for number in range(8):
    history.propose(str(number), number, sampler.draw(number)).status = Status.COMPLETED
    history.report(str(number), number % 3 / 7)
print(sampler.propose(history, 8))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    sampler, history = told([number % 3 / 7 for number in range(8)])
    sampler.recipe = quick
    assert answer.stdout == f"{sampler.propose(history, 8)}\n"


def test_the_order_in_which_runs_end_changes_nothing():
    values = [0.4, 0.1, 0.9, 0.3, 0.7, 0.2]
    sampler, history = told(values)
    late, slow = told([None] * 6, Status.RUNNING)
    for number in (3, 1, 5, 0, 4, 2):
        late.propose(slow, 6)
        slow.report(str(number), values[number]).status = Status.COMPLETED
    assert late.propose(slow, 6) == sampler.propose(history, 6)


# ---------------------------------------------------------------- inside the space, never twice


@settings(max_examples=8, deadline=None)
@given(
    laws=st.lists(
        st.sampled_from(
            [
                uniform(-1, 1),
                loguniform(-9, -2),
                normal(0, 1),
                qloguniform(0, 3, 1),
                quniform(0, 1, 0.25),
                randint(4),
                choice("a", "b", {"inner": choice(1, 2, 3), "other": normal(5, 1)}),
                choice(True, False),
            ]
        ),
        min_size=1,
        max_size=4,
    ),
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=10, max_size=10),
)
def test_every_proposal_is_inside_the_space_and_new(laws, values):
    parameters = {f"p{place}": law for place, law in enumerate(laws)}
    for place, law in enumerate(laws):
        if getattr(law, "branches", ()):
            inner = {f"inner{place}": choice(1, 2, 3), f"other{place}": normal(5, 1)}
            parameters[f"p{place}"] = choice("a", "b", inner)
    sampler = BayesianParameterSampling(parameters, seed=2)
    history, seen = History(MAXIMIZE), set()
    for number, value in enumerate(values):
        params = sampler.propose(history, number)
        if params is None:
            assert len(seen) == sampler.space.size
            break
        assert sampler.space.contains(params) and key(params) not in seen
        seen.add(key(params))
        run = history.propose(str(number), number, params)
        run.status = Status.COMPLETED if number % 4 else Status.RUNNING
        history.report(str(number), value)


def test_a_finite_space_is_used_up_once_and_then_no_more():
    space = {"a": choice("x", "y", "z"), "b": quniform(0, 2, 1), "c": choice({"d": choice(1, 2)}, "none")}
    history = swept(space, lambda p: p["b"] + (p["a"] == "x") + p.get("d", 0), 40)
    assert len(history) == 27 == len({key(run.params) for run in history})
    # The best come early: b = 0 and a not "x" and c "none".
    assert min(range(27), key=lambda n: list(history)[n].series.best) < 12


def test_runs_of_an_earlier_sweep_are_not_run_again():
    space = {"a": choice("x", "y"), "b": quniform(0, 2, 1)}
    history = History(MINIMIZE)
    sampler = BayesianParameterSampling(space, seed=0)
    for number in range(4):
        run = RunRecord(f"old{number}", number, sampler.space.at(number), Series(MINIMIZE, [1.0 * number]))
        run.status, run.inherited = Status.COMPLETED, True
        history.add(run)
    found = []
    for number in range(2):
        found.append(sampler.propose(history, number))
        history.propose(str(number), number, found[-1])
    assert sorted(map(str, found)) == sorted(str(sampler.space.at(n)) for n in (4, 5))
    assert sampler.propose(history, 2) is None


def test_pending_runs_are_spread_out():
    sampler, history = told([0.5, 0.2, 0.9, 0.4, 0.6], space={"x": uniform(0, 1), "y": uniform(0, 1)})
    asked = []
    for number in range(5, 13):
        asked.append(sampler.propose(history, number))
        history.propose(str(number), number, asked[-1])
    gaps = [math.dist(a.values(), b.values()) for i, a in enumerate(asked) for b in asked[:i]]
    assert min(gaps) > 0.02


def test_initial_points_come_first():
    points = [{"x": 0.25, "k": "b"}, {"x": 0.5, "k": "a"}]
    sampler = BayesianParameterSampling({"x": uniform(0, 1), "k": choice("a", "b")}, initial_points=points)
    assert [sampler.propose(History(MINIMIZE), number) for number in range(2)] == points
    assert sampler_from_json(json.loads(json.dumps(sampler.to_json()))).initial_points == points
    assert sampler.seeded(4).initial_points == points
    with pytest.raises(ConfigError, match=r"initial_points\[1\]: is not in the search space"):
        BayesianParameterSampling({"x": uniform(0, 1)}, initial_points=[{"x": 0.5}, {"x": 2.0}])


def test_few_runs_for_each_parameter_and_many_at_once_bring_advice():
    sampler = BayesianParameterSampling({"x": uniform(0, 1), "k": choice("a", "b"), "c": 3})
    assert sampler.hints(40, 10) == [] == sampler.hints(100, 25)
    (runs,), (both,) = sampler.hints(39, 1), sampler.hints(30, 8)
    assert "20 runs or more for each parameter (40 for 2, not 39);" in runs
    assert "(40 for 2, not 30) and few at once" in both and "here 8 of 30" in both


# ---------------------------------------------------------------- evidence of all kinds


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 8,
        [None] * 8,
        [0.5],
        [math.nan] * 8,
        [math.inf, -math.inf, math.nan, 1.0, 2.0, 3.0, 4.0, 5.0],
        [1e300, -1e300, 1e-300, -1e-300, 0.0, 5e-324],
        [1e300, 1e300, 1e300, 1e300, 1.0],
        [1.0, None, 1.0, None, 1.0, None, 1.0, 2.0],
    ],
)
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.RUNNING])
def test_no_history_breaks_it(values, status):
    for goal in (MINIMIZE, MAXIMIZE):
        sampler, history = told(values, status, goal=goal)
        assert sampler.space.contains(sampler.propose(history, len(values)))


def test_duplicates_do_not_break_it():
    sampler, history = told([0.5, 0.4])
    for number in range(2, 12):
        history.add(
            RunRecord(str(number), number, sampler.draw(0), Series(MINIMIZE, [0.5]), Status.COMPLETED)
        )
    assert sampler.space.contains(sampler.propose(history, 12))


def test_where_runs_failed_it_does_not_try_again():
    space = {"x": uniform(0, 1)}

    def loss(params):  # falls towards x = 0.6, beyond which every run fails
        return math.nan if params["x"] > 0.6 else 1 - params["x"]

    history = swept(space, loss, 20)
    late = [run.params["x"] for run in list(history)[10:]]
    assert sum(x > 0.65 for x in late) <= 3 and history.best_run.series.best < 0.45


def test_fifty_parameters_and_a_hundred_pending():
    space = {f"p{i}": uniform(0, 1) for i in range(30)} | {f"q{i}": choice("a", "b", "c") for i in range(20)}
    sampler = BayesianParameterSampling(space, seed=0)
    history = History(MINIMIZE)
    for number in range(110):
        run = history.propose(str(number), number, sampler.draw(number))
        if number < 10:
            run.status = Status.COMPLETED
            history.report(str(number), run.params["p0"])
    params = sampler.propose(history, 110)
    assert sampler.space.contains(params) and params not in [run.params for run in history]
