"""What the planner may rely on, for every registered sampler."""

import copy
import json
import pickle

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.expressions import (
    choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord
from overdrive.samplers.base import SAMPLERS, sampler_from_json

NAMES = SAMPLERS.names()
EMPTY = History(PrimaryMetricGoal.MAXIMIZE)

finite = st.sampled_from(
    [
        choice(1, 2, "x"),
        choice(True, None, 1),
        randint(3),
        quniform(0, 1, 0.5),
        qloguniform(0, 2, 1),
        7,
        "text",
    ]
)
endless = st.sampled_from(
    [uniform(0, 1), loguniform(-3, 0), normal(0, 1), lognormal(0, 1), qnormal(0, 5, 1), qlognormal(0, 1, 0.1)]
)


@st.composite
def spaces(draw, laws):
    parameters = draw(st.dictionaries(st.sampled_from("abc"), laws, max_size=3))
    branches = draw(st.lists(st.dictionaries(st.sampled_from("de"), laws, max_size=2), max_size=2))
    if branches:
        options = [{"kind": place, **branch} for place, branch in enumerate(branches)]
        parameters["z"] = choice([*draw(st.sampled_from([[], ["none"], ["none", 1]])), *options])
    return parameters


def made(name, space, seed=0):
    """The sampler of this name, through JSON as the controller makes it; skipped where it refuses."""
    try:
        sampler = SAMPLERS.load(name)(space, seed=seed)
    except ConfigError as error:
        assert all(problem.where.startswith("search_space") for problem in error.problems)
        assume(False)
    return sampler_from_json(json.loads(json.dumps(sampler.to_json())))


modest = settings(max_examples=25, deadline=None)
anything = spaces(finite | endless)


@pytest.mark.parametrize("name", NAMES)
@modest
@given(space=anything | spaces(finite), seed=st.integers(0, 2**40))
def test_every_proposal_is_inside_the_space(name, space, seed):
    sampler = made(name, space, seed)
    for number in range(20):
        params = sampler.propose(EMPTY, number)
        if params is not None:
            assert sampler.space.contains(params)
            assert json.loads(json.dumps(params)) == params
            declared = list(sampler.space.parameters)
            assert [n for n in params if n in declared] == [n for n in declared if n in params]


@pytest.mark.parametrize("name", NAMES)
@modest
@given(space=anything | spaces(finite), order=st.permutations(range(12)))
def test_same_inputs_same_answer_in_any_order(name, space, order):
    ahead = made(name, space)
    expected = [ahead.propose(EMPTY, number) for number in range(12)]
    asked = made(name, space)
    assert {number: asked.propose(EMPTY, number) for number in order} == dict(enumerate(expected))
    assert [made(name, space).propose(EMPTY, number) for number in order[:2]] == [
        expected[number] for number in order[:2]
    ]


@pytest.mark.parametrize("name", NAMES)
@modest
@given(space=spaces(finite), seed=st.integers(0, 5))
def test_a_finite_space_is_proposed_whole_once_and_then_no_more(name, space, seed):
    sampler = made(name, space, seed)
    size = sampler.space.size
    assume(size is not None and size <= 400)
    found = [sampler.propose(EMPTY, number) for number in range(size + 3)]
    assert len({json.dumps(params, sort_keys=True) for params in found[:size]}) == size
    assert None not in found[:size] and found[size:] == [None] * 3


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_and_a_constant_space_have_one_configuration(name):
    for space in ({}, {"x": 3, "y": "text"}):
        sampler = made(name, space)
        assert [sampler.propose(EMPTY, number) for number in range(2)] == [space, None]


@pytest.mark.parametrize("name", NAMES)
def test_a_sampler_is_named_seeded_and_equal_through_json(name):
    sampler = SAMPLERS.load(name)({"a": choice(1, 2)})
    assert name == sampler.NAME and sampler.seed is None
    assert sampler.to_json()["name"] == name
    assert sampler.seeded(3).seed == 3 and sampler.seed is None
    assert sampler.seeded(3).space == sampler.space
    again = sampler_from_json(json.loads(json.dumps(sampler.seeded(3).to_json())))
    assert again == sampler.seeded(3) and again != sampler.seeded(4)


@pytest.mark.parametrize("name", NAMES)
def test_a_used_sampler_can_be_copied_and_pickled(name):
    sampler = made(name, {"a": choice("x", {"b": randint(3)}), "c": choice(True, 0.5)})
    expected = [sampler.propose(EMPTY, number) for number in range(9)]
    for again in (copy.deepcopy(sampler), pickle.loads(pickle.dumps(sampler))):
        assert again == sampler
        assert [again.propose(EMPTY, number) for number in range(9)] == expected


@pytest.mark.parametrize("name", [name for name in NAMES if name != "grid"])
def test_seeds_differ(name):
    space = {"x": uniform(0, 1), "n": randint(1000)}
    first, second = ([made(name, space, seed).propose(EMPTY, n) for n in range(8)] for seed in (1, 2))
    assert not any(params in second for params in first)


@pytest.mark.parametrize("name", ["random", "grid", "sobol"])
def test_what_runs_report_changes_nothing(name):
    history = History(PrimaryMetricGoal.MAXIMIZE)
    history.add(RunRecord("a", 0, {"x": 1}, Series(PrimaryMetricGoal.MAXIMIZE, [0.5])))
    sampler = made(name, {"x": randint(9), "y": choice("a", "b")})
    assert [sampler.propose(history, n) for n in range(5)] == [sampler.propose(EMPTY, n) for n in range(5)]
