"""Which words are laws, what they mean, and what is said about those that nearly are."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.model.expressions import Branch, choice, loguniform, quniform, randint, uniform
from overdrive.model.notation import law_in


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("loguniform(-9, -2)", loguniform(-9, -2)),
        (" uniform(0,1) ", uniform(0, 1)),
        ("LogUniform(-9, -2)", loguniform(-9, -2)),
        ("log_uniform(min_value=-9, max_value=-2)", loguniform(-9, -2)),
        ("quniform(1, 10, q=2)", quniform(1, 10, 2)),
        ("randint(2**4)", randint(16)),
        ("loguniform(log(1e-4), log(0.1))", loguniform(math.log(1e-4), math.log(0.1))),
        ("choice(range(1, 5))", choice(1, 2, 3, 4)),
        ("choice([1, 2.5])", choice(1, 2.5)),
        ("choice(values=[1, 2])", choice(1, 2)),
        ("choice(*range(2), 7)", choice(0, 1, 7)),
        ("choice(relu, tanh)", choice("relu", "tanh")),
        ("choice('a b', \"c\")", choice("a b", "c")),
        (
            "choice(resnet-50, bf16-mixed, 16-mixed, nn.ReLU)",
            choice("resnet-50", "bf16-mixed", "16-mixed", "nn.ReLU"),
        ),
        ("choice(True, None, -1, 1e-3)", choice(True, None, -1, 0.001)),
        ("choice([[1, 2], [3]])", choice([[1, 2], [3]])),
        ("loguniform(-9, -2).near(3e-4)", loguniform(-9, -2).near(3e-4)),
        ("choice(relu, tanh).near(tanh)", choice("relu", "tanh").near("tanh")),
        ("choice({'m': uniform(0, 1).near(0.9)}, 0)", choice({"m": uniform(0, 1).near(0.9)}, 0)),
    ],
)
def test_a_law_is_read(text, law):
    assert law_in(text) == law


def test_a_mapping_opens_a_branch():
    law = law_in("choice({'opt': 'sgd', 'momentum': uniform(0, 1)}, {'opt': 'adam'})")
    assert law.branches[0] == Branch({"opt": "sgd", "momentum": uniform(0, 1)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train.py",
        "0.1",
        "uniform",
        "print(1)",
        "f(x",
        "uniform(0, 1).txt",
        "a uniform(0, 1)",
        "(1)",
        "normalize(1)",
    ],
)
def test_anything_else_is_left_alone(text):
    assert law_in(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("loguniform(-9, -2", "no closing bracket"),
        ("loguniform(-9,", "no closing bracket"),
        ("lgouniform(-9, -2)", "did you mean loguniform?"),
        ("choices(1, 2)", "did you mean choice?"),
        ("uniform(1)", "uniform takes min_value, max_value, got 1"),
        ("uniform(0, 1, 2)", "uniform takes min_value, max_value, got 0, 1, 2"),
        ("uniform(low=0, high=1)", "got low=0, high=1"),
        ("uniform(2, 1)", "must be below max_value"),
        ("uniform(a, 1)", "must be a number"),
        ("choice()", "one or more values"),
        ("choice(./a, b)", "stands in quotes"),
        ("choice(1, 1)", "the same"),
        ("choice(__import__('os').system('ls'))", "cannot stand in a law"),
        ("choice(open('x'))", "cannot stand in a law"),
        ("choice([x for x in range(3)])", "cannot stand in a law"),
        ("choice(range(10**9))", "use quniform or randint"),
        ("choice(range(a))", "whole numbers"),
        ("uniform(0, 10**10**10)", "cannot be computed"),
        ("uniform(0, log(0))", "cannot be computed"),
        ("uniform(0, (-8) ** 0.5)", "cannot be computed"),
        ("uniform(0, 1) + (2)", "must be one law"),
        ("uniform(0, 1).far(2)", "must be one law"),
        ("uniform(0, 1).near()", "near takes one value"),
        ("uniform(0, 1).near(2)", "near: must be a number from 0 to 1"),
        ("choice(" + "(" * 5000 + ")" * 5000 + ")", "cannot be read"),
    ],
)
def test_what_is_meant_as_a_law_is_refused_in_words(text, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        law_in(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["", "choice(", "uniform("]))
def test_no_word_is_fatal(text, before):
    try:
        law_in(before + text)
    except ConfigError:
        pass
