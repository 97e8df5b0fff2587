"""The tasks and their split, fixed before anything was run on them. Odd BBOB functions are tuned on, even ones
are held out and run only to report; the first classical functions and trainings were put on their sides by hand;
of all others the parity of a checksum of the name decides.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from importlib import import_module
from typing import Any

import numpy as np

from overdrive import choice, quniform, uniform
from overdrive.model.space import SearchSpace

from . import functions, tables

DIMENSIONS = (2, 5, 10, 20)
INSTANCE = 3


@dataclass(frozen=True)
class Task:
    """What a sampler is asked to minimise, made on first use. `least`: the minimum, None when nobody knows it;
    `cheap`: a loss costs microseconds."""

    name: str
    make: Callable[[], tuple[Mapping[str, Any], Callable[[dict[str, Any]], float]]]
    least: float | None = None
    cheap: bool = True

    @cached_property
    def _made(self) -> tuple[Mapping[str, Any], Callable[[dict[str, Any]], float]]:
        return self.make()

    @property
    def space(self) -> Mapping[str, Any]:
        return self._made[0]

    def loss(self, params: dict[str, Any]) -> float:
        return self._made[1](params)

    def lowest(self) -> float | None:
        """The minimum: what is known, or what a cheap loss says of every configuration of a finite space."""
        space = SearchSpace(self.space)
        if self.least is not None or not self.cheap or space.size is None:
            return self.least
        return min(self.loss(space.at(index)) for index in range(space.size))


def cube(name: str, make: Callable[[], functions.Function], d: int) -> Task:
    names = [f"x{i}" for i in range(d)]

    def build() -> tuple[Mapping[str, Any], Callable[[dict[str, Any]], float]]:
        function = make()
        return {n: uniform(-5, 5) for n in names}, lambda p: function(np.array([p[n] for n in names]))

    return Task(f"{name}-{d}d", build, 0.0)


def bbob(kind: int, d: int) -> Task:
    return cube(f"f{kind:02d}", partial(functions.bbob, kind, d, INSTANCE), d)


def lattice(weights: int) -> Task:
    """A discrete space of 3,600 points: a smooth valley over grids, bent by two unordered choices."""
    rng = np.random.default_rng(weights)
    pull, shift = rng.uniform(0.2, 1, 3), rng.uniform(0, 1, (3, 4, 5))
    space = {
        "a": quniform(0, 11, 1),
        "b": choice(1, 2, 4, 8, 16),
        "c": quniform(0, 1, 0.5),
        "kind": choice(*"pqrs"),
        "mode": choice(*"vwxyz"),
    }

    def loss(p: dict[str, Any]) -> float:
        at = np.array([p["a"] / 11, np.log2(p["b"]) / 4, p["c"]])
        centre = shift[:, "pqrs".index(p["kind"]), "vwxyz".index(p["mode"])]
        return float(np.sum(pull * (at - centre) ** 2) + 0.1 * np.sum(centre))

    return Task(f"lattice{weights}", lambda: (space, loss))


def real(module: str, name: str) -> Task:
    """A training by its name; what it trains with is imported on first use."""

    def build() -> tuple[Mapping[str, Any], Callable[[dict[str, Any]], float]]:
        found = import_module(f".{module}", __package__)
        loss = getattr(found, name)
        return found.SPACES[loss], loss

    return Task(name, build, cheap=False)


def table(kind: str, name: str) -> Task:
    return Task(f"{kind.lower()}_{name}", lambda: (tables.space(kind), tables.loss(kind, name)))


def by_checksum(task: Task) -> bool:
    """Whether a task that nobody has put on a side is held out."""
    return zlib.crc32(task.name.encode()) % 2 == 1


TUNED = (
    cube("branin", lambda: functions.branin, 2),
    cube("hartmann", lambda: functions.hartmann, 6),
    cube("ackley", lambda: functions.ackley, 10),
    lattice(1),
    *(
        real("trainings", name)
        for name in (
            "svm_digits",
            "forest_wine",
            "network_digits",
            "any_cancer",
            "boosting_diabetes",
            "bins_wine",
        )
    ),
)
HELD_OUT = (
    cube("levy", lambda: functions.levy, 6),
    cube("griewank", lambda: functions.griewank, 10),
    cube("styblinski", lambda: functions.styblinski, 6),
    lattice(2),
    *(
        real("trainings", name)
        for name in (
            "ridge_diabetes", "trees_digits", "sgd_cancer", "any_friedman", "gradient_wine", "network_friedman"
        )
    ),
)  # fmt: skip
OTHERS = (
    *(
        real("boosting", name)
        for name in (
            "lightgbm_cancer", "lightgbm_wine", "lightgbm_friedman", "lightgbm_diabetes", "pipeline_cancer"
        )
    ),
    *(table(kind, name) for kind, names in tables.NAMES.items() for name in names),
)  # fmt: skip


def side(held_out: bool, half: bool) -> list[Task]:
    """One side of the split; `half`: each BBOB function in two of the four dimensions only, turn about."""
    found = []
    for place, kind in enumerate(range(2 if held_out else 1, 25, 2)):
        turns = (0, 2) if half else range(4)
        found += [bbob(kind, DIMENSIONS[(place + turn) % 4]) for turn in turns]
    return [
        *found,
        *(HELD_OUT if held_out else TUNED),
        *(task for task in OTHERS if by_checksum(task) == held_out),
    ]


def suite(name: str) -> list[Task]:
    """The tasks of one of SUITES: `-half` with half of the BBOB tasks; `-few`, each fourth task of the half, for
    what takes seconds a suggestion."""
    tasks = side(name.startswith("held-out"), half=name.endswith(("half", "few")))
    return tasks[::4] if name.endswith("few") else tasks


@cache
def _all() -> Mapping[str, Task]:
    return {task.name: task for held_out in (False, True) for task in side(held_out, half=False)}


def task(name: str) -> Task:
    """The task of this name; the same one each time, so that it is made once."""
    return _all()[name]


SUITES = [side + part for side in ("tuning", "held-out") for part in ("", "-half", "-few")]
