"""The laws of numbers: uniform and normal, each with a logarithmic form, and the q forms of these four.

Every law maps the unit interval to its values by its inverse distribution function, so a sampler
needs only numbers in [0, 1): u -> value (`from_unit`) and back (`to_unit`).

Notation: q laws give round(x / q) * q, log laws give exp(x), both with x from the plain law.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from statistics import NormalDist
from typing import Any, ClassVar, Self

from ..errors import ConfigError, Problem
from .beliefs import Belief, Bell
from .values import key, plain

_NORMAL = NormalDist()
_TAIL = 2.0**-32  # a normal law is cut off where less than this is left: 6.2 sigma
_SLACK = 1e-12  # relative: exp(log(5)) is just below 5
_STEPS = 10**15  # beyond, neighbouring multiples of q are one float
_HUGE = 46.0  # exp of it is 1e20: more than any hyperparameter


class Expression:
    """A law of one hyperparameter: immutable, compared by value. `belief`: where its good values are
    believed to lie, see `near`."""

    NAME: ClassVar[str]
    belief: Belief | None = None

    @property
    def size(self) -> int | None:
        """How many values it has; None when they cannot be listed."""
        raise NotImplementedError

    def at(self, index: int) -> Any:
        """Value number `index` (from 0) of a law whose size is not None."""
        raise NotImplementedError

    def from_unit(self, u: float) -> Any:
        """The value at `u` of [0, 1], by the inverse distribution function."""
        raise NotImplementedError

    def to_unit(self, value: Any) -> float:
        """The middle of all u that give `value`; `value` must be one of this law's."""
        raise NotImplementedError

    def contains(self, value: Any) -> bool:
        """Whether the law can give this value (with this type: True is not 1)."""
        raise NotImplementedError

    def values(self) -> Sequence[Any] | None:
        """Its values in ascending or given order, made as they are asked for; None when endless."""
        return None if self.size is None else Values(self)

    def advice(self) -> list[str]:
        """What is allowed but most likely a mistake, with its repair."""
        return []

    def near(self, value: Any) -> Self:
        """The same law, and the belief that its good values lie near this one: samplers begin there, and go
        where results lead. ConfigError when the law has no such value; a number need not be a multiple of q.
        """
        law = copy(self)
        object.__setattr__(law, "belief", self._believed(plain(value)))
        return law

    def _believed(self, value: Any) -> Belief:
        raise NotImplementedError

    def to_json(self) -> Any:
        """HyperDrive's list form, `[name, [arguments]]`; with a belief `[name, [arguments], {"near": value}]`."""
        form = self._form()
        return form if self.belief is None else [*form, {"near": self.belief.value}]

    def _form(self) -> Any:
        raise NotImplementedError

    def _text(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._text() if self.belief is None else f"{self._text()}.near({self.belief.value!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and key(self.to_json()) == key(other.to_json())

    def __hash__(self) -> int:
        return hash(key(self.to_json()))


class Values(Sequence[Any]):
    """The values of a finite law, made one at a time: there may be a billion."""

    def __init__(self, law: Expression) -> None:
        self._law = law

    def __len__(self) -> int:
        return self._law.size or 0

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._law.at(i) for i in range(*index.indices(len(self)))]
        return self._law.at(range(len(self))[index])

    def __repr__(self) -> str:
        return f"Values({self._law!r})"


