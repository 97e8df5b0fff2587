"""HyperDrive's parameter expressions: its functions, the choice with its branches, constants, and the
list form in which they travel as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

from ..errors import ConfigError, Problem
from .beliefs import Belief, Bell, Favourite
from .laws import (
    Expression,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Uniform,
)
from .values import argument, checked, key, plain

__all__ = [
    "LAWS",
    "Branch",
    "Choice",
    "Constant",
    "Expression",
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Uniform",
    "choice",
    "expression_from_json",
    "lognormal",
    "loguniform",
    "named",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]


class Branch:
    """A dict option of a choice: parameters that exist only when this option is chosen."""

    __slots__ = ("parameters",)

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.parameters: dict[str, Expression] = named(parameters)

    def to_json(self) -> dict[str, Any]:
        return {name: law.to_json() for name, law in self.parameters.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Branch) and key(self.to_json()) == key(other.to_json())

    def __hash__(self) -> int:
        return hash(key(self.to_json()))

    def __repr__(self) -> str:
        return repr(self.parameters)


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Expression):
    """One of the options, each as likely as the next; a dict option opens a `Branch`."""

    options: tuple[Any, ...]
    NAME: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        options: list[Any] = []
        seen: dict[Any, int] = {}
        for place, given in enumerate(self.options):
            where = f"options[{place}]"
            try:
                option = Branch(given) if isinstance(given, Mapping) else given
                option = option if isinstance(option, Branch) else checked(option)
            except ConfigError as error:
                problems += error.within(where).problems
                continue
            first = seen.setdefault(self._key(option), place)
            if first != place:
                problems.append(Problem(where, f"is the same as options[{first}]: {option!r}"))
            options.append(option)
        if not self.options:
            problems.append(Problem("options", "must be one or more values, got none"))
        if problems:
            raise ConfigError(problems)
        object.__setattr__(self, "options", tuple(options))

    @staticmethod
    def _key(option: Any) -> Any:
        return key(option.to_json() if isinstance(option, Branch) else option)

    @cached_property
    def _places(self) -> dict[Any, int]:
        return {self._key(option): place for place, option in enumerate(self.options)}

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The dict options, in order."""
        return tuple(option for option in self.options if isinstance(option, Branch))

    @property
    def size(self) -> int:
        return len(self.options)

    def at(self, index: int) -> Any:
        return self.options[index]

    def from_unit(self, u: float) -> Any:
        return self.options[_cell(u, len(self.options))]

    def to_unit(self, value: Any) -> float:
        return (self._places[self._key(value)] + 0.5) / len(self.options)

    def contains(self, value: Any) -> bool:
        try:
            return not isinstance(value, Mapping | Branch) and key(value) in self._places
        except TypeError:  # not JSON, hence not hashable
            return False

    def _believed(self, value: Any) -> Belief:
        if isinstance(value, Mapping):
            some = named(value)
            value = {name: law.to_json() for name, law in some.items()}
            place = self._branch(some)
        elif not self.contains(value):
            raise ConfigError(
                Problem("near", f"must be one of the options {list(self.options)}, got {value!r}")
            )
        else:
            place = self._places[key(value)]
        return Favourite(value, place, len(self.options))

    def _branch(self, some: dict[str, Expression]) -> int:
        """The option that is a branch with these parameters, of which some are enough to tell it."""
        fitting = [
            place
            for place, option in enumerate(self.options)
            if isinstance(option, Branch) and some.items() <= option.parameters.items()
        ]
        if len(fitting) != 1:
            text = f"must tell one branch of {self!r}; {len(fitting) or 'none'} have {some!r}"
            raise ConfigError(Problem("near", text))
        return fitting[0]

    def _form(self) -> Any:
        return [self.NAME, [[o.to_json() if isinstance(o, Branch) else o for o in self.options]]]

    def _text(self) -> str:
        return f"choice({list(self.options)!r})"


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Expression):
    """Always this value; what a plain scalar in a search space stands for."""

    value: Any
    NAME: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", checked(self.value))

    @property
    def size(self) -> int:
        return 1

    def at(self, index: int) -> Any:
        return self.value

    def from_unit(self, u: float) -> Any:
        return self.value

    def to_unit(self, value: Any) -> float:
        return 0.5

    def contains(self, value: Any) -> bool:
        return bool(key(value) == key(self.value))

    def _believed(self, value: Any) -> Belief:
        raise ConfigError(Problem("near", f"a constant has only its value {self.value!r}, got {value!r}"))

    def _form(self) -> Any:
        return self.value

    def _text(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, eq=False, repr=False)
class RandInt(Expression):
    """A whole number in [0, upper)."""

    upper: int
    NAME: ClassVar[str] = "randint"

    def __post_init__(self) -> None:
        object.__setattr__(self, "upper", plain(self.upper))
        if type(self.upper) is not int or self.upper <= 0:
            raise ConfigError(Problem("upper", f"must be a whole number above 0, got {self.upper!r}"))

    @property
    def size(self) -> int:
        return self.upper

    def at(self, index: int) -> int:
        return index

    def from_unit(self, u: float) -> int:
        return _cell(u, self.upper)

    def to_unit(self, value: Any) -> float:
        return (2 * int(value) + 1) / (2 * self.upper)

    def contains(self, value: Any) -> bool:
        return type(value) is int and 0 <= value < self.upper

    def _believed(self, value: Any) -> Belief:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= self.upper - 1:
            text = f"must be a number from 0 to {self.upper - 1}, got {value!r}"
            raise ConfigError(Problem("near", text))
        return Bell(value, (value + 0.5) / self.upper)

    def _form(self) -> Any:
        return [self.NAME, [self.upper]]

    def _text(self) -> str:
        return f"randint({self.upper})"


