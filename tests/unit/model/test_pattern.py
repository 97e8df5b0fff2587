"""Which patterns for lines of output are taken, and what is said about the others."""

import pytest

from overdrive.errors import ConfigError
from overdrive.model.pattern import metric_pattern


@pytest.mark.parametrize(
    "text",
    [
        r"loss is ([\d.]+)",
        r"(?P<name>\w+)->(?P<value>\S+) at (?P<step>\d+)",
        r"(?:a+b)?(\d+)",
        r"(\d{1,3}){2}",
    ],
)
def test_patterns(text):
    assert metric_pattern(text).pattern == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("loss (", "no regular expression"),
        ("loss", "needs brackets"),
        (r"(\w+)=(\d+)", "name them"),
        (r"(a+)+b", "might run forever"),
        (r"(?:(\d+)*x)*", "might run forever"),
    ],
)
def test_mistakes(text, says):
    with pytest.raises(ConfigError, match=says):
        metric_pattern(text)
