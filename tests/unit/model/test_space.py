"""Search spaces: names, counting, the unit cube and branches."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.expressions import choice, loguniform, quniform, randint, uniform
from overdrive.model.space import SearchSpace, token

few = settings(max_examples=60, deadline=None)


def problems(parameters):
    with pytest.raises(ConfigError) as caught:
        SearchSpace(parameters)
    return [str(problem) for problem in caught.value.problems]


def conditional():
    return SearchSpace(
        {
            "batch": choice(16, 32),
            "optimizer": choice(
                "none",
                {"name": "sgd", "momentum": quniform(0, 1, 0.5)},
                {"name": "adam", "beta": choice(0.9, {"beta1": randint(2)})},
            ),
            "epochs": 5,
        }
    )


# ---------------------------------------------------------------- counting


def test_the_last_parameter_turns_fastest():
    space = SearchSpace({"a": choice("x", "y"), "b": randint(3)})
    assert space.size == 6
    assert [tuple(space.at(i).values()) for i in range(6)] == [
        ("x", 0), ("x", 1), ("x", 2), ("y", 0), ("y", 1), ("y", 2),
    ]  # fmt: skip


def test_branches_are_expanded_in_place():
    space = conditional()
    # 1 scalar, 3 momenta, and for adam beta 0.9 or beta1 in {0, 1}: 7 ways, twice for batch.
    assert space.size == 14
    assert [space.at(i) for i in range(7)] == [
        {"batch": 16, "optimizer": "none", "epochs": 5},
        {"batch": 16, "name": "sgd", "momentum": 0.0, "epochs": 5},
        {"batch": 16, "name": "sgd", "momentum": 0.5, "epochs": 5},
        {"batch": 16, "name": "sgd", "momentum": 1.0, "epochs": 5},
        {"batch": 16, "name": "adam", "beta": 0.9, "epochs": 5},
        {"batch": 16, "name": "adam", "beta1": 0, "epochs": 5},
        {"batch": 16, "name": "adam", "beta1": 1, "epochs": 5},
    ]
    assert space.at(13)["batch"] == 32
    assert list(space.at(1)) == ["batch", "name", "momentum", "epochs"]


def test_names_in_order_and_a_pure_branching_choice_has_none():
    assert conditional().names == ("batch", "optimizer", "name", "momentum", "beta", "beta1", "epochs")
    assert SearchSpace({"model": choice({"a": 1}, {"b": 2})}).names == ("a", "b")


def test_size_counts_distinct_configurations_where_branches_overlap():
    space = SearchSpace({"m": choice({"x": choice(1, 2)}, {"x": choice(2, 3)}), "n": randint(2)})
    assert space.size == 6
    assert [space.at(i)["x"] for i in range(6)] == [1, 1, 2, 2, 3, 3]


def test_one_law_under_two_names():
    law = choice({"x": 1, "y": 2}, {"x": 2}, "none")
    assert SearchSpace({"m": law}).at(2) == {"m": "none"}
    shared = randint(2)
    assert SearchSpace({"a": shared, "b": shared}).at(1) == {"a": 0, "b": 1}


def test_empty_constant_and_endless_spaces():
    assert SearchSpace({}).size == 1 and SearchSpace({}).at(0) == {}
    assert SearchSpace({"a": 3, "b": None}).at(0) == {"a": 3, "b": None}
    assert SearchSpace({"a": 3}).dimensions == 0
    assert SearchSpace({"a": uniform(0, 1)}).size is None
    assert SearchSpace({"a": choice(1, {"b": uniform(0, 1)})}).size is None
    with pytest.raises(TypeError):
        SearchSpace({"a": uniform(0, 1)}).at(0)
    with pytest.raises(IndexError):
        SearchSpace({}).at(1)


def test_a_space_past_counting_by_machine_words():
    space = SearchSpace({f"p{i}": randint(10**9) for i in range(5)})
    assert space.size == 10**45
    assert space.at(10**45 - 1)["p0"] == 10**9 - 1


# ---------------------------------------------------------------- unit cube


def test_every_branch_has_coordinates_of_its_own():
    space = conditional()
    assert [slot.where for slot in space.slots] == [
        "batch",
        "optimizer",
        "optimizer.options[1].momentum",
        "optimizer.options[2].beta",
        "optimizer.options[2].beta.options[1].beta1",
    ]
    assert space.from_vector([0.9, 0.5, 0.9, 0.1, 0.1]) == {
        "batch": 32, "name": "sgd", "momentum": 1.0, "epochs": 5,
    }  # fmt: skip
    assert space.to_vector({"batch": 16, "name": "adam", "beta1": 1, "epochs": 5}) == [
        0.25, pytest.approx(5 / 6), None, 0.75, 0.75,
    ]  # fmt: skip


def test_the_number_of_units_asked_for_is_always_the_same():
    space, asked = conditional(), []
    for first in (0.1, 0.5, 0.9):
        asked.clear()
        space.from_units(lambda first=first: asked.append(1) or first)
        assert len(asked) == space.dimensions == 5
    with pytest.raises(ValueError, match="expected 5 numbers, got 1"):
        space.from_vector([0.5])


@pytest.mark.parametrize(
    "params",
    [
        {"batch": 16, "epochs": 5},  # the optimizer is missing
        {"batch": 16, "optimizer": "none", "name": "sgd", "momentum": 0.5, "epochs": 5},
        {"batch": 16, "name": "adam", "momentum": 0.5, "epochs": 5},
        {"batch": 16, "optimizer": "none", "epochs": 6},
        {"batch": 64, "optimizer": "none", "epochs": 5},
        {"batch": 16, "optimizer": "none", "epochs": 5, "more": 1},
        {},
    ],
)
def test_not_contained(params):
    assert not conditional().contains(params)
    with pytest.raises(ValueError, match="not in the search space"):
        conditional().to_vector(params)


def test_branches_are_told_apart_by_all_their_names():
    space = SearchSpace({"m": choice({"x": randint(3)}, {"x": randint(3), "y": True}, {})})
    assert [space.contains(p) for p in ({"x": 1}, {"x": 1, "y": True}, {}, {"y": True})] == [
        True, True, True, False,
    ]  # fmt: skip
    assert space.to_vector({"x": 1, "y": True}) == [0.5, None, 0.5]


names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
leaves = st.sampled_from(
    [choice(1, 2, "x"), randint(3), uniform(0, 1), quniform(0, 1, 0.5), loguniform(-3, 0), 7, None, "text"]
)
flat = st.dictionaries(names, leaves, max_size=3)


@st.composite
def spaces(draw):
    """Random conditional spaces: inside a branch, names carry the path of their branch."""
    parameters = dict(draw(flat))
    if draw(st.booleans()):
        options = [
            {f"{name}{place}": law for name, law in branch.items()} | {"kind": place}
            for place, branch in enumerate(draw(st.lists(flat, min_size=1, max_size=3)))
        ]
        parameters["z"] = choice([*draw(st.sampled_from([[], ["none"]])), *options])
    return SearchSpace(parameters)


@few
@given(spaces(), st.data())
def test_cube_and_back(space, data):
    units = data.draw(st.lists(st.floats(0, 1), min_size=space.dimensions, max_size=space.dimensions))
    params = space.from_vector(units)
    assert space.contains(params)
    assert set(params) <= set(space.names)
    vector = space.to_vector(params)
    assert len(vector) == space.dimensions
    again = space.from_vector([0.5 if u is None else u for u in vector])
    assert again == pytest.approx(params)


@few
@given(spaces())
def test_a_finite_space_lists_each_configuration_once(space):
    if space.size is None:
        return
    every = [json.dumps(space.at(i)) for i in range(space.size)]
    assert len(set(every)) == space.size
    assert all(space.contains(json.loads(text)) for text in every)


@few
@given(spaces())
def test_space_json_round_trip(space):
    again = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space and hash(again) == hash(space)
    assert again.names == space.names and again.size == space.size


def test_order_is_part_of_a_space():
    assert SearchSpace({"a": 1, "b": 2}) != SearchSpace({"b": 2, "a": 1})
    assert SearchSpace({"a": 1}) != SearchSpace({"a": True})


# ---------------------------------------------------------------- what is refused


def test_all_problems_at_once_each_with_its_place():
    assert problems(
        {
            "lr": ["uniform", [0.1, 0.01]],
            "x": ["unifrom", [0, 1]],
            "layers": [64, 64],
            "--": 1,
            "a=b": 1,
            3: 1,
            "opt": {"type": "uniform"},
            "m": ["choice", [[{"k": ["randint", [0]]}]]],
        }
    ) == [
        "lr.min_value: must be below max_value (0.01), got 0.1",
        (
            "x: no law is called 'unifrom'; there are choice, randint, uniform, quniform, loguniform, "
            "qloguniform, normal, qnormal, lognormal, qlognormal"
        ),
        (
            "layers: must be a law such as uniform(0, 1) or ['uniform', [0, 1]], got [64, 64]; "
            "for a list as a constant write choice([[64, 64]])"
        ),
        "--: a parameter's name must be text, and more than dashes, got '--'",
        "a=b: a parameter's name must have no blank and no '=', got 'a=b'",
        "3: a parameter's name must be text, got 3",
        "opt: must be a law such as uniform(0, 1) or a constant, got {'type': 'uniform'}",
        "m.options[0].k.upper: must be a whole number above 0, got 0",
    ]
    assert problems(None) == ["must be a mapping of names to laws, got None"]


def test_names_that_would_meet_on_a_command_line():
    assert problems({"lr": 1, "--lr": 2}) == ["--lr: has the same name as lr; give it another one"]
    inner = "m.options[0].lr: has the same name as lr; give it another one"
    assert problems({"m": choice({"lr": 1}), "lr": 2}) == [inner]
    assert problems({"m": choice({"m": 1})}) == [
        "m.options[0].m: has the same name as m; give it another one"
    ]
    assert problems({"m": choice({"x": 1}), "n": choice({"-x": 1})}) == [
        "n.options[0].-x: has the same name as m.options[0].x; give it another one"
    ]


def test_names_are_kept_as_written():
    space = SearchSpace({"--lr": 1, "batch-size": 2, "b": choice({"x": 1}, {"x": 2})})
    assert space.names == ("--lr", "batch-size", "x")


def test_advice_carries_the_place():
    space = SearchSpace({"lr": loguniform(1e-5, 1e-1), "m": choice({"wd": loguniform(1e-4, 1e-2)})})
    assert [line.split(" takes")[0] for line in space.advice()] == [
        "lr: loguniform(1e-05, 0.1)",
        "m.options[0].wd: loguniform(0.0001, 0.01)",
    ]


def test_token_is_found_here_too():
    assert token(0.1) == "0.1"
