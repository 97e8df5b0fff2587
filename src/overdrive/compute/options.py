"""The options of a compute target: what a back end knows of, and all that is wrong with what was given."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..errors import ConfigError, Problem


class Option(NamedTuple):
    """One option: whether a value fits, and the words for one that does not ("must be ...")."""

    fits: Callable[[Any], bool]
    what: str


def is_text(value: Any) -> bool:
    """Whether it is text with something in it, on one line."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def is_amount(value: Any) -> bool:
    """Whether it is a finite number, 0 or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def is_count(value: Any) -> bool:
    """Whether it is a whole number, at least 1."""
    return type(value) is int and value >= 1


def checked(given: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """The options, if a back end that knows these can work with them; ConfigError with all problems."""
    problems = []
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            near = difflib.get_close_matches(name, known, n=1)
            there = f"there are {', '.join(known)}" if known else "there are none"
            hint = f"did you mean {near[0]}?" if near else there
            problems.append(Problem(name, f"is no option here; {hint}"))
        elif not option.fits(value):
            problems.append(Problem(name, f"{option.what}, got {value!r}"))
    if problems:
        raise ConfigError(problems)
    return dict(given)