def _cell(u: float, cells: int) -> int:
    """Which of `cells` equal parts of [0, 1] holds u."""
    return max(0, min(int(Fraction(u) * cells), cells - 1))


# ---------------------------------------------------------------- HyperDrive's functions


def choice(*options: Any) -> Choice:
    """One of the options: values, or one list or range of them. A dict option is a branch."""
    given = [plain(option) for option in options]
    listed = [option for option in given if isinstance(option, list | range)]
    if listed and len(given) > 1:
        text = f"a list must stand alone: for options that are lists write choice({given!r})"
        raise ConfigError(Problem("options", text))
    return Choice(tuple(listed[0] if listed else given))


def randint(upper: int) -> RandInt:
    """A whole number in [0, upper)."""
    return RandInt(upper)


def uniform(min_value: float, max_value: float) -> Uniform:
    """A float in [min_value, max_value]."""
    return Uniform(min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> QUniform:
    """round(uniform(min_value, max_value) / q) * q, inside the bounds; an int when q is whole."""
    return QUniform(min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> LogUniform:
    """exp(uniform(min_value, max_value)): the bounds are natural exponents."""
    return LogUniform(min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: float) -> QLogUniform:
    """round(exp(uniform(min_value, max_value)) / q) * q, inside the bounds; an int when q is whole."""
    return QLogUniform(min_value, max_value, q)


def normal(mu: float, sigma: float) -> Normal:
    """A float of mean mu and standard deviation sigma."""
    return Normal(mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> QNormal:
    """round(normal(mu, sigma) / q) * q; an int when q is whole."""
    return QNormal(mu, sigma, q)


def lognormal(mu: float, sigma: float) -> LogNormal:
    """exp(normal(mu, sigma)): mu and sigma are those of the logarithm."""
    return LogNormal(mu, sigma)


def qlognormal(mu: float, sigma: float, q: float) -> QLogNormal:
    """round(exp(normal(mu, sigma)) / q) * q; an int when q is whole."""
    return QLogNormal(mu, sigma, q)


LAWS: dict[str, Callable[..., Expression]] = {
    law.__name__: law
    for law in (
        choice, randint, uniform, quniform, loguniform, qloguniform, normal, qnormal, lognormal, qlognormal
    )
}  # fmt: skip
"""Each law by HyperDrive's name."""


def expression_from_json(form: Any) -> Expression:
    """The law of HyperDrive's list form, such as `["uniform", [0, 1]]`, or of the longer one that `near` gives;
    ConfigError when it is none."""
    if (
        isinstance(form, list)
        and len(form) == 3
        and isinstance(form[2], Mapping)
        and set(form[2]) == {"near"}
    ):
        return expression_from_json(form[:2]).near(form[2]["near"])
    if not (
        isinstance(form, list) and len(form) == 2 and isinstance(form[0], str) and isinstance(form[1], list)
    ):
        raise ConfigError(
            f"must be a law such as uniform(0, 1) or ['uniform', [0, 1]], got {form!r}; "
            f"for a list as a constant write choice([{form!r}])"
        )
    name, arguments = form
    if name not in LAWS:
        raise ConfigError(f"no law is called {name!r}; there are {', '.join(LAWS)}")
    if name == "choice":
        if len(arguments) != 1 or not isinstance(arguments[0], list):
            raise ConfigError(f"must be ['choice', [[options]]], got {form!r}")
        return Choice(tuple(arguments[0]))
    code = LAWS[name].__code__
    expected = code.co_varnames[: code.co_argcount]
    if len(arguments) != len(expected):
        raise ConfigError(f"{name} takes {', '.join(expected)}, got {arguments!r}")
    return LAWS[name](*arguments)


def named(parameters: Any) -> dict[str, Expression]:
    """Named laws from laws, list forms and constants; ConfigError with all that is wrong."""
    if not isinstance(parameters, Mapping):
        raise ConfigError(f"must be a mapping of names to laws, got {parameters!r}")
    problems, found = [], {}
    for name, given in parameters.items():
        problems += [Problem(str(name), text) for text in _name_faults(name)]
        try:
            found[name] = _law(plain(given))
        except ConfigError as error:
            problems += error.within(str(name)).problems
    if problems:
        raise ConfigError(problems)
    return found


def _law(given: Any) -> Expression:
    if isinstance(given, Expression):
        return given
    if isinstance(given, list | tuple):
        return expression_from_json(list(given))
    if isinstance(given, Mapping):
        raise ConfigError(f"must be a law such as uniform(0, 1) or a constant, got {given!r}")
    return Constant(given)


def _name_faults(name: Any) -> Iterator[str]:
    if not isinstance(name, str):
        yield f"a parameter's name must be text, got {name!r}"
    elif not name.strip("-"):
        yield f"a parameter's name must be text, and more than dashes, got {name!r}"
    elif "=" in name or not argument(name) or any(letter.isspace() for letter in name):
        yield f"a parameter's name must have no blank and no '=', got {name!r}"
