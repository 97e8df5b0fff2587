"""The search space: named laws in order, with conditional branches, seen as a list of
configurations (when it is finite) and as a unit cube of fixed dimension (always)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ..errors import ConfigError, Problem
from .constraints import Constraint
from .constraints import constraints as read_constraints
from .expressions import Branch, Choice, Constant, named
from .laws import Expression
from .records import Params
from .values import key, token

__all__ = ["SearchSpace", "Slot", "token"]

_Laws = Mapping[str, Expression]

_SHARED = 2**16
"""Up to so many configurations, branches that share a name are checked for equal ones."""


class Slot(NamedTuple):
    """One decision of a space, one coordinate of its unit cube. `where` is its path in the space."""

    where: str
    name: str
    law: Expression


class SearchSpace:
    """Parameters by name: laws, HyperDrive's list forms (`["uniform", [0, 1]]`) or constants.

    A configuration (`Params`) is flat. A dict option of a choice contributes its own parameters, and
    the choice itself then has no value. `constraints` are expressions over the parameters that a
    configuration must satisfy (see `model.constraints`); `size` and `at` do not know of them. ConfigError
    lists everything that is wrong.
    """

    def __init__(self, parameters: Mapping[str, Any], constraints: Iterable[str] = ()) -> None:
        found = named(parameters)
        problems = list(_clashes(found))
        self.constraints: tuple[Constraint, ...] = ()
        try:
            self.constraints = read_constraints(constraints, _names(found))
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)
        self.parameters: _Laws = MappingProxyType(found)
        self.slots: tuple[Slot, ...] = tuple(_slots(found))
        self.names: tuple[str, ...] = tuple(dict.fromkeys(_names(found)))
        self._counter = _Counter()
        self.size: int | None = self._counter.configurations(found)

    @property
    def dimensions(self) -> int:
        """The length of a unit vector: every branch has coordinates of its own, constants have none."""
        return len(self.slots)

    def at(self, index: int) -> Params:
        """Configuration `index` of a finite space; the last parameter turns fastest.

        IndexError outside [0, size), TypeError when the space is not finite.
        """
        if self.size is None:
            raise TypeError("this space has no finite list of configurations")
        if not 0 <= index < self.size:
            raise IndexError(f"configuration {index} of {self.size}")
        return self._counter.pick(self.parameters, index)

    def from_vector(self, units: Sequence[float]) -> Params:
        """The configuration at a point of the unit cube; coordinates of other branches are ignored."""
        if len(units) != self.dimensions:
            raise ValueError(f"expected {self.dimensions} numbers, got {len(units)}")
        params: Params = {}
        _place(self.parameters, iter(units), params)
        return params

    def from_units(self, next_unit: Callable[[], float]) -> Params:
        """The configuration of the next `dimensions` numbers, always as many."""
        return self.from_vector([next_unit() for _ in self.slots])

    @property
    def believes(self) -> bool:
        """Whether a law says where its good values are believed to lie (`law.near`)."""
        return any(slot.law.belief is not None for slot in self.slots)

    def believed(self, units: Sequence[float]) -> list[float]:
        """Numbers drawn from [0, 1), one a slot, as coordinates that gather where good values are believed to
        lie; those of laws without a belief stay as they are."""
        beliefs = (slot.law.belief for slot in self.slots)
        return [u if b is None else b.from_unit(u) for u, b in zip(units, beliefs, strict=True)]

    def to_vector(self, params: Params) -> list[float | None]:
        """The middle of the cell that gives these values; None where a branch is not taken.

        ValueError when the space does not contain `params`.
        """
        units: list[float | None] = []
        if not _locate(self.parameters, params, units):
            raise ValueError(f"not in the search space: {params!r}")
        return units

    def contains(self, params: Params) -> bool:
        """Whether exactly these names, with these values, can be a configuration."""
        return _locate(self.parameters, params, []) and self.allows(params)

    def allows(self, params: Params) -> bool:
        """Whether a configuration satisfies every constraint."""
        return all(constraint.allows(params) for constraint in self.constraints)

    def check(self, params: Params) -> None:
        """ConfigError with everything that keeps `params` from being a configuration."""
        problems = [
            Problem(name, f"is no parameter of the space; it has {', '.join(self.names)}")
            for name in params
            if name not in self.names
        ]
        for name, value in params.items():
            laws = [law for law in self._laws(name) if not law.contains(value)]
            if laws and len(laws) == len(self._laws(name)):
                problems.append(Problem(name, f"must be in {' or '.join(map(repr, laws))}, got {value!r}"))
        always = [name for name, law in self.parameters.items() if not _branches(law)]
        problems += [Problem(name, "has no value") for name in always if name not in params]
        if not problems and not _locate(self.parameters, params, []):
            problems.append(
                Problem("values", f"these names together are no branch of the space: {', '.join(params)}")
            )
        problems += [
            Problem("values", f"the constraint {one.text!r} does not hold")
            for one in self.constraints
            if not problems and not one.allows(params)
        ]
        if problems:
            raise ConfigError(problems)

    def _laws(self, name: str) -> list[Expression]:
        return [law for own, law in _all_laws(self.parameters) if own == name]

    def advice(self) -> list[str]:
        """What is allowed but most likely a mistake, as `name: text` lines."""
        return [f"{slot.where}: {text}" for slot in self.slots for text in slot.law.advice()]

    def to_json(self) -> dict[str, Any]:
        """HyperDrive's form: an object of list forms and constants, in order."""
        return {name: law.to_json() for name, law in self.parameters.items()}

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any], constraints: Iterable[str] = ()) -> SearchSpace:
        """The space that `to_json` wrote, with the texts of its constraints, which HyperDrive's form lacks."""
        return cls(parameters, constraints)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, SearchSpace)
            and self.names == other.names
            and key(self.to_json()) == key(other.to_json())
            and self._texts == other._texts
        )

    def __hash__(self) -> int:
        return hash(key(self.to_json()))

    def __reduce__(self) -> tuple[Any, ...]:
        return SearchSpace, (dict(self.parameters), self._texts)

    def __repr__(self) -> str:
        also = f", constraints={list(self._texts)!r}" if self.constraints else ""
        return f"SearchSpace({dict(self.parameters)!r}{also})"

    @property
    def _texts(self) -> tuple[str, ...]:
        return tuple(constraint.text for constraint in self.constraints)


