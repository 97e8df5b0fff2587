"""The search space as a Gaussian process sees it: one axis for each decision, numbers in [0, 1], options by
their code, inputs in which a distance is a difference.

Notation: a *point* is an array of m axes. A numeric axis holds a number in [0, 1], a categorical one the code
of its option; what stands on the axis of a branch that is not taken plays no part. *Inputs* are the columns
that the kernel compares: a numeric axis is one column, a categorical one a column for each option.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...model.beliefs import Belief
from ...model.expressions import Branch, Choice, Constant, RandInt
from ...model.laws import Expression, QLogUniform, QUniform
from ...model.records import Params
from ...model.space import SearchSpace
from ...model.values import key
from .arrays import Array, Mask

_TABLE = 512
"""A grid of more values than this is treated as a continuum; its law rounds what is drawn."""

_REMEMBERED = 2**16
"""So many configurations are remembered with their points."""

_MIDDLE = 0.5
"""What stands in the input of a numeric axis whose branch is not taken."""

_HALF = math.sqrt(0.5)
"""One-hot columns of this height put two different options at distance 1."""


@dataclass(frozen=True, eq=False)
class Axis:
    """One decision. `slot`: its place in the space; `parent`: the axis and the code of the branch that it
    belongs to; `belief`: where its good places are believed to lie; `grid`: its positions in ascending order
    when they are few, each with its unit coordinate in `units`; `options`: how many codes a categorical axis
    has, else 0."""

    slot: int
    parent: tuple[int, int] | None
    belief: Belief | None
    grid: Array | None = None
    units: Array | None = None
    options: int = 0

    def place(self, unit: float) -> float:
        """What stands on the axis for a unit coordinate of the law."""
        if self.options:
            return float(min(int(unit * self.options), self.options - 1))
        if self.grid is not None and self.units is not None:
            return float(self.grid[int(np.argmin(np.abs(self.units - unit)))])
        return unit


class Encoding:
    """Points, inputs and configurations of one search space."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.axes: list[Axis] = list(_axes(space))
        self.categorical = np.array([axis.options > 0 for axis in self.axes], dtype=bool)
        self.gridded = np.array([axis.grid is not None for axis in self.axes], dtype=bool)
        self.continuous = ~self.categorical & ~self.gridded
        self._places: dict[int, tuple[Params, Hashable, Array | None]] = {}
        self._first: list[int] = []
        owners: list[int] = []
        for place, axis in enumerate(self.axes):
            self._first.append(len(owners))
            owners += [place] * max(1, axis.options)
        self.owner = np.array(owners, dtype=int)
        """(columns,): the axis that each input column belongs to."""

    def __len__(self) -> int:
        return len(self.axes)

    @cached_property
    def column(self) -> Array:
        """(m,): the first input column of each axis."""
        return np.array(self._first, dtype=int)

    def point(self, params: Params) -> Array:
        """The point of a configuration; ValueError when the space does not contain it."""
        units = self.space.to_vector(params)
        point = np.full(len(self.axes), _MIDDLE)
        for place, axis in enumerate(self.axes):
            unit = units[axis.slot]
            if unit is not None:
                point[place] = axis.place(unit)
            elif axis.options:
                point[place] = 0.0
        return point

    def place(self, params: Params) -> tuple[Hashable, Array | None]:
        """The key of a configuration and its point, None outside the space. A dict that was seen before is
        answered at once."""
        known = self._places.get(id(params))
        if known is None or known[0] is not params:
            try:
                point = self.point(params)
            except ValueError:
                point = None
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            self._places[id(params)] = known = (params, key(params), point)
        return known[1:]

    def params(self, point: Array) -> Params:
        """The configuration at a point; numbers off their grid go to its nearest value."""
        units = [_MIDDLE] * self.space.dimensions
        for place, axis in enumerate(self.axes):
            value = float(point[place])
            if axis.options:
                units[axis.slot] = (value + 0.5) / axis.options
            elif axis.grid is not None and axis.units is not None:
                units[axis.slot] = float(axis.units[int(np.argmin(np.abs(axis.grid - value)))])
            else:
                units[axis.slot] = value
        return self.space.from_vector(units)

    def from_units(self, units: Array) -> Array:
        """(n, m) points of (n, m) numbers in [0, 1), on their grids; equal shares to all options."""
        points = units.copy()
        for place, axis in enumerate(self.axes):
            if axis.options:
                points[:, place] = np.minimum(np.floor(units[:, place] * axis.options), axis.options - 1)
            elif axis.grid is not None:
                cell = np.minimum((units[:, place] * len(axis.grid)).astype(int), len(axis.grid) - 1)
                points[:, place] = axis.grid[cell]
        return points

    def snap(self, points: Array) -> Array:
        """(n, m) points with each number on its grid, others to a millionth of their range: the last digits of
        linear algebra differ from machine to machine."""
        points = np.where(self.continuous, np.round(points, 6), points)
        for place, axis in enumerate(self.axes):
            if axis.grid is not None:
                middles = (axis.grid[1:] + axis.grid[:-1]) / 2
                points[:, place] = axis.grid[np.searchsorted(middles, points[:, place])]
        return points

    def allowed(self, points: Array) -> Mask:
        """(n, m) -> (n,) whether the constraints of the space allow the configuration."""
        if not self.space.constraints:
            return np.ones(len(points), dtype=bool)
        return np.array([self.space.allows(self.params(point)) for point in points], dtype=bool)

    def active(self, points: Array) -> Array:
        """(n, m) booleans: whether the branch of each axis is taken."""
        taken = np.ones(points.shape, dtype=bool)
        for place, axis in enumerate(self.axes):
            if axis.parent is not None:
                above, code = axis.parent
                taken[:, place] = taken[:, above] & (points[:, above] == code)
        return taken

    def inputs(self, points: Array) -> Array:
        """(n, columns): what the kernel compares."""
        taken = self.active(points)
        columns = np.empty((len(points), len(self.owner)))
        for place, axis in enumerate(self.axes):
            first = self._first[place]
            if axis.options:
                codes = np.where(taken[:, place], points[:, place], -1.0)
                columns[:, first : first + axis.options] = _HALF * (codes[:, None] == np.arange(axis.options))
            else:
                columns[:, first] = np.where(taken[:, place], points[:, place], _MIDDLE)
        return columns


