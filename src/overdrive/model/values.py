"""Values as they travel: made plain on the way in, compared without surprises, written as text."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping
from typing import Any

from ..errors import ConfigError
from .records import Value


def token(value: Value) -> str:
    """The text of a value on a command line; a script that parses it gets the same value back.

    Floats are written in their shortest exact form, booleans and None as Python writes them, lists
    as JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def plain(value: Any) -> Any:
    """A numpy scalar or array as Python numbers, a subclass of a number or text as that number or text."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return str.__str__(value) if isinstance(value, str) else value


def checked(value: Any) -> Value:
    """`value` as plain JSON, tuples as lists; ConfigError when a run could not be given it exactly."""
    value = plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"must be finite; as a text it may be given: {str(value)!r}, got {value!r}")
    if isinstance(value, str):
        if not argument(value):
            raise ConfigError(f"must be text that a command line can carry, got {value!r}")
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [checked(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: checked(item) for name, item in value.items()}  # type: ignore[return-value]
    raise ConfigError(f"must be text, a number, a boolean, None or a list of these, got {value!r}")


def argument(text: str) -> bool:
    """Whether a command line can carry this text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def key(value: Any) -> Hashable:
    """Equal for equal values, and for no others: 1 and 1.0 are one value, 1 and True are two."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list | tuple):
        return ("list", tuple(key(item) for item in value))
    if isinstance(value, Mapping):
        return ("dict", frozenset((name, key(item)) for name, item in value.items()))
    return value  # type: ignore[no-any-return]