# ---------------------------------------------------------------- names and coordinates


def _branches(law: Expression) -> tuple[Branch, ...]:
    return law.branches if isinstance(law, Choice) else ()


def _names(parameters: _Laws) -> Iterator[str]:
    """Every name that may appear in a configuration; a choice of branches alone has no value."""
    for name, law in parameters.items():
        branches = _branches(law)
        if len(branches) != law.size:
            yield name
        for branch in branches:
            yield from _names(branch.parameters)


def _all_laws(parameters: _Laws) -> Iterator[tuple[str, Expression]]:
    for name, law in parameters.items():
        yield name, law
        for branch in _branches(law):
            yield from _all_laws(branch.parameters)


def _slots(parameters: _Laws, prefix: str = "") -> Iterator[Slot]:
    for name, law in parameters.items():
        if not isinstance(law, Constant):
            yield Slot(prefix + name, name, law)
        for place, branch in _numbered(law):
            yield from _slots(branch.parameters, f"{prefix}{name}.options[{place}].")


def _numbered(law: Expression) -> Iterator[tuple[int, Branch]]:
    if isinstance(law, Choice):
        for place, option in enumerate(law.options):
            if isinstance(option, Branch):
                yield place, option


def _clashes(parameters: _Laws) -> Iterator[Problem]:
    """Names that could meet in one configuration and be the same on a command line."""
    yield from _clashes_below(parameters, "", {})


