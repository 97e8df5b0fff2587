"""The tasks, split on the first day: odd BBOB functions and the first trainings are tuned on; the even
ones and
the rest are held out and run only to report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import functions
import numpy as np
import trainings

from overdrive import choice, quniform, uniform

DIMENSIONS = (2, 5, 10, 20)
INSTANCE = 3


@dataclass(frozen=True)
class Task:
    """What a sampler is asked to minimise. `least`: the known minimum, None when nobody knows it."""

    name: str
    space: Mapping[str, Any]
    loss: Callable[[dict[str, Any]], float]
    least: float | None = None


def cube(name: str, function: functions.Function, d: int) -> Task:
    names = [f"x{i}" for i in range(d)]
    return Task(
        f"{name}-{d}d",
        {n: uniform(-5, 5) for n in names},
        lambda params: function(np.array([params[n] for n in names])),
        0.0,
    )


def bbob(kinds: range) -> list[Task]:
    """Each function in two of the four dimensions, turn about."""
    made = []
    for place, kind in enumerate(kinds):
        for turn in (0, 2):
            d = DIMENSIONS[(place + turn) % 4]
            made.append(cube(f"f{kind:02d}", functions.bbob(kind, d, INSTANCE), d))
    return made


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

    grid = [
        loss({"a": a, "b": b, "c": c, "kind": k, "mode": m})
        for a in range(12)
        for b in (1, 2, 4, 8, 16)
        for c in (0, 0.5, 1)
        for k in "pqrs"
        for m in "vwxyz"
    ]
    return Task(f"lattice{weights}", space, loss, min(grid))


def real(table: Mapping[Any, Any]) -> list[Task]:
    return [Task(loss.__name__, space, loss) for loss, space in table.items()]


def tuning() -> list[Task]:
    return [
        *bbob(range(1, 25, 2)),
        cube("branin", functions.branin, 2),
        cube("hartmann", functions.hartmann, 6),
        cube("ackley", functions.ackley, 10),
        lattice(1),
        *real(trainings.TUNING),
    ]


def held_out() -> list[Task]:
    return [
        *bbob(range(2, 25, 2)),
        cube("levy", functions.levy, 6),
        cube("griewank", functions.griewank, 10),
        cube("styblinski", functions.styblinski, 6),
        lattice(2),
        *real(trainings.HELD_OUT),
    ]
