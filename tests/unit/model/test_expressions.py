"""The laws: their formulas, their edges, their text, and what they refuse."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.expressions import (
    LAWS,
    Choice,
    Constant,
    choice,
    expression_from_json,
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
from overdrive.model.values import key, token

units = st.floats(0, 1)
few = settings(max_examples=60, deadline=None)


def problems(build):
    with pytest.raises(ConfigError) as caught:
        build()
    return [str(problem) for problem in caught.value.problems]


# ---------------------------------------------------------------- formulas


def test_uniform_is_linear_in_u():
    assert [uniform(2, 4).from_unit(u) for u in (0, 0.25, 1)] == [2.0, 2.5, 4.0]
    assert uniform(2, 4).to_unit(3.5) == 0.75


def test_loguniform_takes_natural_exponents():
    law = loguniform(-6, -1)
    assert law.from_unit(0) == math.exp(-6)
    assert law.from_unit(0.5) == pytest.approx(math.exp(-3.5))
    assert law.from_unit(1) == math.exp(-1)
    assert loguniform(0, 0).values()[:] == [1.0]


def test_normal_laws_have_mu_at_the_middle_and_sigma_at_0_8413():
    one_sigma = 0.8413447460685429  # the standard normal distribution function at 1
    assert normal(10, 2).from_unit(0.5) == 10
    assert normal(10, 2).from_unit(one_sigma) == pytest.approx(12)
    assert lognormal(1, 2).from_unit(one_sigma) == pytest.approx(math.exp(3))
    assert qnormal(10, 2, 5).from_unit(one_sigma) == 10  # 12 / 5 = 2.4
    assert qlognormal(0, 1, 1).from_unit(one_sigma) == 3  # e = 2.718
    assert math.isfinite(normal(0, 1).from_unit(0)) and math.isfinite(normal(0, 1).from_unit(1))


@pytest.mark.parametrize(
    ("law", "values"),
    [
        (quniform(0, 10, 5), [0, 5, 10]),
        (quniform(1, 11, 4), [4, 8]),  # rounding alone would give 0 and 12
        (quniform(-3, 3, 2), [-2, 0, 2]),
        (quniform(0.1, 0.3, 0.1), [0.1, 0.2, 0.3]),
        (quniform(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (quniform(1, 3, 2.0), [2]),
        (qloguniform(0, math.log(5), 1), [1, 2, 3, 4, 5]),
        (qloguniform(0, 0, 1), [1]),
        (randint(3), [0, 1, 2]),
        (choice(range(2, 8, 2)), [2, 4, 6]),
        (choice([0.1, "a", None, True, 1]), [0.1, "a", None, True, 1]),
        (choice((1, 2)), [[1, 2]]),  # as in HyperDrive a tuple is one option
        (choice([[64], [64, 32]]), [[64], [64, 32]]),
    ],
)
def test_values_of_finite_laws(law, values):
    found = law.values()[:]
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]
    assert law.size == len(law.values()) == len(values)


def test_cells_of_quniform_have_the_shares_of_the_rounded_uniform():
    law = quniform(0, 10, 5)  # x < 2.5 gives 0, x < 7.5 gives 5
    assert [law.from_unit(u) for u in (0.24, 0.26, 0.74, 0.76)] == [0, 5, 5, 10]
    assert [law.to_unit(value) for value in (0, 5, 10)] == [0.125, 0.5, 0.875]
    clipped = quniform(1, 11, 4)  # x < 6 gives 4: half of [1, 11]
    assert [clipped.from_unit(u) for u in (0, 0.49, 0.51, 1)] == [4, 4, 8, 8]


def test_bounds_at_the_end_of_the_floats():
    # exp(709) = 8.21840746e307 and exp(709.7827) = 1.79769313e308, near the largest float
    assert qloguniform(709, 709.782712893384, 1e300).size == 179769313 - 82184075 + 1


def test_a_billion_values_cost_nothing():
    assert randint(10**9).values()[-1] == 10**9 - 1
    assert quniform(0, 10**9, 0.5).values()[3] == 1.5


def test_endless_laws_have_no_list():
    for law in (uniform(0, 1), normal(0, 1), qnormal(0, 1, 1), qlognormal(0, 1, 1), loguniform(0, 1)):
        assert law.values() is None and law.size is None
    assert normal(3, 0).values()[:] == [3.0] and qnormal(0.6, 0, 1).values()[:] == [1]


def test_numpy_scalars_and_arrays_become_python_values():
    law = uniform(np.float32(0.5), np.int64(2))
    assert law == uniform(0.5, 2) and type(law.min_value) is float and type(law.max_value) is int
    assert choice(np.arange(3)) == choice(0, 1, 2)
    assert type(choice(np.int64(3), np.bool_(True)).options[1]) is bool
    assert randint(np.int64(4)).contains(3)


# ---------------------------------------------------------------- properties


bounds = st.tuples(st.integers(-60, 60), st.integers(1, 60)).map(lambda p: (p[0] / 4, (p[0] + p[1]) / 4))
steps = st.sampled_from([1, 2, 0.5, 0.1, 0.3, 0.01])


def _possible(build, *arguments):
    try:
        return build(*arguments)
    except ConfigError:  # no multiple of q between the bounds
        return Constant(0)


real_laws = st.one_of(
    bounds.map(lambda b: uniform(*b)),
    bounds.map(lambda b: loguniform(*b)),
    bounds.map(lambda b: normal(b[0], b[1] - b[0])),
    bounds.map(lambda b: lognormal(b[0], b[1] - b[0])),
)
discrete_laws = st.one_of(
    st.builds(lambda b, q: _possible(quniform, *b, q), bounds, steps),
    st.builds(lambda b, q: _possible(qloguniform, *b, q), bounds, steps),
    st.builds(lambda b, q: qnormal(b[0], b[1] - b[0], q), bounds, steps),
    st.builds(lambda b, q: qlognormal(b[0] / 5, (b[1] - b[0]) / 5, q), bounds, steps),
    st.integers(1, 10**12).map(randint),
    st.lists(st.integers() | st.text("abc é\n'"), min_size=1, unique=True).map(choice),
)


@few
@given(real_laws | discrete_laws, units)
def test_a_value_is_inside_its_law_and_survives_its_text_and_json(law, u):
    value = law.from_unit(u)
    assert law.contains(value)
    assert type(value)(token(value)) == value
    assert json.loads(json.dumps(value)) == value


@few
@given(discrete_laws, units)
def test_to_unit_names_the_cell_of_a_discrete_value(law, u):
    value = law.from_unit(u)
    again = law.from_unit(law.to_unit(value))
    assert again == value and type(again) is type(value)


@few
@given(real_laws, st.floats(0.001, 0.999))
def test_to_unit_inverts_a_continuous_law(law, u):
    assert law.to_unit(law.from_unit(u)) == pytest.approx(u, abs=1e-6)


@few
@given(discrete_laws | real_laws)
def test_json_round_trip(law):
    again = expression_from_json(json.loads(json.dumps(law.to_json()))) if law.NAME in LAWS else law
    assert again == law and hash(again) == hash(law)
    assert repr(again) == repr(law)


def test_json_is_hyperdrives_list_form():
    assert uniform(0, 1).to_json() == ["uniform", [0, 1]]
    assert choice(1, "a").to_json() == ["choice", [[1, "a"]]]
    nested = choice("none", {"momentum": uniform(0, 1), "nesterov": True})
    form = ["choice", [["none", {"momentum": ["uniform", [0, 1]], "nesterov": True}]]]
    assert nested.to_json() == form and expression_from_json(form) == nested


# ---------------------------------------------------------------- membership and equality


def test_true_is_not_one():
    assert not choice(1, 2).contains(True) and not choice(True, False).contains(1)
    assert not randint(2).contains(True) and not quniform(0, 1, 1).contains(True)
    assert not uniform(0, 2).contains(True) and not Constant(1).contains(True)
    assert choice(True) != choice(1)
    assert Choice((True, 1)).size == 2


@pytest.mark.parametrize(
    ("law", "inside", "outside"),
    [
        (uniform(0, 1), [0, 0.5, 1.0], [-0.1, 1.1, "0.5", None, math.nan]),
        (loguniform(0, 1), [1.0, math.e], [0.5, 3]),
        (quniform(0, 10, 5), [0, 5], [5.0, 3, 15]),
        (quniform(0, 1, 0.1), [0.3, 1.0], [0.35, 0.30000000000000004, 1.1]),
        (qnormal(0, 1, 2), [-4, 0], [1, 2.0]),
        (qlognormal(0, 1, 0.5), [0.0, 2.5], [-0.5, 0.3]),
        (lognormal(0, 1), [0.1, 5], [-1.0]),
        (randint(3), [0, 2], [3, -1, 1.0]),
        (choice(["a", [1, 2]]), ["a", [1, 2]], ["b", [1], {}, {1, 2}]),
        (choice({"x": 1}), [], [{"x": 1}]),
    ],
)
def test_contains(law, inside, outside):
    assert [value for value in inside if not law.contains(value)] == []
    assert [value for value in outside if law.contains(value)] == []


def test_tokens():
    given = [1, 0.1, 1e-05, True, None, "two words", [1, "é"], -3]
    assert [token(value) for value in given] == [
        "1", "0.1", "1e-05", "True", "None", "two words", '[1, "é"]', "-3",
    ]  # fmt: skip


def test_key_tells_booleans_from_numbers_and_not_ints_from_equal_floats():
    assert key([1, {"a": 1.0}]) == key([1.0, {"a": 1}])
    assert key([True]) != key([1])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: uniform(0.1, 0.01), "min_value: must be below max_value (0.01), got 0.1"),
        (lambda: uniform(1, 1), "min_value: must be below max_value (1), got 1"),
        (lambda: quniform(1, 1, 1), "min_value: must be below max_value (1), got 1"),
        (lambda: loguniform(1, 0), "min_value: must not be above max_value (0), got 1"),
        (lambda: uniform("0", 1), "min_value: must be a number, got '0'"),
        (lambda: uniform(True, 2), "min_value: must be a number, got True"),
        (lambda: uniform(0, math.inf), "max_value: must be a finite number, got inf"),
        (lambda: uniform(math.nan, 1), "min_value: must be a finite number, got nan"),
        (lambda: uniform(-1.7e308, 1.7e308), "max_value: is too far"),
        (lambda: normal(0, -1), "sigma: must not be below 0, got -1"),
        (lambda: quniform(0, 1, 0), "q: must be above 0, got 0"),
        (lambda: qnormal(0, 1, -2), "q: must be above 0, got -2"),
        (lambda: quniform(1, 3, 7), "q: has no multiple between 1 and 3, got 7"),
        (lambda: quniform(0, 1, 1e-300), "q: is too fine"),
        (lambda: qnormal(0, 1e20, 1), "q: is too fine"),
        (lambda: loguniform(0, 710), "max_value: the largest exponent is 710"),
        (lambda: loguniform(-800, 0), "min_value: exp(-800) is too small"),
        (lambda: lognormal(0, 200), "sigma: the largest exponent is"),
        (lambda: randint(0), "upper: must be a whole number above 0, got 0"),
        (lambda: randint(True), "upper: must be a whole number above 0, got True"),
        (lambda: randint(2.0), "upper: must be a whole number above 0, got 2.0"),
        (lambda: choice(), "options: must be one or more values, got none"),
        (lambda: choice([]), "options: must be one or more values, got none"),
        (lambda: choice(range(0)), "options: must be one or more values, got none"),
        (lambda: choice([1, 2], 3), "options: a list must stand alone"),
        (lambda: choice(1, 2, 1.0), "options[2]: is the same as options[0]: 1.0"),
        (lambda: choice({"a": 1}, {"a": 1}), "options[1]: is the same as options[0]"),
        (lambda: choice(math.inf), "options[0]: must be finite; as a text it may be given: 'inf'"),
        (lambda: choice({1, 2}), "options[0]: must be text, a number"),
        (lambda: choice("a\0b"), "options[0]: must be text that a command line can carry"),
        (lambda: choice({"lr": ["uniform", [1, 0]]}), "options[0].lr.min_value: must be below"),
        (lambda: choice({"a b": 1}), "options[0].a b: a parameter's name must have no blank"),
        (lambda: expression_from_json(["unifrom", [0, 1]]), "no law is called 'unifrom'; there are choice,"),
        (lambda: expression_from_json(["uniform", [0]]), "uniform takes min_value, max_value, got [0]"),
        (lambda: expression_from_json([64, 64]), "must be a law such as"),
        (lambda: expression_from_json(["choice", [1, 2]]), "must be ['choice', [[options]]]"),
    ],
)
def test_refused(build, says):
    found = problems(build)
    assert len(found) == 1
    assert found[0].startswith(says)


def test_all_mistakes_of_a_law_are_named_at_once():
    assert len(problems(lambda: quniform("a", None, math.nan))) == 3
    assert len(problems(lambda: choice({1}, math.nan, 2, 2))) == 3


# ---------------------------------------------------------------- likely mistakes


def test_values_given_as_exponents_are_pointed_out_with_their_repair():
    assert loguniform(1e-5, 1e-1).advice() == [
        (
            "loguniform(1e-05, 0.1) takes exponents: values from 1.00001 to 1.10517; for values from 1e-05 "
            "to 0.1 write loguniform(log(1e-05), log(0.1)), that is loguniform(-11.5129, -2.30259)"
        )
    ]
    (advice,) = lognormal(0.001, 0.5).advice()
    assert "median of 1.001;" in advice and "lognormal(log(0.001), 0.5)" in advice
    repair = "qloguniform(log(16), log(512), 16), that is qloguniform(2.77259, 6.23832, 16)"
    assert repair in qloguniform(16, 512, 16).advice()[0]
    assert "qloguniform(log(0.01), log(0.1), 1)" in problems(lambda: qloguniform(0.01, 0.1, 1))[0]
    assert "from 1.05127 to 22026.5" in qloguniform(0.05, 10, 1).advice()[0]
    assert "loguniform(log(16), log(1024))" in problems(lambda: loguniform(16, 1024))[0]


@pytest.mark.parametrize(
    "law",
    [
        loguniform(-6, -1), loguniform(-10, 0), loguniform(0, 1), loguniform(0, 7), loguniform(1, 10),
        loguniform(-0.5, 0.5), loguniform(-100, 0), loguniform(2.77, 6.24), qloguniform(0, 7, 1),
        lognormal(0, 1), lognormal(-7, 2), lognormal(3, 0.5), uniform(1e-5, 0.1), quniform(1, 3, 1),
    ],
)  # fmt: skip
def test_no_false_alarm(law):
    assert law.advice() == []


def test_a_q_that_leaves_one_value_is_pointed_out():
    assert quniform(1, 11, 7).advice() == ["quniform(1, 11, 7) has only one value, 7; a smaller q gives more"]