def _clashes_below(parameters: _Laws, prefix: str, taken: dict[str, str]) -> Iterator[Problem]:
    """As above; `taken` (name without dashes -> its path) is what is in use outside, and gains ours."""
    for name in parameters:
        bare, where = name.lstrip("-"), prefix + name
        if bare in taken:
            yield Problem(where, f"has the same name as {taken[bare]}; give it another one")
        else:
            taken[bare] = where
    for name, law in parameters.items():
        gained: dict[str, str] = {}
        for place, branch in _numbered(law):
            inside = dict(taken)
            yield from _clashes_below(branch.parameters, f"{prefix}{name}.options[{place}].", inside)
            gained.update(inside)
        taken.update(gained)


# ---------------------------------------------------------------- unit cube


def _place(parameters: _Laws, units: Iterator[float], params: Params | None) -> None:
    """Spend the coordinates of these parameters and enter their values; `params` None: only spend."""
    for name, law in parameters.items():
        value = law.value if isinstance(law, Constant) else law.from_unit(next(units))
        if params is not None and not isinstance(value, Branch):
            params[name] = value
        for branch in _branches(law):
            _place(branch.parameters, units, params if branch is value else None)


def _locate(parameters: _Laws, params: Params, units: list[float | None]) -> bool:
    """Append the coordinates of `params`, which must be used up; False when they do not fit."""
    left = dict(params)
    for name, law in parameters.items():
        own = {n: left.pop(n) for n in _names({name: law}) if n in left}
        branches = _branches(law)
        chosen: Any = None
        inside: list[float | None] = []
        if name in own:
            chosen = own.pop(name)
            if own or not law.contains(chosen):
                return False
        else:
            for branch in branches:
                inside = []
                if _locate(branch.parameters, own, inside):
                    chosen = branch
                    break
            else:
                return False
        if not isinstance(law, Constant):
            units.append(law.to_unit(chosen))
        for branch in branches:
            units += inside if branch is chosen else [None] * len(list(_slots(branch.parameters)))
    return not left


# ---------------------------------------------------------------- configurations by number


class _Counter:
    """Mixed-radix numbers: a parameter is a digit, a branch a stretch of its digit's values."""

    def __init__(self) -> None:
        self._merged: dict[tuple[str, int], list[Params]] = {}

    def configurations(self, parameters: _Laws) -> int | None:
        """How many there are, None when a law is not finite."""
        total = 1
        for name, law in parameters.items():
            count = self._values(name, law)
            if count is None:
                return None
            total *= count
        return total

    def pick(self, parameters: _Laws, index: int) -> Params:
        """Configuration number `index`."""
        parts = []
        for name, law in reversed(list(parameters.items())):
            index, digit = divmod(index, self._values(name, law) or 1)
            parts.append(self._value(name, law, digit))
        return {name: value for part in reversed(parts) for name, value in part.items()}

    def _values(self, name: str, law: Expression) -> int | None:
        """How many ways there are to give this parameter, with all that hangs on it."""
        if not isinstance(law, Choice) or not law.branches:
            return law.size
        place = (name, id(law))
        if place in self._merged:
            return len(self._merged[place])
        total = 0
        for option in law.options:
            count = self._ways(option)
            if count is None:
                return None
            total += count
        if total <= _SHARED and _share_names(law):
            every = [self._value(name, law, digit) for digit in range(total)]
            self._merged[place] = list({key(params): params for params in every}.values())
            return len(self._merged[place])
        return total

    def _value(self, name: str, law: Expression, digit: int) -> Params:
        if not isinstance(law, Choice) or not law.branches:
            return {name: law.at(digit)}
        if (name, id(law)) in self._merged:
            return self._merged[name, id(law)][digit]
        for option in law.options:
            count = self._ways(option) or 0
            if digit < count:
                return self.pick(option.parameters, digit) if isinstance(option, Branch) else {name: option}
            digit -= count
        raise IndexError(digit)

    def _ways(self, option: Any) -> int | None:
        return self.configurations(option.parameters) if isinstance(option, Branch) else 1


def _share_names(law: Choice) -> bool:
    """Whether two branches may give the same configuration: a name occurs in both."""
    seen: set[str] = set()
    for branch in law.branches:
        names = set(_names(branch.parameters))
        if seen & names:
            return True
        seen |= names
    return False