def _axes(space: SearchSpace) -> Iterator[Axis]:
    """The axes of the slots that leave a choice, in order; a branch follows the choice that opens it."""
    parents = _parents(space.parameters)
    numbers: dict[int, int] = {}
    for slot, (_, _, law) in enumerate(space.slots):
        above = next(parents)
        if law.size == 1 and not (isinstance(law, Choice) and law.branches):
            continue
        parent = None if above is None else (numbers[above[0]], above[1])
        numbers[slot] = len(numbers)
        grid = _grid(law)
        if grid is not None:
            yield Axis(slot, parent, law.belief, *grid)
        elif isinstance(law, Choice):
            yield Axis(slot, parent, law.belief, options=law.size)
        else:
            yield Axis(slot, parent, law.belief)


def _parents(laws: Mapping[str, Expression]) -> Iterator[tuple[int, int] | None]:
    """For each slot of the space: the slot and the option that it hangs on."""

    def walk(
        laws: Mapping[str, Expression], parent: tuple[int, int] | None, slot: int
    ) -> Iterator[tuple[int, int] | None]:
        for law in laws.values():
            if isinstance(law, Constant):
                continue
            own, slot = slot, slot + 1
            yield parent
            if isinstance(law, Choice):
                for code, option in enumerate(law.options):
                    if isinstance(option, Branch):
                        below = list(walk(option.parameters, (own, code), slot))
                        slot += len(below)
                        yield from below

    return walk(laws, None, 0)


def _grid(law: Expression) -> tuple[Array, Array] | None:
    """The ascending positions in [0, 1] of a law with few ordered values, and their unit coordinates."""
    size = law.size
    if size is None or not 1 < size <= _TABLE:
        return None
    values: list[Any] = [law.at(index) for index in range(size)]
    if isinstance(law, Choice):
        if not all(type(value) in (int, float) for value in values):
            return None
        order = sorted(range(size), key=lambda index: values[index])
        places = np.arange(size, dtype=float)  # 16, 32, 64 and 0.1, 0.01 are even steps to whoever wrote them
        values = [values[index] for index in order]
    elif isinstance(law, QLogUniform):
        places = np.log(np.maximum(np.array([float(value) for value in values]), float(law.q) / 2))
    elif isinstance(law, QUniform | RandInt):
        places = np.arange(size, dtype=float)
    else:
        return None
    units = np.array([law.to_unit(value) for value in values])
    return (places - places[0]) / (places[-1] - places[0]), units