class _Real(Expression):
    """A law on the real line; subclasses give the inverse distribution function `real`, the
    distribution function `share` and the limits, and the mixins `_Log` and `_Quantized` bend them."""

    def real(self, u: float) -> float:
        raise NotImplementedError

    def share(self, x: float) -> float:
        raise NotImplementedError

    def _limits(self) -> tuple[float, float]:
        raise NotImplementedError

    def _problems(self) -> list[Problem]:
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        problems = []
        for name, given in self._arguments().items():
            value = plain(given)
            object.__setattr__(self, name, value)
            if isinstance(value, bool) or not isinstance(value, int | float):
                problems.append(Problem(name, f"must be a number, got {given!r}"))
            elif not _finite(value):
                problems.append(Problem(name, f"must be a finite number, got {given!r}"))
        problems = problems or self._problems()
        if problems:
            raise ConfigError(problems)

    @property
    def size(self) -> int | None:
        return 1 if self.real(0.0) == self.real(1.0) else None

    def at(self, index: int) -> Any:
        return self.from_unit(0.5)

    def from_unit(self, u: float) -> Any:
        if self.belief is not None and u == self.belief.centre:
            return float(self.belief.value)  # as it was written: exp(log(x)) is not always x
        return self.real(u)

    def to_unit(self, value: Any) -> float:
        return self.share(value)

    def contains(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high = self._limits()
        return _finite(value) and low <= value <= high

    def _believed(self, value: Any) -> Belief:
        if not _Real.contains(self, value):
            low, high = (f"{self.real(end):.6g}" for end in (0.0, 1.0))
            raise ConfigError(
                Problem("near", f"must be a number from {low} to {high}, as the run gets it, got {value!r}")
            )
        return Bell(value, self.share(value))

    def _form(self) -> Any:
        return [self.NAME, list(self._arguments().values())]

    def _text(self) -> str:
        return f"{self.NAME}({', '.join(map(repr, self._arguments().values()))})"


@dataclass(frozen=True, eq=False, repr=False)
class _Bounded(_Real):
    min_value: float
    max_value: float

    def real(self, u: float) -> float:
        low, high = float(self.min_value), float(self.max_value)
        return min(max(low + u * (high - low), low), high)

    def share(self, x: float) -> float:
        low, high = float(self.min_value), float(self.max_value)
        return min(max((x - low) / (high - low), 0.0), 1.0) if low < high else 0.5

    def _limits(self) -> tuple[float, float]:
        return self.min_value, self.max_value

    def _problems(self) -> list[Problem]:
        low, high = self.min_value, self.max_value
        if low > high or (low == high and not isinstance(self, _Log)):
            rule = "must not be above" if isinstance(self, _Log) else "must be below"
            return [Problem("min_value", f"{rule} max_value ({high!r}), got {low!r}")]
        if not _finite(float(high) - float(low)):
            return [Problem("max_value", f"is too far from min_value ({low!r}), got {high!r}")]
        return []


@dataclass(frozen=True, eq=False, repr=False)
class _Gaussian(_Real):
    mu: float
    sigma: float

    def real(self, u: float) -> float:
        return self.mu + self.sigma * _NORMAL.inv_cdf(min(max(u, _TAIL), 1.0 - _TAIL))

    def share(self, x: float) -> float:
        return _NORMAL.cdf((x - self.mu) / self.sigma) if self.sigma else 0.5

    def _limits(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.sigma else (self.mu, self.mu)

    def _problems(self) -> list[Problem]:
        if self.sigma < 0:
            return [Problem("sigma", f"must not be below 0, got {self.sigma!r}")]
        if not all(_finite(_Gaussian.real(self, u)) for u in (0.0, 1.0)):
            return [Problem("sigma", f"is too large for a float: mu + 6 sigma, got {self.sigma!r}")]
        return []


class _Log(_Real):
    """exp of the law behind it."""

    def real(self, u: float) -> float:
        return math.exp(super().real(u))

    def share(self, x: float) -> float:
        return super().share(math.log(x)) if x > 0 else super().share(-math.inf)

    def _limits(self) -> tuple[float, float]:
        low, high = super()._limits()
        return math.exp(low) * (1 - _SLACK), min(math.exp(high) * (1 + _SLACK), sys.float_info.max)

    def _problems(self) -> list[Problem]:
        problems = super()._problems()
        if problems:
            return problems
        try:
            self.real(1.0)
        except OverflowError:
            text = f"the largest exponent is {super().real(1.0):.6g}; exp of it is too large for a float"
            return [Problem(list(self._arguments())[1], "; ".join([text, *self.advice()]))]
        if isinstance(self, _Bounded) and self.real(0.0) == 0.0:
            text = f"exp({self.min_value!r}) is too small for a float; must be -745 or above"
            return [Problem("min_value", text)]
        return []

    def advice(self) -> list[str]:
        """Arguments that look like values where exponents belong: small positive ones, or huge ones."""
        given, bounded = list(self._arguments().values()), isinstance(self, _Bounded)
        meant, rest = (given[:2], given[2:]) if bounded else (given[:1], given[1:])
        low, high = meant[0], meant[-1]
        looks_small = (low < 0.1 and (high >= 10 * low or not bounded)) or (bounded and high <= 1)
        if low <= 0 or not (looks_small or high > _HUGE):
            return super().advice()
        written = ", ".join([f"log({value!r})" for value in meant] + [repr(value) for value in rest])
        digits = ", ".join([f"{math.log(value):.6g}" for value in meant] + [repr(value) for value in rest])
        repair = f"write {self.NAME}({written}), that is {self.NAME}({digits})"
        got = [_power(value) for value in meant]
        if bounded:
            says = f"takes exponents: values from {got[0]} to {got[1]}; for values from {low!r} to {high!r}"
        else:
            says = f"takes the mean of the logarithm: a median of {got[0]}; for a median of {low!r}"
        return [*super().advice(), f"{self!r} {says} {repair}"]


class _Quantized(_Real):
    """round(x / q) * q of the law behind it, kept inside its limits.

    A value is an int when q is a whole number, else the float nearest to the decimal multiple.
    """

    q: float

    @cached_property
    def _step(self) -> Fraction:
        return _exact(self.q)

    @cached_property
    def _span(self) -> tuple[int, int] | None:
        """The least and the greatest multiple inside the limits; None when there are no limits."""
        if not isinstance(self, _Bounded):
            return None
        low, high = map(_exact, self._limits())
        return math.ceil(low / self._step), math.floor(high / self._step)

    def _nearest(self, x: float) -> int:
        count = math.floor(x / self.q + 0.5)
        return count if self._span is None else max(self._span[0], min(count, self._span[1]))

    def _multiple(self, count: int) -> int | float:
        value = count * self._step
        return int(value) if self._step.denominator == 1 else float(value)

    def _problems(self) -> list[Problem]:
        if self.q <= 0:
            return [*super()._problems(), Problem("q", f"must be above 0, got {self.q!r}")]
        problems = super()._problems()
        if problems:
            return problems
        low, high = _exact(self.real(0.0)), _exact(self.real(1.0))
        # The far end of a log law may be coarse: what counts lies elsewhere.
        most = 10**300 if isinstance(self, _Log) else _STEPS
        if max(abs(low), abs(high)) / self._step > most:
            text = f"is too fine for values up to {float(high):.6g}, got {self.q!r}"
        elif self._span and self._span[0] > self._span[1]:
            text = f"has no multiple between {float(low):.6g} and {float(high):.6g}, got {self.q!r}"
        else:
            return []
        return [Problem("q", "; ".join([text, *super().advice()]))]

    @property
    def size(self) -> int | None:
        return super().size if self._span is None else self._span[1] - self._span[0] + 1

    def at(self, index: int) -> Any:
        return super().at(index) if self._span is None else self._multiple(self._span[0] + index)

    def from_unit(self, u: float) -> Any:
        return self._multiple(self._nearest(self.real(u)))

    def to_unit(self, value: Any) -> float:
        count = self._nearest(value)
        first, last = self._span or (None, None)
        low = 0.0 if count == first else self.share((count - 0.5) * self.q)
        high = 1.0 if count == last else self.share((count + 0.5) * self.q)
        return (low + high) / 2

    def contains(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            return False
        if self._step.denominator == 1 and not isinstance(value, int):
            return False
        if self._span is None and self.size == 1:
            return bool(value == self.at(0))
        if self._span is None and isinstance(self, _Log) and value < 0:
            return False
        count = _exact(value) / self._step
        return count.denominator == 1 and (self._span is None or self._span[0] <= count <= self._span[1])

    def advice(self) -> list[str]:
        found = super().advice()
        if self._span and self.size == 1:
            found.append(f"{self!r} has only one value, {self.at(0)!r}; a smaller q gives more")
        return found


class Uniform(_Bounded):
    """A float in [min_value, max_value]."""

    NAME = "uniform"


class LogUniform(_Log, _Bounded):
    """exp of a float in [min_value, max_value]: the bounds are natural exponents."""

    NAME = "loguniform"


class Normal(_Gaussian):
    """A float of mean mu and standard deviation sigma, cut off at 6.2 sigma."""

    NAME = "normal"


class LogNormal(_Log, _Gaussian):
    """exp of a normal float."""

    NAME = "lognormal"


@dataclass(frozen=True, eq=False, repr=False)
class QUniform(_Quantized, _Bounded):
    """A multiple of q in [min_value, max_value]."""

    q: float
    NAME: ClassVar[str] = "quniform"


@dataclass(frozen=True, eq=False, repr=False)
class QLogUniform(_Quantized, _Log, _Bounded):
    """A multiple of q in [exp(min_value), exp(max_value)]."""

    q: float
    NAME: ClassVar[str] = "qloguniform"


@dataclass(frozen=True, eq=False, repr=False)
class QNormal(_Quantized, _Gaussian):
    """A normal float, rounded to a multiple of q."""

    q: float
    NAME: ClassVar[str] = "qnormal"


@dataclass(frozen=True, eq=False, repr=False)
class QLogNormal(_Quantized, _Log, _Gaussian):
    """exp of a normal float, rounded to a multiple of q."""

    q: float
    NAME: ClassVar[str] = "qlognormal"


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int past the range of floats
        return False


def _exact(value: float) -> Fraction:
    """The decimal that the shortest text of `value` says: 0.1 is 1/10."""
    return Fraction(repr(value))


def _power(exponent: float) -> str:
    try:
        return f"{math.exp(exponent):.6g}"
    except OverflowError:
        return "infinity"
