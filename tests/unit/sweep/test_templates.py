"""Values in configuration files: a reader of the format gets back what was drawn."""

import configparser
import json
import tomllib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from overdrive.errors import ConfigError
from overdrive.sweep.templates import filled, names_in, template_problems

VALUES = [
    1,
    1e-05,
    1e22,
    -0.5,
    True,
    False,
    "relu",
    "a b",
    'say "hi"',
    "it's",
    "back\\slash",
    "größe",
    "no",
    "1e5",
    "",
    "a: b # c",
]


@pytest.mark.parametrize("value", [*VALUES, None, [1, 2.5, "x"], "two\nlines"])
def test_yaml_and_json(value):
    assert yaml.safe_load(filled("c.yaml", "a: {{x}}\n", {"x": value}))["a"] == value
    assert json.loads(filled("c.json", '{"a": {{ x }}}', {"x": value}))["a"] == value


@pytest.mark.parametrize("value", [*VALUES, [1, 2], "two\nlines"])
def test_toml(value):
    assert tomllib.loads(filled("c.toml", "a = {{x}}", {"x": value}))["a"] == value


@pytest.mark.parametrize("value", [1, 1e-05, "relu", "a b", "it's"])
def test_ini(value):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(filled("c.ini", "[s]\na = {{x}}", {"x": value}))
    assert parser["s"]["a"] == str(value)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20))
def test_inside_quotes_the_text_between_them(value):
    assert yaml.safe_load(filled("c.yml", 'a: "x-{{x}}"', {"x": value}))["a"] == f"x-{value}"
    assert yaml.safe_load(filled("c.yml", "a: 'x-{{x}}'", {"x": value}))["a"] == f"x-{value}"
    assert tomllib.loads(filled("c.toml", 'a = "{{x}}"', {"x": value}))["a"] == value
    assert json.loads(filled("c.json", '{"a": "{{x}}"}', {"x": value}))["a"] == value


def test_other_braces_and_other_files():
    assert filled("c.txt", "${{x}} {x} {{x}} {{ x }}", {"x": 0.5}) == "${{x}} {x} 0.5 0.5"
    assert names_in("{{a}} ${{b}} {{c.d}}") == {"a", "c.d"}


def test_a_branch_that_is_not_taken_is_null():
    assert filled("c.yaml", "a: {{x}}", {}) == "a: null"


def test_what_a_format_cannot_hold():
    with pytest.raises(ConfigError, match="TOML has no null"):
        filled("c.toml", "a = {{x}}", {"x": None})
    with pytest.raises(ConfigError, match="line break"):
        filled("c.ini", "a = {{x}}", {"x": "a\nb"})


def test_problems_name_the_line():
    assert [str(p) for p in template_problems("c.yml", "a: 1\nb: {{lrr}}\n", ["lr"])] == [
        "c.yml, line 2: the search space has no 'lrr'; did you mean 'lr'?"
    ]
    assert "holds no place" in str(template_problems("c.yml", "a: 1", ["lr"])[0])
    assert template_problems("c.yml", "a: {{lr}}", ["lr", "other"]) == []
