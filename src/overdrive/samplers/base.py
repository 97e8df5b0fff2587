"""The sampler protocol, what all samplers share, and the table of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import signature
from itertools import count
from random import Random
from typing import Any, ClassVar, Protocol, Self

from ..errors import ConfigError, NotFound, Problem
from ..model.history import History
from ..model.records import Params
from ..model.space import SearchSpace
from ..model.values import key, plain
from ..registry import Registry

SAMPLERS = Registry(
    "samplers",
    {
        "random": "overdrive.samplers.random:RandomParameterSampling",
        "grid": "overdrive.samplers.grid:GridParameterSampling",
        "sobol": "overdrive.samplers.sobol:SobolParameterSampling",
        "bayesian": "overdrive.samplers.bayesian:BayesianParameterSampling",
    },
)


class Sampler(Protocol):
    """What the planner needs of a sampler. It keeps no state: replay and resume come free."""

    NAME: ClassVar[str]
    space: SearchSpace
    seed: int | None

    def propose(self, history: History, number: int) -> Params | None:
        """The values of run `number` (from 0), or None: the space is used up.

        The same answer for the same space, seed, number and history, on any machine; numbers may be
        asked in any order. Without a seed it is as if the seed were 0.
        """
        ...

    def seeded(self, seed: int) -> Self:
        """The same sampler with this seed."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What `sampler_from_json` reads."""
        ...


class HyperParameterSampling:
    """The base of all samplers: a search space and a seed, both fixed.

    `parameter_space` is a SearchSpace or a mapping of names to laws; `properties` is carried along
    unread, as HyperDrive does; `constraints` are expressions such as `"width * layers <= 4096"` that every
    proposal satisfies. ConfigError lists all that is wrong.
    """

    NAME: ClassVar[str]

    def __init__(
        self,
        parameter_space: SearchSpace | Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        seed: int | None = None,
        constraints: Sequence[str] = (),
    ) -> None:
        problems: list[Problem] = []
        try:
            given = parameter_space
            if isinstance(given, SearchSpace) and not constraints:
                self.space = given
            elif isinstance(given, SearchSpace):
                known = [one.text for one in given.constraints]
                self.space = SearchSpace(given.parameters, [*known, *constraints])
            else:
                self.space = SearchSpace(given, constraints)
            problems += self._problems()
            problems += _unsatisfiable(self.space)
        except ConfigError as error:
            problems += error.problems
        problems = list(ConfigError(problems).within("search_space").problems)
        self.seed: int | None = plain(seed)
        if self.seed is not None and type(self.seed) is not int:
            problems.append(Problem("seed", f"must be a whole number or None, got {seed!r}"))
        if problems:
            raise ConfigError(problems)
        self.properties = properties

    def _problems(self) -> list[Problem]:
        """What in `self.space` this sampler cannot take."""
        return []

    def propose(self, history: History, number: int) -> Params | None:
        """The values of run `number` (from 0), or None: the space is used up."""
        raise NotImplementedError

    def seeded(self, seed: int) -> Self:
        """The same sampler with this seed."""
        return type(self)(self.space, properties=self.properties, seed=seed)

    def to_json(self) -> dict[str, Any]:
        """What `sampler_from_json` reads."""
        form: dict[str, Any] = {
            "name": self.NAME,
            "parameter_space": self.space.to_json(),
            "seed": self.seed,
        }
        if self.space.constraints:
            form["constraints"] = [constraint.text for constraint in self.space.constraints]
        return form if self.properties is None else {**form, "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HyperParameterSampling) and key(self.to_json()) == key(other.to_json())

    def __hash__(self) -> int:
        return hash(key(self.to_json()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.space, self.properties, self.seed)

    def __repr__(self) -> str:
        seed = "" if self.seed is None else f", seed={self.seed}"
        return f"{type(self).__name__}({dict(self.space.parameters)!r}{seed})"


class SequenceSampling(HyperParameterSampling):
    """A sampler that walks through one sequence of draws, whatever the runs report.

    In a finite space every configuration comes once: a draw that has come before is passed over, and
    when many in a row have, what is left follows in shuffled order.
    """

    REJECTIONS: ClassVar[int] = 200
    """So many repeated draws in a row mean that little is left."""

    SHUFFLED: ClassVar[int] = 2**16
    """Up to this size the rest is shuffled; a larger space is never nearly used up by a sweep."""

    HOPELESS: ClassVar[int] = 100_000
    """So many draws in a row that the constraints forbid, or that have come before, are the end."""

    def draw(self, index: int) -> Params:
        """Draw number `index` (from 0) of the sequence that this seed gives."""
        raise NotImplementedError

    def at_units(self, units: Sequence[float], index: int) -> Params:
        """The configuration of draw `index` from one number in [0, 1) a slot. Where laws have beliefs (`near`)
        half of the draws follow them, and half do not."""
        if self.space.believes and Random(f"{self.seed or 0}:near:{index}").random() < 0.5:
            units = self.space.believed(units)
        return self.space.from_vector(units)

    def propose(self, history: History, number: int) -> Params | None:
        """Draw `number` of those that are allowed, and distinct in a finite space; None when it is used up."""
        size = self.space.size
        if size is None and not self.space.constraints:
            return self.draw(number)
        if size is not None and number >= size:
            return None
        if not hasattr(self, "_taken"):
            # Only grows, and holds the same whatever was asked before.
            self._taken: list[Params] = []
            self._coming = self._allowed() if size is None else self._without_replacement(size)
        while len(self._taken) <= number:
            params = next(self._coming, None)
            if params is None:
                return None
            self._taken.append(params)
        return dict(self._taken[number])

    def _allowed(self) -> Iterator[Params]:
        forbidden = 0
        for index in count():
            params = self.draw(index)
            forbidden = 0 if self.space.allows(params) else forbidden + 1
            if not forbidden:
                yield params
            elif forbidden >= self.HOPELESS:
                return

    def _without_replacement(self, size: int) -> Iterator[Params]:
        seen = set()
        rejected = 0
        for index in count():
            if rejected >= (self.REJECTIONS if size <= self.SHUFFLED else self.HOPELESS):
                break
            params = self.draw(index)
            mark = key(params)
            fresh = mark not in seen and self.space.allows(params)
            rejected = 0 if fresh else rejected + 1
            if fresh:
                seen.add(mark)
                yield params
        if size > self.SHUFFLED:
            return
        # random() alone is promised to give the same numbers in every version of Python.
        numbers = Random(f"{self.seed or 0}:rest")
        for index in sorted(range(size), key=lambda _: numbers.random()):
            params = self.space.at(index)
            if key(params) not in seen and self.space.allows(params):
                yield params


def _unsatisfiable(space: SearchSpace, draws: int = 2000) -> Iterator[Problem]:
    """A problem when none of so many random configurations satisfies the constraints."""
    if space.constraints:
        units = Random("constraints").random
        if not any(space.allows(space.from_units(units)) for _ in range(draws)):
            texts = " and ".join(repr(constraint.text) for constraint in space.constraints)
            yield Problem(
                "constraints", f"none of {draws} random configurations satisfies {texts}; loosen them"
            )


def sampler_from_json(form: Mapping[str, Any]) -> Sampler:
    """The sampler that `to_json` wrote; ConfigError when the name or the space is wrong."""
    try:
        sampling = SAMPLERS.load(form["name"])
    except NotFound as error:
        raise ConfigError(Problem("name", str(error))) from None
    options = {name: form[name] for name in signature(sampling).parameters if name in form}
    options.pop("parameter_space")
    sampler: Sampler = sampling(form["parameter_space"], **options)
    return sampler
