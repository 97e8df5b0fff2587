"""Constraints: what they allow, what they refuse to be, and that every sampler keeps them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive import (
    BayesianParameterSampling,
    ConfigError,
    GridParameterSampling,
    RandomParameterSampling,
    SobolParameterSampling,
    choice,
    uniform,
)
from overdrive.model.constraints import Constraint
from overdrive.model.history import History
from overdrive.model.metrics import PrimaryMetricGoal
from overdrive.model.space import SearchSpace
from overdrive.samplers.base import sampler_from_json


@pytest.mark.parametrize(
    ("text", "params", "allowed"),
    [
        ("width * layers <= 4096", {"width": 512, "layers": 8}, True),
        ("width * layers <= 4096", {"width": 512, "layers": 9}, False),
        ("1 <= width < 10", {"width": 10, "layers": 1}, False),
        ("layers == 1 or width < 5", {"width": 9, "layers": 1}, True),
        ("not (layers == 1)", {"width": 9, "layers": 1}, False),
        ("max(width, layers) % 2 == 0", {"width": 6, "layers": 3}, True),
        ("log2(width) == 3", {"width": 8, "layers": 3}, True),
        ("layers in (1, 2)", {"width": 8, "layers": 3}, False),
        ("width / layers > 1", {"width": 8, "layers": 0}, False),  # cannot be computed
        ("width ** 9999 < 5", {"width": 8, "layers": 0}, False),  # neither, and takes no time
    ],
)
def test_what_is_allowed(text, params, allowed):
    assert Constraint(text, ["width", "layers"]).allows(params) is allowed


def test_names_are_written_without_dashes():
    assert Constraint("batch_size > 3", ["--batch-size"]).allows({"--batch-size": 4})


def test_a_branch_that_is_not_taken_is_asked_nothing():
    space = SearchSpace(
        {"optimizer": choice("adam", {"momentum": uniform(0, 1)}), "lr": uniform(0, 1)},
        constraints=["momentum + lr < 1"],
    )
    assert space.contains({"optimizer": "adam", "lr": 0.99})
    assert space.contains({"momentum": 0.5, "lr": 0.4})
    assert not space.contains({"momentum": 0.5, "lr": 0.6})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width *", "must be an expression"),
        (3, "must be an expression"),
        ("widht < 3", "did you mean width"),
        ("q < 3", "there are layers, width"),
        ("__import__('os').system('true')", "cannot stand in a constraint"),
        ("width.real < 3", "cannot stand in a constraint"),
        ("[w for w in (1, 2)] == width", "cannot stand in a constraint"),
        ("width is layers", "cannot stand in a constraint"),
    ],
)
def test_what_is_no_constraint(text, words):
    with pytest.raises(ConfigError, match=words):
        Constraint(text, ["width", "layers"])


def test_all_mistakes_come_at_once_and_an_empty_space_is_one():
    with pytest.raises(ConfigError) as caught:
        SearchSpace({"a": choice(1, 2)}, ["b < 1", "a <"])
    assert [problem.where for problem in caught.value.problems] == ["constraints[0]", "constraints[1]"]
    with pytest.raises(ConfigError, match="none of 2000 random configurations satisfies 'a > 9'"):
        RandomParameterSampling({"a": choice(1, 2)}, constraints=["a > 9"])


SAMPLINGS = [
    RandomParameterSampling,
    SobolParameterSampling,
    GridParameterSampling,
    BayesianParameterSampling,
]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_finite_space_gives_each_allowed_configuration_once(sampling):
    sampler = sampling({"a": choice(1, 2, 3), "b": choice(1, 2, 3)}, seed=1, constraints=["a * b <= 3"])
    assert sampler_from_json(sampler.to_json()) == sampler
    history = History(PrimaryMetricGoal.MAXIMIZE)
    found = []
    while (params := sampler.propose(history, len(found))) is not None:
        history.propose(str(len(found)), len(found), params)
        found.append((params["a"], params["b"]))
    assert sorted(found) == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]  # 5 of 9 by hand


@pytest.mark.parametrize("sampling", [s for s in SAMPLINGS if s is not GridParameterSampling])
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 9), number=st.integers(0, 12))
def test_an_endless_space_is_kept_too(sampling, seed, number):
    space = {"x": uniform(0, 1), "y": uniform(0, 1)}
    params = sampling(space, seed=seed, constraints=["x + y < 0.5"]).propose(
        History(PrimaryMetricGoal.MAXIMIZE), number
    )
    assert params["x"] + params["y"] < 0.5
    again = sampling(space, seed=seed, constraints=["x + y < 0.5"]).propose(
        History(PrimaryMetricGoal.MAXIMIZE), number
    )
    assert params == again
