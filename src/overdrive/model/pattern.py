"""The user's own pattern for a metric in lines of output: a regular expression, checked before anything runs."""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from ..errors import ConfigError

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def metric_pattern(text: str) -> re.Pattern[str]:
    """The pattern. Its one group is the value of the primary metric; or groups are named `value`, and maybe `name`
    and `step`. ConfigError when it is none, has no place for a value, or might never come to an end."""
    try:
        pattern = re.compile(text)
        parsed = _parser.parse(text)
    except (re.error, RecursionError, OverflowError, TypeError) as error:
        raise ConfigError(f"is no regular expression: {error}, got {text!r}") from None
    if not pattern.groups:
        raise ConfigError(f"needs brackets around the value, as in 'loss is ([-\\d.e]+)', got {text!r}")
    if "value" not in pattern.groupindex and pattern.groups > 1:
        raise ConfigError(
            f"has {pattern.groups} groups; name them (?P<value>...), (?P<name>...), (?P<step>...), got {text!r}"
        )
    if _explodes(parsed, False):
        raise ConfigError(f"repeats what repeats, as (a+)+ does, and might run forever; got {text!r}")
    return pattern


def _explodes(item: Any, inside: bool) -> bool:
    """Whether a repeat without end stands inside another one: then a line may take exponential time."""
    if isinstance(item, tuple) and item and item[0] in _REPEATS:
        endless = item[1][1] == _constants.MAXREPEAT
        return (endless and inside) or _explodes(item[1][2], inside or endless)
    if isinstance(item, tuple | list | _parser.SubPattern):
        return any(_explodes(one, inside) for one in getattr(item, "data", item))
    return False
