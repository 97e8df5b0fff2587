"""Spaces as the process sees them: axes, grids, branches, and there and back again."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from overdrive.model.space import SearchSpace
from overdrive.samplers.bayesian.encoding import Encoding

LAWS = st.sampled_from(
    [
        choice(1, 2, "x"),
        choice(64, 16, 32),
        choice(True, False),
        choice("only"),
        randint(3),
        randint(10**6),
        uniform(-1, 1),
        quniform(0, 1, 0.25),
        loguniform(-9, -2),
        qloguniform(0, 3, 1),
        normal(0, 1),
        qnormal(10, 3, 1),
        lognormal(0, 1),
        qlognormal(1, 1, 0.5),
        7,
    ]
)


@st.composite
def spaces(draw):
    parameters = draw(st.dictionaries(st.sampled_from("abc"), LAWS, max_size=3))
    inner = draw(st.lists(st.dictionaries(st.sampled_from("de"), LAWS, max_size=2), max_size=2))
    branches = [{"kind": place, **branch} for place, branch in enumerate(inner)]
    if branches:
        deep = {"g": choice("none", {"h": draw(LAWS), "kind2": 1})}
        parameters["z"] = choice("flat", *branches, {"kind": "deep", **deep})
    return SearchSpace(parameters)


@settings(max_examples=30, deadline=None)
@given(space=spaces(), seed=st.integers(0, 99))
def test_points_and_configurations_are_one_to_one(space, seed):
    encoding = Encoding(space)
    units = np.random.RandomState(seed).random_sample((4, len(encoding)))
    points = encoding.from_units(units)
    snapped = encoding.snap(points)
    assert np.all(np.abs(snapped - points) <= 5.1e-7 * encoding.continuous)
    assert np.array_equal(encoding.snap(snapped), snapped)
    taken = encoding.active(points)
    for row, point in enumerate(points):
        params = encoding.params(point)
        assert space.contains(params)
        back = encoding.point(params)
        again = encoding.params(back)
        assert again == {n: pytest.approx(v, rel=1e-9) if type(v) is float else v for n, v in params.items()}
        held = taken[row] & ~encoding.continuous
        assert np.array_equal(back[held], point[held])
        assert encoding.inputs(back[None]) == pytest.approx(encoding.inputs(encoding.point(params)[None]))


def test_constants_and_laws_of_one_value_have_no_axis():
    assert (
        len(Encoding(SearchSpace({"a": 3, "b": choice("x"), "c": quniform(0, 1, 1), "d": normal(0, 0)}))) == 1
    )


def test_ordered_values_are_even_steps_whatever_their_order():
    encoding = Encoding(SearchSpace({"width": choice(64, 16, 32), "flag": choice(True, False)}))
    places = [float(encoding.point({"width": w, "flag": True})[0]) for w in (16, 32, 64)]
    assert places == [0.0, 0.5, 1.0]
    assert encoding.axes[1].options == 2 and encoding.axes[0].options == 0


def test_a_grid_of_a_logarithmic_law_is_spread_by_the_logarithm():
    encoding = Encoding(SearchSpace({"n": qloguniform(0, log(16), 1)}))
    # 1, 2, ..., 16: log(4) / log(16) = 1 / 2
    assert [float(encoding.point({"n": n})[0]) for n in (1, 4, 16)] == pytest.approx([0.0, 0.5, 1.0])


def test_two_options_are_at_distance_one():
    encoding = Encoding(SearchSpace({"kind": choice("a", "b", "c")}))
    a, c = encoding.inputs(np.array([[0.0], [2.0]]))
    assert np.sum((a - c) ** 2) == pytest.approx(1.0)


def test_a_branch_that_is_not_taken_plays_no_part():
    encoding = Encoding(
        SearchSpace({"m": choice({"x": uniform(0, 1)}, {"y": uniform(0, 1), "z": choice("p", "q")})})
    )
    assert [axis.parent for axis in encoding.axes] == [None, (0, 0), (0, 1), (0, 1)]
    points = np.array([[0.0, 0.3, 0.1, 0.0], [0.0, 0.3, 0.9, 1.0]])
    first, second = encoding.inputs(points)
    assert np.array_equal(first, second)
    assert encoding.params(points[0]) == {"x": pytest.approx(0.3)}
    assert encoding.active(points).tolist() == [[True, True, False, False]] * 2


def test_what_lies_outside_the_space_has_no_place():
    encoding = Encoding(SearchSpace({"x": uniform(0, 1)}))
    assert encoding.place({"x": 2.0})[1] is None and encoding.place({"y": 0.5})[1] is None
    assert encoding.place({"x": 0.5})[1] is not None
